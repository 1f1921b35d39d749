"""The tables as files: splits, rows, bytes, digests and columns; the card is written from this."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from corpus.release import Release, opened
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
"""A part of BATCH_ROWS, in whole bytes of flags: the sum stays the same."""


def tables(sources: Sources) -> list[ListedTable]:
    """Describe every table: what a row is, its columns, and its files by split."""
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
    """Describe the table of attribution, which is one file and no configuration of the card."""
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
    """Return the bytes of each shard's rows in memory, as `datasets` counts them."""
    release = sources.release
    tasks = [
        Column(release.path, release.identity, shard.path, field.name, _batch_rows(field))
        for shard in release.manifest.shards
        for field in SHARDED[shard.config].schema
    ]
    sizes: Counter[str] = Counter({shard.path: 0 for shard in release.manifest.shards})
    found = worked_out(sources.executor, STAGE, _column_bytes, tasks, release.path)
    for task, size in zip(tasks, found, strict=True):
        sizes[task.shard] += size
    return sizes


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a shard, to be read in batches of so many rows."""

    folder: Path
    identity: str
    shard: str
    name: str
    rows: int


def _batch_rows(field: pa.Field) -> int:
    return TEXT_ROWS if pa.types.is_large_string(field.type) else BATCH_ROWS


def _column_bytes(task: Column) -> int:
    batches = opened(task.folder, task.identity).batches_in(task.shard, [task.name], task.rows)
    return sum(batch.nbytes for batch in batches)


def features(schema: pa.Schema) -> list[Feature]:
    """Describe columns as name, meaning and type; structs and lists hold what they are made of."""
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
"""Where Arrow's spelling differs from that of `datasets`."""
