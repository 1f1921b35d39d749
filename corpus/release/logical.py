"""A digest of the rows of a shard that no change of the Parquet writer can move."""

import hashlib
from collections.abc import Callable, Iterator

import pyarrow as pa

KEYS = {
    "documents": ["content_id", "path"],
    "functions": ["document_id", "module", "name", "arity"],
    "instruct": ["id"],
    "rejects": ["document_id", "path", "reason"],
}
"""The columns that name a row, by configuration."""


def logical_digest(config: str, read: Callable[[list[str]], Iterator[pa.RecordBatch]]) -> str:
    """Return the SHA-256 of the sorted row keys, one a line, its columns parted by NUL.

    `read` yields the named columns of every row, in any order.
    """
    lines = sorted(line for batch in read(KEYS[config]) for line in _lines(batch))
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _lines(batch: pa.RecordBatch) -> Iterator[str]:
    columns = [column.to_pylist() for column in batch.columns]
    return ("\0".join(map(str, row)) for row in zip(*columns, strict=True))
