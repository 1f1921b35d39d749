"""Two workers against one, and memory at one and at ten times the corpus.

    python -m benchmarks.scaling ARCHIVES [--config FILE] [--times 10]

Speed-up is that of ingest, the part that workers share, with the workers already started; a whole
build also holds the single passes over all fingerprints and the gate, and its time is shown beside.
The larger corpus holds each package again and again with every identifier-like word of its sources
marked, so that nothing is a duplicate and all of it goes through every stage. Memory is the
largest unique set size (USS) seen by sampling, of the client and of the largest worker.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from corpus.archive import Member, open_hex_tarball
from corpus.configuration import BuildConfig, load
from corpus.executor import connect
from corpus.ingest import ingest, plan_bundles
from corpus.store import Archive, ArchiveStore
from demo.hex_tarball import pack

WORD = re.compile(rb"\b([a-z]{3,})(?=[ (,.\n])")
KEYWORDS = frozenset(
    b"after and begin case catch cond def defdelegate defexception defguard defguardp defimpl "
    b"defmacro defmacrop defmodule defp defprotocol defstruct doc else end false fun import "
    b"moduledoc nil not quote receive rescue require true try unquote use when alias "
    b"behaviour behavior export module record include spec type callback opaque".split()
)


@dataclass(frozen=True, slots=True)
class Peak:
    """Seconds for a build, and the most memory that client and worker held (bytes)."""

    seconds: float
    client: int
    worker: int


def edited(data: bytes, round_number: int) -> bytes:
    """Mark every lower-case word that is no keyword, so that shingles differ but syntax holds."""
    mark = b"_%d" % round_number

    def change(match: re.Match[bytes]) -> bytes:
        return match[1] if match[1] in KEYWORDS else match[1] + mark

    return data if round_number == 0 else WORD.sub(change, data)


def replicate(store: ArchiveStore, target: ArchiveStore, times: int) -> None:
    """Fill `target` with `times` edited copies of every archive."""
    for archive in store.archives():
        tarball = open_hex_tarball(store.read(archive))
        members = [member for member in tarball.members() if isinstance(member, Member)]
        for number in range(times):
            name = f"{archive.name}_{number}"
            put(target, archive, name, {m.path: _copy(m, number) for m in members})


def _copy(member: Member, number: int) -> bytes:
    is_code = member.path.endswith((".ex", ".exs", ".erl", ".hrl"))
    return edited(member.data, number) if is_code else member.data


def put(target: ArchiveStore, archive: Archive, name: str, files: dict[str, bytes]) -> None:
    """Pack files and store them under a new name."""
    licenses = list(archive.licenses)
    body = pack({"name": name, "version": archive.version, "licenses": licenses}, files)
    digest = hashlib.sha256(body).hexdigest()
    target.put(replace(archive, name=name, sha256=digest, bytes=len(body), links=()), body)


def build(archives: Path, config: Path | None, workers: int) -> Peak:
    """Build in a new folder and watch the processes."""
    with tempfile.TemporaryDirectory(dir=archives.parent) as out:
        command = [sys.executable, "-m", "corpus", "build", "--archives", str(archives)]
        command += ["--out", out, "--workers", str(workers)]
        command += ["--config", str(config)] if config else []
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peaks = watch(process)
        seconds = time.perf_counter() - started
        if process.returncode not in (0, 1):
            raise SystemExit(f"the build ended with {process.returncode}")
    return Peak(seconds, *peaks)


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
    """Return the peak USS of the process itself and of its largest descendant."""
    client = worker = 0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        time.sleep(0.2)
        client = max(client, uss(root))
        worker = max([worker, *map(uss, descendants(root))])
    return client, worker


def descendants(root: psutil.Process) -> list[psutil.Process]:
    """Return all processes below `root` that still run."""
    try:
        return list(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def uss(process: psutil.Process) -> int:
    """Return the memory that only this process holds, in bytes; 0 if it is gone."""
    try:
        return int(process.memory_full_info().uss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("archives", type=Path)
    arguments.add_argument("--config", type=Path)
    arguments.add_argument("--times", type=int, default=10)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.archives.parent) as folder:
        sizes = {1: Path(folder) / "one", given.times: Path(folder) / "many"}
        for times, path in sizes.items():
            replicate(ArchiveStore(given.archives), ArchiveStore(path), times)
        for times, path in sizes.items():
            for workers in (1, 2):
                peak = build(path, given.config, workers)
                print(
                    f"{times:>3}x  {workers} worker(s)  {peak.seconds:7.1f} s  "
                    f"client {peak.client / 1e6:6.0f} MB  worker {peak.worker / 1e6:6.0f} MB",
                    flush=True,
                )
        config = load(given.config) if given.config else BuildConfig()
        one, two = (ingest_seconds(sizes[given.times], config, workers) for workers in (1, 2))
        print(f"ingest at {given.times}x: {one:.1f} s with 1 worker, {two:.1f} s with 2,", end=" ")
        print(f"{one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
