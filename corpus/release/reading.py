"""Opening a release and reading its tables, a shard or a batch at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.errors import CorpusError
from corpus.places import explained, is_remote, open_input, place
from corpus.release.manifest import MANIFEST_NAME, Manifest, Shard, read_manifest
from corpus.tables import SHARDED, TABLES

BATCH_ROWS = 256
SPAN_ROWS = 50_000
SPAN_BYTES = 250_000_000
"""A span ends after this number of rows, or of bytes before compression."""


class NotARelease(CorpusError):
    """The folder has no manifest."""

    def __init__(self, path: Path) -> None:
        advice = "Give the folder that `python -m corpus build` printed at its end."
        if str(path).startswith("hf://"):
            advice = (
                "Give hf://datasets/OWNER/NAME@VERSION; for a private dataset HF_TOKEN has to be "
                "that of somebody who may read it."
            )
        super().__init__(f"{path}: there is no {MANIFEST_NAME}, so this is not a release. {advice}")


@dataclass(frozen=True, slots=True)
class Release:
    """A release or candidate in a folder or at a URL.

    Opening reads the manifest only; `verify` checks the rest.
    """

    path: Path
    manifest: Manifest
    identity: str
    """SHA-256 of `manifest.json`, hexadecimal."""

    @classmethod
    def open(cls, path: str | Path) -> "Release":
        """Open the folder or fsspec URL at `path`.

        Raises NotARelease without a manifest, MalformedManifest with one that cannot be read, and
        for a URL what `place` and `explained` do.
        """
        path = place(path)
        file = path / MANIFEST_NAME
        try:
            with explained(path):
                data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotARelease(path) from error
        manifest = read_manifest(file)
        return cls(path, manifest, hashlib.sha256(data).hexdigest())

    def shards(self, config: str, split: str | None = None) -> list[Shard]:
        """List the shards of a configuration, of one split or of all, in the manifest's order."""
        return [
            shard
            for shard in self.manifest.shards
            if shard.config == config and split in (None, shard.split)
        ]

    def batches(
        self,
        config: str,
        columns: Sequence[str] | None = None,
        split: str | None = None,
        batch_size: int = BATCH_ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """Yield record batches in the order of the shards, at most `batch_size` rows each.

        A table that is one file has no splits. Raises OSError and pyarrow.ArrowException for a file
        that cannot be read.
        """
        sharded = [shard.path for shard in self.shards(config, split)]
        for path in sharded if config in SHARDED else [TABLES[config].files]:
            yield from self.batches_in(path, columns, batch_size)

    def batches_in(
        self,
        path: str,
        columns: Sequence[str] | None = None,
        batch_size: int = BATCH_ROWS,
        groups: Sequence[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield record batches of one file of a table, named by its path within the release.

        `groups` are the row groups that are read, all of them without.
        """
        with open_shard(self.path / path) as file:
            yield from batches_of(file, batch_size, columns, groups)

    def spans(self, config: str, rows: int = SPAN_ROWS) -> list["Span"]:
        """Cut the shards of a configuration into spans of about `rows` rows, in their order.

        Raises OSError and pyarrow.ArrowException for a file that cannot be read.
        """
        return [
            Span(self.path, self.identity, shard, groups, count)
            for shard in self.shards(config)
            for groups, count in _cut(self.path / shard.path, rows)
        ]

    def read(
        self, config: str, columns: Sequence[str] | None = None, split: str | None = None
    ) -> pa.Table:
        """Read a whole table into memory, or some of its columns."""
        whole = TABLES[config].schema
        projected = whole if columns is None else pa.schema([whole.field(name) for name in columns])
        return pa.Table.from_batches(self.batches(config, columns, split, 65536), projected)


class UnreadableRelease(CorpusError):
    """A shard is missing or not a Parquet file."""

    def __init__(self, release: Release, error: Exception) -> None:
        said = str(error).splitlines()[0]
        super().__init__(
            f"{release.path}: a shard cannot be read ({said}). "
            f"`python -m corpus verify {release.path}` names every damaged file."
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive row groups of a shard, which a task reads on any worker."""

    folder: Path
    identity: str
    shard: Shard
    groups: range
    rows: int

    @property
    def release(self) -> Release:
        """The release, opened once per process. Raises what `Release.open` raises."""
        return opened(self.folder, self.identity)

    def batches(
        self, columns: Sequence[str] | None = None, batch_size: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield its record batches, at most `batch_size` rows each; raises as `Release.batches`."""
        return self.release.batches_in(self.shard.path, columns, batch_size, self.groups)


@lru_cache(maxsize=2)
def opened(folder: Path, identity: str) -> Release:
    """Open a release once per process; the identity distinguishes it from an earlier one in the
    folder.
    """
    return Release.open(folder)


def _cut(path: Path, most: int) -> Iterator[tuple[range, int]]:
    """Yield consecutive row groups and their number of rows, at most `most` or one group."""
    with open_shard(path) as file:
        footer = file.metadata
        sizes = [
            (footer.row_group(n).num_rows, footer.row_group(n).total_byte_size)
            for n in range(footer.num_row_groups)
        ]
    first, rows, held = 0, 0, 0
    for number, (more, size) in enumerate(sizes):
        if rows and (rows + more > most or held + size > SPAN_BYTES):
            yield range(first, number), rows
            first, rows, held = number, 0, 0
        rows, held = rows + more, held + size
    yield range(first, len(sizes)), rows


def open_shard(path: Path, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    """Open a shard to read it in pieces; `dictionaries` are columns that are read as dictionaries.

    By default Arrow reads the columns of all row groups ahead and holds them until the file is
    closed, which is a quarter of the text. Raises FileNotFoundError with the path only, because
    Arrow's own message repeats the cause three times.
    """
    if not is_remote(path) and not path.exists():
        raise FileNotFoundError(str(path))
    source = open_input(path) if is_remote(path) else path
    return pq.ParquetFile(
        source, pre_buffer=False, buffer_size=1 << 16, read_dictionary=list(dictionaries)
    )


def batches_of(
    file: pq.ParquetFile,
    rows: int,
    columns: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield record batches, and release the memory that Arrow keeps after each.

    Arrow's allocator keeps freed memory for every thread that decoded data, several times the size
    of a batch; therefore one thread is used.
    """
    for batch in file.iter_batches(rows, groups, columns, use_threads=False):
        yield batch
        del batch
        pa.default_memory_pool().release_unused()
