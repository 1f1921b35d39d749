"""The tables as files: splits, rows, bytes, digests and columns; the card is written from this."""

from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.release import Release
from corpus.release.reading import SCHEMAS, batches_of, open_shard
from corpus.schema import ROWS, SPLIT_NAMES, TABLES, columns_of, meaning_of
from quality.report.figures import Row

BATCH_ROWS = 2048
TEXT_ROWS = 256
"""A part of BATCH_ROWS, in whole bytes of flags: the sum stays the same."""


def tables(release: Release) -> list[Row]:
    """Describe every table: what a row is, its columns, and its files by split."""
    return [
        {
            "name": name,
            "row": ROWS[name],
            "features": features(SCHEMAS[name]),
            "columns": [asdict(column) for column in columns_of(SCHEMAS[name])],
            "splits": [_split(release, name, split) for split in _splits(release, name)],
        }
        for name in SCHEMAS
    ]


def attribution() -> Row:
    """Describe the table of attribution, which is one file and no configuration of the card."""
    columns = [asdict(column) for column in columns_of(TABLES["attribution"])]
    return {"row": ROWS["attribution"], "columns": columns}


def _splits(release: Release, name: str) -> list[str]:
    found = {shard.split for shard in release.shards(name)}
    return [split for split in (*SPLIT_NAMES, *sorted(found)) if split in found][: len(found)]


def _split(release: Release, name: str, split: str) -> Row:
    shards = release.shards(name, split)
    return {
        "name": split,
        "rows": sum(shard.rows for shard in shards),
        "file_bytes": sum(shard.bytes for shard in shards),
        "arrow_bytes": sum(_arrow_bytes(release, shard.path) for shard in shards),
        "shards": [
            {"path": shard.path, "sha256": shard.sha256, "bytes": shard.bytes, "rows": shard.rows}
            for shard in shards
        ],
    }


def _arrow_bytes(release: Release, path: str) -> int:
    """Return the bytes of a shard's rows in memory, as `datasets` counts them.

    Columns are read one after the other: together, texts and all, they were the report's peak.
    """
    with open_shard(release.path / path) as file:
        return sum(_column_bytes(file, field) for field in file.schema_arrow)


def _column_bytes(file: pq.ParquetFile, field: pa.Field) -> int:
    """Return the bytes of a column; that of texts takes smaller batches."""
    rows = TEXT_ROWS if pa.types.is_large_string(field.type) else BATCH_ROWS
    return sum(batch.nbytes for batch in batches_of(file, rows, [field.name]))


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
