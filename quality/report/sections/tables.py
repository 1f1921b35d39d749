"""The tables as files: splits, rows, bytes, digests and columns; the card is written from this."""

from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa

from corpus.release import Release, Shard
from corpus.tables import (
    ATTRIBUTION_TABLE,
    SHARDED,
    ShardedTable,
    columns_of,
    meaning_of,
)
from quality.report.figures import Row

BATCH_ROWS = 2048
TEXT_ROWS = 256
"""A part of BATCH_ROWS, in whole bytes of flags: the sum stays the same."""


def tables(release: Release) -> list[Row]:
    """Describe every table: what a row is, its columns, and its files by split."""
    return [
        {
            "name": table.name,
            "row": table.row,
            "features": features(table.schema),
            "columns": [asdict(column) for column in columns_of(table.schema)],
            "splits": [_split(release, table, split) for split in _splits(release, table)],
        }
        for table in SHARDED.values()
    ]


def attribution() -> Row:
    """Describe the table of attribution, which is one file and no configuration of the card."""
    columns = [asdict(column) for column in columns_of(ATTRIBUTION_TABLE.schema)]
    return {"row": ATTRIBUTION_TABLE.row, "columns": columns}


def _splits(release: Release, table: ShardedTable) -> list[str]:
    found = {shard.split for shard in release.shards(table.name)}
    return [split for split in table.splits if split in found]


def _split(release: Release, table: ShardedTable, split: str) -> Row:
    shards = release.shards(table.name, split)
    return {
        "name": split,
        "rows": sum(shard.rows for shard in shards),
        "file_bytes": sum(shard.bytes for shard in shards),
        "arrow_bytes": sum(_arrow_bytes(release, table, shard) for shard in shards),
        "shards": [
            {"path": shard.path, "sha256": shard.sha256, "bytes": shard.bytes, "rows": shard.rows}
            for shard in shards
        ],
    }


def _arrow_bytes(release: Release, table: ShardedTable, shard: Shard) -> int:
    """Return the bytes of a shard's rows in memory, as `datasets` counts them.

    Columns are read one after the other: together, texts and all, they were the report's peak.
    """
    return sum(_column_bytes(release, shard, field) for field in table.schema)


def _column_bytes(release: Release, shard: Shard, field: pa.Field) -> int:
    """Return the bytes of a column; that of texts takes smaller batches."""
    rows = TEXT_ROWS if pa.types.is_large_string(field.type) else BATCH_ROWS
    return sum(batch.nbytes for batch in release.batches_in(shard.path, [field.name], rows))


def features(schema: pa.Schema) -> list[Row]:
    """Describe columns as name, meaning and type; structs and lists hold what they are made of."""
    return [_feature(field) for field in schema]


def _feature(field: pa.Field) -> Row:
    return {"name": field.name, "meaning": meaning_of(field), **_type(field.type)}


def _type(kind: pa.DataType) -> Row:
    if pa.types.is_list(kind):
        return {"list": _type(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"struct": list(_fields(kind))}
    return {"dtype": NAMES.get(str(kind), str(kind))}


def _fields(kind: pa.StructType) -> Iterator[Row]:
    return (_feature(kind.field(place)) for place in range(kind.num_fields))


NAMES = {"float": "float32", "double": "float64"}
"""Where Arrow's spelling differs from that of `datasets`."""
