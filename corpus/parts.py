"""Intermediate tables of a build: Arrow IPC files, read whole, by columns or batch by batch.

A part is written once, read a few times on the same machine and then removed, so it is stored as
Arrow has it in memory; Parquet, which is for what leaves the machine, takes twice the processor
time to write (measured on the parts of `make real`). https://arrow.apache.org/docs/format/IPC.html
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

BATCH_BYTES: Final = 2_000_000
"""Small, so that what reads a part piece by piece holds little of it."""


def write_part(table: pa.Table, path: Path, *, is_random: bool = False) -> None:
    """Write a table in batches of some `BATCH_BYTES`; random bytes, such as hashes, as they are."""
    rows = max(1, table.num_rows * BATCH_BYTES // max(1, table.nbytes))
    with part_writer(path, table.schema, is_random=is_random) as writer:
        writer.write_table(table, rows)


@contextmanager
def part_writer(
    path: Path, schema: pa.Schema, *, is_random: bool = False
) -> Iterator[pa.ipc.RecordBatchFileWriter]:
    """Open a part to be written batch by batch."""
    options = pa.ipc.IpcWriteOptions(compression=None if is_random else "lz4", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=options) as part:
        yield part


def one_batch(rows: pa.Table) -> pa.RecordBatch:
    """Return all rows as one batch, which has its place in the file even if it is empty."""
    columns = [column.combine_chunks() for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


@contextmanager
def open_part(
    path: Path, columns: Sequence[str] | None = None
) -> Iterator[pa.ipc.RecordBatchFileReader]:
    """Open a part to be read batch by batch; other columns than those named are not read.

    Raises KeyError for a column that the part does not have, and what Arrow raises.
    """
    with pa.OSFile(str(path)) as file:
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
    """Read a part, or the columns named, in their order; raises what `open_part` raises."""
    with open_part(path, columns) as reader:
        table = reader.read_all()
    return table if columns is None else table.select(list(columns))
