"""The unit of parallel work: a bundle of archives becomes a folder with one part of each table."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.atomic import whole_folder
from corpus.bounds import check_least
from corpus.ingest.opened import OpenedArchive, ReadConfig, open_archive
from corpus.ingest.tables import (
    archives_table,
    documents_table,
    fingerprints_table,
    functions_table,
    rejects_table,
)
from corpus.provenance import digest_of
from corpus.reasons import Reject
from corpus.sources import source_named
from corpus.store import Archive, ArchiveStore
from corpus.supervision import NO_BUDGET, Watch

PART_ROW_GROUP_BYTES = 2_000_000
"""Small, so that what reads a part piece by piece holds little of it."""

REPEATED = ["source", "package", "version", "archive_sha256", "license_expression"]
"""Columns with few values, which stand in a part once; a licence may have a thousand characters."""

INCOMPRESSIBLE = {"fingerprints": "none"}
"""Hashes are random bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestConfig:
    """How archives are bundled and read."""

    bundle_bytes: int = 1_000_000
    """Compressed bytes a bundle; Elixir source expands about six times. Enough bundles keep every
    worker busy to the end, and one bundle at a time is what a worker holds in memory."""
    read: ReadConfig = field(default_factory=ReadConfig)

    def __post_init__(self) -> None:
        """Raise ValueError for bundles that could hold nothing."""
        check_least(1, self, "bundle_bytes")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Archives that are read together, and the folder that their parts go to.

    `refusals` are files not to be read, by archive and by their position in it (or `WHOLE`). With
    `one_by_one` no step takes several files together, so that the one to blame is known.
    """

    archives: tuple[Archive, ...]
    paths: tuple[Path, ...]
    destination: Path
    config: IngestConfig
    refusals: Mapping[int, Mapping[int, Reject]] = field(default_factory=dict)
    one_by_one: bool = False

    def seconds(self, number: int) -> float:
        """Return the processor time that an archive has left, less what its refusals have cost."""
        config = self.config.read
        spent = config.budget.file_seconds * len(self.refusals.get(number, ()))
        return config.seconds(self.archives[number]) - spent


def plan_bundles(
    archives: Sequence[Archive],
    store: ArchiveStore,
    folder: Path,
    config: IngestConfig,
    made_by: str = "",
) -> list[Bundle]:
    """Divide archives into bundles, in the order given; the same archives give the same bundles.

    Their folders are named by the archives, the configuration, and the code that `made_by` digests.
    Raises UnknownSource for an archive that nobody could open.
    """
    for archive in archives:
        source_named(archive.source)
    return [_bundle(group, store, folder, config, made_by) for group in _grouped(archives, config)]


def _bundle(
    archives: list[Archive], store: ArchiveStore, folder: Path, config: IngestConfig, made_by: str
) -> Bundle:
    rows = [replace(archive, fetched_at="") for archive in archives]
    name = digest_of(rows, config.read, made_by)
    paths = tuple(store.path(archive) for archive in archives)
    return Bundle(tuple(archives), paths, folder / name, config)


def _grouped(archives: Sequence[Archive], config: IngestConfig) -> Iterator[list[Archive]]:
    group: list[Archive] = []
    for archive in archives:
        if group and sum(item.bytes for item in group) + archive.bytes > config.bundle_bytes:
            yield group
            group = []
        group.append(archive)
    if group:
        yield group


def ingest(bundle: Bundle, watch: Watch = NO_BUDGET) -> Path:
    """Read every archive of a bundle and write its parts; return their folder.

    The folder appears whole or not at all; one that exists is returned as it is.
    """
    if bundle.destination.exists():
        return bundle.destination
    with uncollected():
        _write_folder(_open(bundle, watch), bundle.destination)
    return bundle.destination


def rehearse(bundle: Bundle, watch: Watch) -> None:
    """Do all that `ingest` does and write nothing, to see whether that is safe."""
    with uncollected():
        tables_of(_open(bundle, watch))


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection while the rows of one bundle are collected.

    They hold no cycles, and walking them again and again took a fifth of the processor time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _open(bundle: Bundle, watch: Watch) -> list[OpenedArchive]:
    opened, config = [], bundle.config.read
    for number, (archive, path) in enumerate(zip(bundle.archives, bundle.paths, strict=True)):
        with watch.group(number, bundle.seconds(number)):
            refusals = bundle.refusals.get(number, {})
            opened.append(open_archive(archive, path, config, refusals, watch, bundle.one_by_one))
    return opened


def _write_folder(opened: list[OpenedArchive], destination: Path) -> None:
    try:
        with whole_folder(destination) as folder:
            _write_parts(opened, folder)
    except OSError:
        if not destination.exists():  # else the same task has run twice and the other was first
            raise


def tables_of(opened: list[OpenedArchive]) -> dict[str, pa.Table]:
    """Return the parts of a bundle, by the name of their table."""
    documents = documents_table(opened)
    return {
        "documents": documents,
        "functions": functions_table(opened, documents),
        "fingerprints": fingerprints_table(opened),
        "rejects": rejects_table(opened),
        "archives": archives_table(opened),
    }


def _write_parts(opened: list[OpenedArchive], folder: Path) -> None:
    for name, table in tables_of(opened).items():
        write_part(table, folder / f"{name}.parquet", INCOMPRESSIBLE.get(name, "lz4"))


def write_part(table: pa.Table, path: Path, compression: str) -> None:
    """Write an intermediate table: no or fast compression, small row groups, few dictionaries.

    Statistics are left out: they are not read, and they took a seventh of the time.
    """
    rows = max(1, table.num_rows * PART_ROW_GROUP_BYTES // max(1, table.nbytes))
    repeated = [name for name in REPEATED if name in table.column_names]
    pq.write_table(
        table,
        path,
        compression=compression,
        row_group_size=rows,
        use_dictionary=repeated,
        write_statistics=False,
    )
