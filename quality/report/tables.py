"""The section on tables and their files: splits, rows, bytes, digests and columns. The card uses
it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from corpus.release import Release, Shard, opened
from corpus.tables import (
    ATTRIBUTION_TABLE,
    SHARDED,
    ShardedTable,
    columns_of,
    meaning_of,
)
from quality.partial import worked_out
from quality.report.figures import Section
from quality.report.published import Feature, Kind, ListedSplit, ListedTable
from quality.report.sources import STAGE, Sources

BATCH_ROWS = 2048
TEXT_ROWS = 256
"""A fraction of BATCH_ROWS and a multiple of 8, so the sum of bytes stays the same."""
VALUES = 2_000_000
"""About how many values a task measures; strings take a second."""


def tables(sources: Sources) -> list[ListedTable]:
    """Describe every table: the meaning of a row, its columns, and its files by split."""
    release, sizes = sources.release, _arrow_bytes(sources)
    return [
        {
            "name": table.name,
            "row": table.row,
            "features": features(table.schema),
            "columns": [asdict(column) for column in columns_of(table.schema)],
            "splits": [_split(release, table, split, sizes) for split in _splits(release, table)],
        }
        for table in SHARDED.values()
    ]


def attribution() -> Section:
    """Describe the attribution table, which is one file and not a configuration on the card."""
    columns = [asdict(column) for column in columns_of(ATTRIBUTION_TABLE.schema)]
    return {"row": ATTRIBUTION_TABLE.row, "columns": columns}


def _splits(release: Release, table: ShardedTable) -> list[str]:
    found = {shard.split for shard in release.shards(table.name)}
    return [split for split in table.splits if split in found]


def _split(
    release: Release, table: ShardedTable, split: str, arrow_bytes: Mapping[str, int]
) -> ListedSplit:
    shards = release.shards(table.name, split)
    return {
        "name": split,
        "rows": sum(shard.rows for shard in shards),
        "file_bytes": sum(shard.bytes for shard in shards),
        "arrow_bytes": sum(arrow_bytes[shard.path] for shard in shards),
        "shards": [
            {"path": shard.path, "sha256": shard.sha256, "bytes": shard.bytes, "rows": shard.rows}
            for shard in shards
        ],
    }


def _arrow_bytes(sources: Sources) -> dict[str, int]:
    """Return the size of each shard's rows in memory, as `datasets` counts it."""
    release = sources.release
    tasks = [
        Columns(release.path, release.identity, shard, names)
        for shard in release.manifest.shards
        for names in _portions(shard)
    ]
    sizes: Counter[str] = Counter({shard.path: 0 for shard in release.manifest.shards})
    found = worked_out(sources.executor, STAGE, _bytes_of, tasks, release.path)
    for task, size in zip(tasks, found, strict=True):
        sizes[task.shard.path] += size
    return sizes


@dataclass(frozen=True, slots=True)
class Columns:
    """Some columns of a shard."""

    folder: Path
    identity: str
    shard: Shard
    names: tuple[str, ...]


def _portions(shard: Shard) -> Iterator[tuple[str, ...]]:
    """Yield the columns of a shard in portions that take about equally long."""
    names = SHARDED[shard.config].schema.names
    size = max(1, VALUES // max(shard.rows, 1))
    return (tuple(names[first : first + size]) for first in range(0, len(names), size))


def _bytes_of(task: Columns) -> int:
    """Return the bytes of some columns, read one after the other.

    Reading all columns together caused the report's peak of memory. Text columns use smaller
    batches.
    """
    release = opened(task.folder, task.identity)
    return sum(
        batch.nbytes
        for name in task.names
        for batch in release.batches_in(task.shard.path, [name], _batch_rows(task.shard, name))
    )


def _batch_rows(shard: Shard, name: str) -> int:
    is_text = pa.types.is_large_string(SHARDED[shard.config].schema.field(name).type)
    return TEXT_ROWS if is_text else BATCH_ROWS


def features(schema: pa.Schema) -> list[Feature]:
    """Describe columns by name, meaning and type; structs and lists include their parts."""
    return [_feature(field) for field in schema]


def _feature(field: pa.Field) -> Feature:
    return {"name": field.name, "meaning": meaning_of(field), **_type(field.type)}


def _type(kind: pa.DataType) -> Kind:
    if pa.types.is_list(kind):
        return {"list": _type(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"struct": list(_fields(kind))}
    return {"dtype": NAMES.get(str(kind), str(kind))}


def _fields(kind: pa.StructType) -> Iterator[Feature]:
    return (_feature(kind.field(place)) for place in range(kind.num_fields))


NAMES = {"float": "float32", "double": "float64"}
"""Types that Arrow and `datasets` spell differently."""
