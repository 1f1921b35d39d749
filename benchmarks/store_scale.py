"""The index of an archive store at one, two and four times its size, up to all of hex.pm.

    python -m benchmarks.store_scale [--rows 42500] [--folder FOLDER]

Rows are made up: twenty versions a package, as many requirements and links as real ones have, about
800 bytes each. Archives are bytes of their own, BODY_BYTES each, so that what is measured is what
grows with their number; hashing more adds time in proportion and no memory. Each size is measured
in a process of its own: seconds to open the index and find one row, to read all rows, to check
every archive and read a build's inputs (`read_inputs`), to digest those, and to append 100 rows
(each forced to the disk), and the most memory that it held (ru_maxrss). Files and bytes are those
of the index after it was packed.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from corpus.inputs import Inputs, read_inputs
from corpus.packages import Link, Requirement
from corpus.progress import Silent
from corpus.store import Archive, ArchiveStore
from corpus.store.index import Index, Key
from corpus.store.rows import row_of

VERSIONS = 20
APPENDED = 100
BODY_BYTES = 1000


def body(number: int) -> bytes:
    """Return the bytes of an archive that is made up."""
    return b"%020d" % number * (BODY_BYTES // 20)


def archive(number: int) -> Archive:
    """Return a row that is made up."""
    name, version = f"package_{number // VERSIONS}", f"1.{number % VERSIONS}.0"
    address = f"https://forge.example/owner/{name}"
    return Archive(
        source="hex",
        name=name,
        version=version,
        url=f"https://repo.example/tarballs/{name}-{version}.tar",
        sha256=hashlib.sha256(body(number)).hexdigest(),
        bytes=BODY_BYTES,
        licenses=("Apache-2.0",),
        requirements=tuple(
            Requirement(f"need_{n}", "~> 1.0", False, f"need_{n}") for n in range(3)
        ),
        links=(Link("GitHub", address), Link("Changelog", f"{address}/blob/main/CHANGELOG.md")),
        published_at="2026-11-02T10:00:00Z",
        retirement=None,
        advisories=(),
        fetched_at="2026-11-22T10:00:00Z",
        description="A package that is made up, with a description of the usual length.",
        owners=("ada", "grace"),
    )


def rows(count: int) -> Iterator[tuple[Key, bytes]]:
    """Yield keys and rows."""
    for number in range(count):
        row = archive(number)
        data = json.dumps(row_of(row), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        yield (row.source, row.name, row.version), data.encode()


def write_archives(store: ArchiveStore, count: int) -> None:
    """Write the archives; nothing is forced to the disk."""
    for number in range(count):
        path = store.path(archive(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body(number))


def append(store: ArchiveStore, added: Sequence[Archive]) -> None:
    """Write rows one by one, as a crawl does."""
    for row in added:
        store.amend(row)


def measure(root: Path, count: int) -> None:
    """Print what one store costs, as a line of JSON."""
    found: dict[str, float] = {}

    def timed(name: str, step: Callable[[], object]) -> object:
        start = time.perf_counter()
        result = step()
        found[name] = time.perf_counter() - start
        return result

    store = ArchiveStore(root)
    timed("open", lambda: store.get("hex", "package_0", "1.0.0"))
    archives = timed("read", store.archives)
    assert isinstance(archives, list)
    assert len(archives) == count
    del archives  # a build holds the rows once
    inputs = timed("check", lambda: read_inputs(store, Silent()))
    assert isinstance(inputs, Inputs)
    assert len(inputs.archives) == count
    timed("digest", inputs.digests)
    added = [replace(archive(count + number), sha256="0" * 64) for number in range(APPENDED)]
    timed("append", lambda: append(store, added))
    found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Index(root, "archives").pack()
    files = [path for path in (root / "index").iterdir() if path.is_file()]
    found["files"], found["bytes"] = len(files), sum(path.stat().st_size for path in files)
    sys.stdout.write(f"{json.dumps(found)}\n")


def main() -> None:
    """Measure three sizes, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=42_500, help="rows of the smallest store")
    parser.add_argument("--folder", type=Path, help="where the stores are made")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.folder, given.measure)
        return
    print("     rows  open s  read s check s digest s append s     MB")
    for times in (1, 2, 4):
        count = given.rows * times
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            write_archives(ArchiveStore(Path(folder)), count)
            Index(Path(folder), "archives").extend(rows(count))
            command = [sys.executable, "-m", "benchmarks.store_scale", "--folder", folder]
            done = subprocess.run(
                [*command, "--measure", str(count)], check=True, capture_output=True, text=True
            )
        told = json.loads(done.stdout)
        print(
            f"{count:>9,} {told['open']:>7.2f} {told['read']:>7.2f} {told['check']:>7.2f} "
            f"{told['digest']:>8.2f} {told['append']:>8.2f} {told['megabytes']:>6.0f} "
            f"{told['files']} files, {told['bytes'] / 1e6:.0f} MB"
        )


if __name__ == "__main__":
    main()
