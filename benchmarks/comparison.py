"""`python -m corpus diff` on two releases, and on copies of them that are several times as large.

    python -m benchmarks.comparison OLD NEW [--times 1,10,40]

A copy has every row of a release many times, each time under other ids (digests of the old id and
the number of the copy) and in packages of other names; texts are empty, because a comparison does
not read them. Each comparison runs in a process of its own, which reports the seconds of `compare`
by the clock and by the processor, and the most memory that it held (VmHWM: ru_maxrss would be that
of the process which wrote the copies, if it held more).
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.release import Release, Shard
from corpus.tables import SHARDED

IDS = ("document_id", "content_id", "archive_sha256", "cluster_id", "representative_id", "id")
EMPTY = ("text",)
NAMES = ("package",)


def copied(release: Release, folder: Path, times: int) -> Path:
    """Write a release with every row `times` times."""
    shards = [_copied(release, shard, folder, times) for shard in release.manifest.shards]
    inputs = tuple(
        replace(each, package=_renamed(each.package, n), sha256=_digest(each.sha256, n))
        for n in range(times)
        for each in release.manifest.inputs
    )
    attribution = release.read("attribution")
    copies = [_copy(attribution, n) for n in range(times)]
    pq.write_table(pa.concat_tables(copies), folder / "attribution.parquet")
    replace(
        release.manifest, shards=tuple(shards), inputs=inputs, artifacts=(), report_digest=None
    ).write(folder)
    return folder


def _copied(release: Release, shard: Shard, folder: Path, times: int) -> Shard:
    rows = pa.Table.from_batches(
        release.batches_in(shard.path, None, 65536), SHARDED[shard.config].schema
    )
    key = [(name, "ascending") for name in SHARDED[shard.config].sort_key]
    whole = pa.concat_tables(_copy(rows, n) for n in range(times)).sort_by(key)
    path = folder / shard.path
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(whole, path, compression="zstd", row_group_size=20_000)
    return replace(shard, rows=len(whole))


def _copy(rows: pa.Table, number: int) -> pa.Table:
    for place, field in enumerate(rows.schema):
        column = rows[field.name]
        if field.name in IDS:
            values = [value and _digest(value, number) for value in column.to_pylist()]
        elif field.name == "document_ids":
            values = [[_digest(each, number) for each in ids] for ids in column.to_pylist()]
        elif field.name in NAMES:
            values = [value and _renamed(value, number) for value in column.to_pylist()]
        elif field.name in EMPTY:
            values = [""] * len(rows)
        else:
            continue
        rows = rows.set_column(place, field, pa.array(values, field.type))
    return rows


def _digest(value: str, number: int) -> str:
    return hashlib.sha256(f"{value}\0{number}".encode()).hexdigest() if number else value


def _renamed(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def measure(old: Path, new: Path) -> dict[str, float]:
    """Compare two releases in this process."""
    from corpus.comparison import compare

    sides = Release.open(old), Release.open(new)
    wall, processor = time.perf_counter(), time.process_time()
    found = compare(*sides)
    return {
        "seconds": time.perf_counter() - wall,
        "processor seconds": time.process_time() - processor,
        "MB": _most_memory(),
        "rows": sum(table.before + table.now for table in found.tables),
        "documents": found.tables[0].before + found.tables[0].now,
        "came and went": sum(each.added + each.removed for each in found.tables[:1]),
    }


def _most_memory() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--times", default="1,10,40")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(options.old, options.new)))
        return
    for times in map(int, options.times.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            sides = [
                copied(Release.open(each), Path(folder, name), times)
                for name, each in (("old", options.old), ("new", options.new))
            ]
            command = [sys.executable, "-m", "benchmarks.comparison", *map(str, sides), "--measure"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        figures = json.loads(done.stdout)
        told = ", ".join(f"{name} {value:,.1f}" for name, value in figures.items())
        print(f"{times} times: {told}", flush=True)


if __name__ == "__main__":
    main()
