"""Two workers against one, and memory at one and at ten times the corpus.

    python -m benchmarks.scaling ARCHIVES [--config FILE] [--times 10]

Speed-up is that of ingest, the part that workers share, with the workers already started; a whole
build also holds the single passes over all fingerprints and the gate, and its time is shown beside.
The larger corpus holds each package again and again with its identifiers renamed, so that hardly
anything is a duplicate and nearly all of it goes through every stage (benchmarks/replicas.py).
Memory is the peak resident set size that Linux keeps for each process (VmHWM), of the client and
of the largest worker; it includes the libraries they share. The last line is its ratio, which is 1
where memory does not depend on the size of the corpus. A build that fails its gate is not measured:
the benchmark ends there.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.replicas import replicate
from corpus.configuration import BuildConfig, load
from corpus.executor import connect
from corpus.ingest.bundle import ingest, plan_bundles
from corpus.store import ArchiveStore

WORKERS = (1, 2)


@dataclass(frozen=True, slots=True)
class Peak:
    """Seconds for a build, and the most memory that client and worker held (bytes)."""

    seconds: float
    client: int
    worker: int


def build(archives: Path, config: Path | None, workers: int) -> Peak:
    """Build in a new folder and watch the processes."""
    with (
        tempfile.TemporaryDirectory(dir=archives.parent) as out,
        tempfile.TemporaryFile("w+") as said,
    ):
        command = [sys.executable, "-m", "corpus", "build", "--archives", str(archives)]
        command += ["--out", out, "--workers", str(workers)]
        command += ["--config", str(config)] if config else []
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said)
        peaks = watch(process)
        seconds = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            raise SystemExit(failure(process.returncode, said.read()))
    return Peak(seconds, *peaks)


def failure(status: int, said: str) -> str:
    """Say how a build failed, after what it said itself."""
    what = "did not pass its gate" if status == 1 else "failed"
    return f"{said}The build {what} (exit code {status}), so its figures would mean nothing."


def ingest_seconds(archives: Path, config: BuildConfig, workers: int) -> float:
    """Return the seconds that reading all archives takes on workers that have read some before."""
    store = ArchiveStore(archives)
    with (
        tempfile.TemporaryDirectory(dir=archives.parent) as folder,
        connect(workers, None) as executor,
    ):
        bundles = plan_bundles(store.archives(), store, Path(folder), config.ingest)
        first = [replace(b, destination=Path(folder) / f"warm-{n}") for n, b in enumerate(bundles)]
        list(executor.map(ingest, first[: 2 * workers]))
        started = time.perf_counter()
        list(executor.map(ingest, bundles))
        return time.perf_counter() - started


def watch(process: "subprocess.Popen[bytes]") -> tuple[int, int]:
    """Return the peak resident set size of the process itself and of its largest descendant."""
    client = worker = 0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        time.sleep(0.2)
        client = max(client, peak_of(root))
        worker = max([worker, *map(peak_of, descendants(root))])
    return client, worker


def descendants(root: psutil.Process) -> list[psutil.Process]:
    """Return all processes below `root` that still run."""
    try:
        return list(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def peak_of(process: psutil.Process) -> int:
    """Return the most memory that a process has held so far, in bytes; 0 if it is gone."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def table(sizes: dict[int, Path], config: Path | None) -> dict[tuple[int, int], Peak]:
    """Build every size with each number of workers, print what it took and return it."""
    peaks = {}
    for times, path in sizes.items():
        for workers in WORKERS:
            peak = peaks[times, workers] = build(path, config, workers)
            print(
                f"{times:>3}x  {workers} worker(s)  {peak.seconds:7.1f} s  "
                f"client {peak.client / 1e6:6.0f} MB  worker {peak.worker / 1e6:6.0f} MB",
                flush=True,
            )
    return peaks


def growth(peaks: dict[tuple[int, int], Peak], times: int) -> str:
    """Say how memory at `times` compares with memory at once, for each number of workers."""
    ratios = []
    for workers in WORKERS:
        once, often = peaks[1, workers], peaks[times, workers]
        client, worker = often.client / once.client, often.worker / once.worker
        ratios.append(f"{workers} worker(s): client {client:.2f}, worker {worker:.2f}")
    return f"memory at {times}x against 1x, {'; '.join(ratios)}"


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("archives", type=Path)
    arguments.add_argument("--config", type=Path)
    arguments.add_argument("--times", type=int, default=10)
    given = arguments.parse_args()
    config = load(given.config) if given.config else BuildConfig()
    with tempfile.TemporaryDirectory(dir=given.archives.parent) as folder:
        sizes = {1: Path(folder) / "one", given.times: Path(folder) / "many"}
        for times, path in sizes.items():
            replicate(ArchiveStore(given.archives), ArchiveStore(path), times)
        peaks = table(sizes, given.config)
        one, two = (ingest_seconds(sizes[given.times], config, workers) for workers in WORKERS)
        print(f"ingest at {given.times}x: {one:.1f} s with 1 worker, {two:.1f} s with 2,", end=" ")
        print(f"{one / two:.2f} times as fast")
        print(growth(peaks, given.times))


if __name__ == "__main__":
    main()
