"""Publishing a release to a Hub on loopback, killed at ten moments, and loading it back.

    python -m benchmarks.publishing releases/2026.11.1

The Hub is tests/peers/hub_server.py. The command is killed with SIGKILL at ten requests, before,
within and after the answer, and run again each time: once with all files in one commit, once
through a pull request. A table tells of each run what `main` shows then, what was sent, and how
much of it had been sent before. At the end every row is loaded with `datasets`, whole and as a
stream, and compared with the release. Fails unless `main` held nothing or the whole release after
every request, each large file arrived once, and all rows are equal.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from corpus.release import Release
from corpus.release.manifest import MANIFEST_NAME
from corpus.release.statement import STATEMENT_NAME
from corpus.tables import SHARDED
from pages.formats import size
from tests.peers.hub_datasets import printed
from tests.peers.hub_server import TOKEN, HubServer, serving

REPO = "ana/elixir-corpus"
MOMENTS = (
    ("before", "/api/repos/create", 1),
    ("after", "/api/repos/create", 1),
    ("before", "/preupload/", 1),
    ("halfway", "PUT /objects/", 1),
    ("after", "PUT /objects/", 2),
    ("before", "POST /verify", 1),
    ("halfway", "/commit/", 1),
    ("after", "/commit/", 1),
    ("before", f"POST /api/datasets/{REPO}/tag/", 1),
    ("after", f"POST /api/datasets/{REPO}/tag/", 1),
)
"""When, the request that contains this, and which of these."""
IN_PARTS = (*MOMENTS[:6], ("after", "/commit/refs", 2), ("before", "/merge", 1), *MOMENTS[8:])
"""Of a release that goes through a pull request, with another commit and the merge."""

LOAD = """
import hashlib, json, sys
from datasets import disable_progress_bars, load_dataset

def digest(rows):
    found, count = hashlib.sha256(), 0
    for row in rows:
        found.update(json.dumps(row, sort_keys=True).encode())
        count += 1
    return [count, found.hexdigest()]

disable_progress_bars()
repo, version, *tables = sys.argv[1:]
found = {}
for table in tables:
    for split, rows in load_dataset(repo, table, revision=version).items():
        stream = load_dataset(repo, table, revision=version, split=split, streaming=True)
        found[f"{table}/{split}"] = [digest(rows), digest(stream)]
print(json.dumps(found))
"""


class Killer:
    """The process that publishes, and the moment at which it ends."""

    def __init__(self, hub: HubServer, moment: str, part: str, nth: int) -> None:
        self.hub, self.moment, self.part, self.nth = hub, moment, part, nth
        self.before = len(hub.log)
        self.pid = 0
        self.halfway: str | None = None
        """The path of the request of which half was read."""

    def __call__(self, when: str, number: int) -> None:
        """Kill the process when the request is there."""
        asked = [self.part in " ".join(each) for each in self.hub.log[self.before : number]]
        if when == self.moment and asked[-1] and sum(asked) == self.nth:
            self.halfway = self.hub.log[number - 1][1] if when == "halfway" else None
            os.kill(self.pid, signal.SIGKILL)
            raise ConnectionAbortedError  # what was on its way is lost


def environment(hub: HubServer) -> Mapping[str, str]:
    """Return the environment of a process that uses the peer."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    chosen = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    return {**kept, **chosen, "NO_PROXY": "127.0.0.1,localhost"}


def publish(
    hub: HubServer, release: Release, moment: tuple[str, str, int] | None
) -> tuple[int, str | None]:
    """Publish, and end the process at a moment; return its exit status, and a path cut halfway."""
    killer = Killer(hub, *moment) if moment else None
    command = [sys.executable, "-m", "datacards", "publish", str(release.path), REPO]
    with subprocess.Popen(
        command, env=environment(hub), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        if killer:
            killer.pid = process.pid
            hub.hook = killer
        status = process.wait()
    hub.hook = None
    return status, killer.halfway if killer else None


def large_bytes(
    log: list[tuple[str, str]], sizes: Mapping[str, int], halfway: str | None
) -> Counter[str]:
    """Return how many bytes of each large file, by digest, were sent in these requests at most.

    Half of the request that was cut counts; others that were on their way then count whole.
    """
    sent: Counter[str] = Counter()
    for method, path in log:
        if method == "PUT" and path.startswith("/objects/"):
            oid = path.split("/")[2].partition("?")[0]
            sent[oid] += sizes[oid] // 2 if path == halfway else sizes[oid]
    return sent


def excess(received: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """Return how many bytes were received beyond one copy of each file."""
    return sum(max(0, count - sizes[oid]) for oid, count in received.items())


def shown(hub: HubServer, files: Mapping[str, bytes]) -> str:
    """Return what `main` shows. Fails for half a release."""
    found = hub.repositories.get(f"datasets/{REPO}")
    if found is None:
        return "no repository"
    assert found.files in ({}, files), "main holds half a release"
    return f"the whole release ({len(files)} files)" if found.files else "nothing"


def digests(release: Release) -> dict[str, list[object]]:
    """Return count and digest of the rows of every split, under its name for `datasets`."""
    found: dict[str, list[object]] = {}
    for shard in release.manifest.shards:
        if shard.rows:
            name = shard.config if shard.split == "all" else shard.split
            digest, count = hashlib.sha256(), 0
            for batch in release.batches(shard.config, split=shard.split):
                for row in batch.to_pylist():
                    digest.update(json.dumps(row, sort_keys=True).encode())
                    count += 1
            found[f"{shard.config}/{name}"] = [count, digest.hexdigest()]
    return found


def run(release: Release, most_operations: int, moments: tuple[tuple[str, str, int], ...]) -> None:
    """Publish with all interruptions, load back, and print figures."""
    names = [MANIFEST_NAME, STATEMENT_NAME, *release.manifest.paths()]
    files = {name: (release.path / name).read_bytes() for name in names}
    sizes = {hashlib.sha256(body).hexdigest(): len(body) for body in files.values()}
    checks = 0

    def check() -> None:
        nonlocal checks
        shown(hub, files)
        checks += 1

    hub = HubServer()
    table = Table("run", "killed", "main then", "requests", "large files sent", "of it again")
    with serving(hub), TemporaryDirectory() as home:
        hub.watch, hub.most_operations = check, most_operations
        start = time.perf_counter()
        received: Counter[str] = Counter()
        for number, moment in enumerate((*moments, None), start=1):
            first, before = len(hub.log), excess(received, sizes)
            status, halfway = publish(hub, release, moment)
            assert status == (-signal.SIGKILL if moment else 0), moment
            sent = large_bytes(hub.log[first:], sizes, halfway)
            received += sent
            killed = f"{moment[0]} {moment[1]} ({moment[2]})" if moment else "no: exit 0"
            again = size(excess(received, sizes) - before)
            counts = str(len(hub.log) - first), size(sent.total()), again
            table.add_row(str(number), killed, shown(hub, files), *counts)
        seconds = time.perf_counter() - start
        repository = hub.repositories[f"datasets/{REPO}"]
        assert repository.files == files
        assert repository.refs[f"refs/tags/{release.manifest.version}"] == repository.head
        assert set(Counter(hub.arrived).values()) == {1}
        Console(width=150).print(table)
        print(
            f"{len(files)} files, {size(sum(map(len, files.values())))}: killed {len(moments)} "
            f"times and resumed in {seconds:.1f} s; {len(hub.log)} requests, main checked after "
            f"{checks}, {len(repository.commits)} commit on main, {len(hub.arrived)} large files "
            f"({size(sum(sizes[oid] for oid in hub.arrived))}) arrived once each, "
            f"{size(excess(received, sizes))} sent again"
        )
        hub.watch = None
        tables = [config for config in SHARDED if release.shards(config)]
        loaded = json.loads(
            printed(hub.url, Path(home), LOAD, REPO, release.manifest.version, *tables)
        )
    here = digests(release)
    assert loaded == {name: [each, each] for name, each in here.items()}, "rows differ"
    rows = sum(found[0][0] for found in loaded.values())
    print(f"{rows:,} rows of {len(loaded)} splits loaded back, whole and as a stream, all equal")


def main() -> None:
    """Measure one release, in one commit and through a pull request."""
    release = Release.open(Path(sys.argv[1]))
    run(release, 25_000, MOMENTS)
    run(release, 12, IN_PARTS)


if __name__ == "__main__":
    main()
