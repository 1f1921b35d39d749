"""A digest of the rows of a shard that does not depend on the version of the Parquet writer."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from corpus.tables import SHARDED


def logical_digest(config: str, read: Callable[[list[str]], Iterator[pa.RecordBatch]]) -> str:
    """Return the SHA-256 of the sorted row keys, one a line, its columns separated by NUL.

    `read` yields the named columns of every row in the order of the shard. Shards are sorted by the
    first column, so only rows with equal first columns are sorted here.
    """
    digest = hashlib.sha256()
    rows = (row for batch in read(list(SHARDED[config].row_key)) for row in _rows(batch))
    for _, equal in groupby(rows, key=itemgetter(0)):
        for line in sorted("\0".join(map(str, row)) for row in equal):
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
