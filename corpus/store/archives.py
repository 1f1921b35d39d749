"""The archive store: every archive unchanged, with one index row beside it.

    ROOT/archives/hex/NAME/NAME-VERSION.tar     the archive as it was served
    ROOT/archives/github/OWNER/NAME/...         of a name with an owner
    ROOT/archives/hex/NAME/NAME-VERSION.json    its index row
    ROOT/rejects/hex/NAME/NAME-VERSION.json     why an archive is not here
    ROOT/superseded/hex/NAME/NAME-VERSION-DIGEST.tar, .json
                                                what a version was before it was published again,
                                                and commits that a later one replaced
    ROOT/tags/github/OWNER/NAME/...             commits of tags, and their rows; builds compare
                                                packages with them, and take nothing from them
    ROOT/index/                                 rows that were packed together

The row is written after the archive and removed before other bytes replace it, so a row always
describes the bytes beside it. An archive without a row counts as not stored, so a killed writer
does no harm. Only one process may write; any number may read.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.atomic import (
    canonical_json,
    flush_to_disk,
    is_temporary,
    replacing,
    write_bytes,
    write_json,
)
from corpus.places import files_below, is_remote, place, read_files
from corpus.store.index import FOLDERS, Index, Key
from corpus.store.rows import (
    Archive,
    DamagedArchive,
    DamagedRow,
    RejectedArchive,
    StoreError,
    check_body,
    difference,
    read_archive,
    read_reject,
    row_of,
    row_of_reject,
    rows_under,
)
from corpus.untrusted import check_name, check_package

if TYPE_CHECKING:
    import pyarrow as pa


class UnsafeName(StoreError):
    """A source, name or version must not be a part of a path."""


class StoreBelow(StoreError):
    """A folder for a new store contains another store."""

    def __init__(self, root: Path, below: Path) -> None:
        super().__init__(
            f"{root} is no archive store, and holds one: {below}. Name that store, or a folder "
            "without a store in it; nothing was written."
        )


class ArchiveStore:
    """Archives and their index under one folder, which is created on the first write.

    At an fsspec URL a store can be read only; `corpus.store.copying` writes it there.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = place(root)
        self._archives = Index(self.root, "archives")
        self._rejects = Index(self.root, "rejects")

    def put(self, archive: Archive, body: bytes) -> None:
        """Store `body` under its row, replacing an earlier archive or reject of that version.

        An earlier archive of other bytes is kept as superseded. Raises UnsafeName, DamagedArchive
        if `body` is not what the row says, and OSError.
        """
        if problem := difference(archive, body):
            raise DamagedArchive(f"the body to store: {problem}. Fetch the archive again.")
        place = self._place(archive)
        if not self._holds(archive):
            self._supersede(archive)
            with replacing(self.path(archive)) as temporary:
                temporary.write_bytes(body)
                flush_to_disk(temporary)  # a full disk raises here, while the old row still exists
                self._archives.remove(place)
        # Before the row, because a build treats a reject beside an archive as newer.
        self._rejects.remove(place)
        self._archives.put(place, canonical_json(row_of(archive)))

    def amend(self, archive: Archive) -> None:
        """Replace the row of a stored archive, which is not changed.

        Raises UnsafeName and OSError; then the earlier row is kept.
        """
        self._archives.put(self._place(archive), canonical_json(row_of(archive)))

    def supersede(self, earlier: Archive, by: Archive) -> None:
        """Keep a stored archive as superseded by another version, which is stored already.

        A writer that is killed in it leaves both as current, and the next one repeats it. Raises
        DamagedArchive for an archive that is not as its row says, UnsafeName and OSError.
        """
        self._keep(replace(earlier, superseded_by=by.sha256), self.read(earlier))
        self.remove(earlier)

    def put_tag(self, archive: Archive, body: bytes) -> None:
        """Store the commit of a tag (`archive.repository.tag`) beside its repository.

        Raises UnsafeName, DamagedArchive if `body` is not what the row says, and OSError.
        """
        if problem := difference(archive, body):
            raise DamagedArchive(f"the body to store: {problem}. Fetch the archive again.")
        write_bytes(self.path(archive), body)
        write_json(self.path(archive).with_suffix(".json"), row_of(archive))

    def remove_tag(self, archive: Archive) -> None:
        """Remove the commit of a tag; nothing of it is kept. Raises OSError."""
        body = self.path(archive)
        body.with_suffix(".json").unlink(missing_ok=True)
        body.unlink(missing_ok=True)

    def tags(self) -> list[Archive]:
        """Return the rows of the commits of tags, sorted like `archives`. Raises DamagedRow."""
        rows = self._rows_in("tags")
        return sorted(rows, key=lambda row: (row.source, row.name, row.version, row.sha256))

    def get(self, source: str, name: str, version: str) -> Archive | None:
        """Return the row of one archive, or None if it is not stored. Raises DamagedRow.

        A row without its archive (for example after a damaged one was moved away) counts as not
        stored.
        """
        row = self._archives.get(checked(source, name, version))
        archive = read_archive(*row) if row else None
        return archive if archive and self.path(archive).is_file() else None

    def path(self, archive: Archive) -> Path:
        """Return the path of the archive file of a row."""
        if archive.superseded_by is not None:
            return self._superseded(archive).with_suffix(".tar")
        if archive.repository is not None and archive.repository.tag is not None:
            source, name, version = self._place(archive)
            digest = hashlib.sha256(archive.repository.tag.encode()).hexdigest()[:8]
            stem = f"{name.rpartition('/')[2]}-{version}-{digest}"
            return self.root / "tags" / source / name / f"{stem}.tar"
        row = self._archives.loose(self._place(archive))
        return row.with_name(f"{row.name.removesuffix('.json')}.tar")

    def read(self, archive: Archive) -> bytes:
        """Return the archive's bytes, checked against its row. Raises DamagedArchive, OSError."""
        path = self.path(archive)
        body = path.read_bytes()
        check_body(archive, body, str(path))
        return body

    def archives(self, source: str | None = None) -> list[Archive]:
        """Return every row, or those of one source, sorted by source, name and version.

        Raises DamagedRow.
        """
        rows = [read_archive(*row) for row in self._archives.rows(source)]
        return sorted(rows, key=lambda row: (row.source, row.name, row.version))

    def superseded(self) -> list[Archive]:
        """Return the rows of superseded archives, sorted like `archives`.

        Builds do not read them; `superseded_by` is the digest of the replacement. Raises
        DamagedRow.
        """
        rows = self._rows_in("superseded")
        # A writer that was killed, or a version that is what it once was, leaves a copy of what is
        # current: that is not superseded.
        gone = (row for row in rows if not self._is_current(row))
        return sorted(gone, key=lambda row: (row.source, row.name, row.version, row.sha256))

    def table(self) -> "pa.Table":
        """Return the index as a table of `tables.ARCHIVES`: current rows, superseded ones, tags."""
        import pyarrow as pa

        from corpus.tables import ARCHIVES

        rows = map(row_of, (*self.archives(), *self.superseded(), *self.tags()))
        return pa.Table.from_pylist(list(rows), schema=ARCHIVES)

    def reject(self, row: RejectedArchive) -> None:
        """Record why an archive is not stored, replacing an earlier record."""
        self._rejects.put(
            checked(row.source, row.name, row.version), canonical_json(row_of_reject(row))
        )

    def rejected(self, source: str, name: str, version: str) -> RejectedArchive | None:
        """Return the record of one rejected archive, or None. Raises DamagedRow."""
        row = self._rejects.get(checked(source, name, version))
        return read_reject(*row) if row else None

    def accept(self, archive: Archive) -> None:
        """Remove the record of a refusal beside an archive that is current. Raises OSError."""
        self._rejects.remove(self._place(archive))

    def withdraw(self, row: RejectedArchive) -> None:
        """Remove the record of an archive that is not asked for any more. Raises OSError."""
        self._rejects.remove(checked(row.source, row.name, row.version))

    def remove(self, archive: Archive) -> None:
        """Remove an archive and its row; nothing of it is kept. Raises OSError."""
        self._archives.remove(self._place(archive))
        self.path(archive).unlink(missing_ok=True)

    def rejects(self, source: str | None = None) -> list[RejectedArchive]:
        """Return every record, or those of one source, sorted by source, name and version.

        Raises DamagedRow.
        """
        rows = [read_reject(*row) for row in self._rejects.rows(source)]
        return sorted(rows, key=lambda row: (row.source, row.name, row.version))

    def sweep(self) -> int:
        """Remove the temporary files of a killed writer and return their number.

        Its loose rows are packed. Call it before writing begins, because it would also remove files
        of another active writer.
        """
        found = (path for folder in FOLDERS for path in (self.root / folder).rglob(".*.tmp"))
        stale = [path for path in found if is_temporary(path.name) and path.is_file()]
        for path in stale:
            path.unlink(missing_ok=True)
        self._archives.tidy()
        self._rejects.tidy()
        return len(stale)

    def _rows_in(self, folder: str) -> list[Archive]:
        """Return the rows in a folder of the store that has no index. Raises DamagedRow."""
        top = self.root / folder
        found = files_below(top) if is_remote(top) else map(Path, rows_under(top))
        paths = [path for path in found if path.suffix == ".json"]
        return [read_archive(data, str(path)) for path, data in read_files(paths)]

    def _holds(self, archive: Archive) -> bool:
        """Return whether the bytes of an archive are there, regardless of its row."""
        path = self.path(archive)
        return path.is_file() and difference(archive, path.read_bytes()) is None

    def _supersede(self, archive: Archive) -> None:
        """Keep what stands in the place of an archive, where it is whole and another.

        A writer that is killed after this leaves an extra copy, which the next one overwrites.
        """
        try:
            earlier = self.get(archive.source, archive.name, archive.version)
        except DamagedRow:
            return
        if earlier is None or earlier.sha256 == archive.sha256 or not self._holds(earlier):
            return
        kept = replace(earlier, superseded_by=archive.sha256)
        self._keep(kept, self.path(earlier).read_bytes())

    def _keep(self, superseded: Archive, body: bytes) -> None:
        write_bytes(self.path(superseded), body)
        write_json(self._superseded(superseded), row_of(superseded))

    def _is_current(self, archive: Archive) -> bool:
        current = self.get(archive.source, archive.name, archive.version)
        return current is not None and current.sha256 == archive.sha256

    def _superseded(self, archive: Archive) -> Path:
        source, name, version = self._place(archive)
        stem = f"{name.rpartition('/')[2]}-{version}-{archive.sha256[:16]}"
        return self.root / "superseded" / source / name / f"{stem}.json"

    def _place(self, archive: Archive) -> Key:
        return checked(archive.source, archive.name, archive.version)


def store_near(folder: Path) -> Path | None:
    """Return a store that was probably meant: directly below a folder, or one that holds it."""
    above = folder.parents if is_remote(folder) else folder.absolute().parents
    around = (*_below(folder), *above[:3])
    return next(filter(_is_store, around), None)


def refuse_above_a_store(root: Path) -> None:
    """Raise StoreBelow for a folder in which a second store would begin beside the first."""
    below = None if _is_store(root) else next(filter(_is_store, _below(root)), None)
    if below is not None:
        raise StoreBelow(root, below)


def _below(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_store(folder: Path) -> bool:
    return any((folder / "archives" / source).is_dir() for source in ("hex", "folder", "github"))


def checked(source: str, name: str, version: str) -> Key:
    """Return the key of an archive. Raises UnsafeName unless all of it may stand in a path."""
    try:
        check_name("source", source)
        if source in FOLDERS:
            raise ValueError(f"{source!r} names a folder of the store, no source")
        check_package("name", name)
        check_name("version", version)
    except ValueError as error:
        raise UnsafeName(f"{error}. Leave this archive out.") from error
    return source, name, version
