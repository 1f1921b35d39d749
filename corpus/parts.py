"""Intermediate tables of a build: Arrow IPC files, read whole, by columns or batch by batch.

A part is written once, read a few times by later stages, and never published, so it is stored in
Arrow's memory format. Parquet is for files that are published, and takes twice the CPU time to
write (measured on the parts of `make real`). https://arrow.apache.org/docs/format/IPC.html
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from corpus.places import open_input

BATCH_BYTES: Final = 2_000_000
"""A small size, so that reading a part piece by piece takes little memory."""


def write_part(table: pa.Table, path: Path, *, is_random: bool = False) -> None:
    """Write a table in batches of about `BATCH_BYTES`; random bytes, such as hashes, are not
    compressed.
    """
    rows = max(1, table.num_rows * BATCH_BYTES // max(1, table.nbytes))
    with part_writer(path, table.schema, is_random=is_random) as writer:
        writer.write_table(table, rows)


@contextmanager
def part_writer(
    path: Path, schema: pa.Schema, *, is_random: bool = False
) -> Iterator[pa.ipc.RecordBatchFileWriter]:
    """Open a part to write it batch by batch."""
    options = pa.ipc.IpcWriteOptions(compression=None if is_random else "lz4", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=options) as part:
        yield part


def one_batch(rows: pa.Table) -> pa.RecordBatch:
    """Return all rows as one batch, which is written even if it is empty."""
    columns = [column.combine_chunks() for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


@contextmanager
def open_part(
    path: Path, columns: Sequence[str] | None = None
) -> Iterator[pa.ipc.RecordBatchFileReader]:
    """Open a part to read it batch by batch; only the named columns are read.

    Raises KeyError for a column that the part does not have, and the errors of Arrow.
    """
    with open_input(path) as file:
        reader = pa.ipc.open_file(file, options=_options(()))
        if columns is not None:
            places = [reader.schema.get_field_index(name) for name in columns]
            if -1 in places:
                raise KeyError(columns[places.index(-1)])
            reader = pa.ipc.open_file(file, options=_options(sorted(places)))
        with reader:
            yield reader


def _options(fields: Sequence[int]) -> pa.ipc.IpcReadOptions:
    return pa.ipc.IpcReadOptions(included_fields=list(fields), use_threads=False)


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a part, or the columns named, in their order; raises what `open_part` raises.

    Columns are copied: Arrow reads a batch into one buffer, which each of its columns would keep.
    """
    with open_part(path, columns) as part:
        return part.read_all() if columns is None else copied(part, columns)


def copied(part: pa.ipc.RecordBatchFileReader, columns: Sequence[str]) -> pa.Table:
    """Return columns of an open part, in the order named, with none of its buffers."""
    batches = [_copied(part.get_batch(place)) for place in range(part.num_record_batches)]
    return pa.Table.from_batches(batches, part.schema).select(list(columns))


def _copied(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.take(pa.array(range(batch.num_rows), pa.int64()))
