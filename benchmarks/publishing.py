"""Publishing a release to a Hub on loopback, killed at ten moments, and loading it back.

    python -m benchmarks.publishing releases/2026.11.1

The Hub is tests/peers/hub_server.py. The command is killed with SIGKILL at ten requests, before,
within and after the answer, and run again each time. At the end every row is loaded with
`datasets`, whole and as a stream, and compared with the release. Fails unless `main` held nothing
or the whole release after every request, each large file arrived once, and all rows are equal.
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

from corpus.release import Release
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

    def __call__(self, when: str, number: int) -> None:
        """Kill the process when the request is there."""
        asked = [self.part in " ".join(each) for each in self.hub.log[self.before : number]]
        if when == self.moment and asked[-1] and sum(asked) == self.nth:
            os.kill(self.pid, signal.SIGKILL)
            raise ConnectionAbortedError  # what was on its way is lost


def environment(hub: HubServer) -> Mapping[str, str]:
    """Return the environment of a process that uses the peer."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    chosen = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    return {**kept, **chosen, "NO_PROXY": "127.0.0.1,localhost"}


def publish(hub: HubServer, release: Release, moment: tuple[str, str, int] | None) -> int:
    """Publish, and end the process at a moment; return its exit status."""
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
    return status


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
    names = ["manifest.json", *release.manifest.paths()]
    files = {name: (release.path / name).read_bytes() for name in names}
    checks = 0

    def check() -> None:
        nonlocal checks
        found = hub.repositories.get(f"datasets/{REPO}")
        assert found is None or found.files in ({}, files), "main holds half a release"
        checks += 1

    hub = HubServer()
    with serving(hub), TemporaryDirectory() as home:
        hub.watch, hub.most_operations = check, most_operations
        start = time.perf_counter()
        for moment in moments:
            assert publish(hub, release, moment) == -signal.SIGKILL, moment
        assert publish(hub, release, None) == 0
        seconds = time.perf_counter() - start
        repository = hub.repositories[f"datasets/{REPO}"]
        assert repository.files == files
        assert repository.refs[f"refs/tags/{release.manifest.version}"] == repository.head
        assert set(Counter(hub.arrived).values()) == {1}
        sent = sum(len(hub.objects[oid]) for oid in hub.arrived)
        print(
            f"{len(files)} files, {size(sum(map(len, files.values())))}: killed {len(moments)} "
            f"times and resumed in {seconds:.1f} s; {len(hub.log)} requests, main checked after "
            f"{checks}, {len(repository.commits)} commit on main, {len(hub.arrived)} large files "
            f"({size(sent)}) sent once each"
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
