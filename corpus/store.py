"""The archive store: every archive unchanged, with one index row beside it.

    ROOT/archives/hex/NAME/NAME-VERSION.tar     the archive as it was served
    ROOT/archives/hex/NAME/NAME-VERSION.json    its index row
    ROOT/rejects/hex/NAME/NAME-VERSION.json     why an archive is not here

The row is written after the archive and removed before it is replaced, so a row always speaks of
the bytes beside it: an archive without a row is not stored, whatever moment the writer was killed
at. One process writes; any number may read.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.atomic import write_bytes, write_json
from corpus.errors import CorpusError
from corpus.packages import Link, Requirement
from corpus.reasons import Reason, Stage

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Archive",
    "ArchiveReject",
    "ArchiveStore",
    "DamagedArchive",
    "DamagedRow",
    "Link",
    "Requirement",
    "StoreError",
    "UnsafeName",
]

LONGEST_NAME = 100
"""Characters in a name or a version: two of them, and what a temporary name adds, fit in a
file name of 255 bytes."""
SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
"""What may become a file name. Hex's own names, versions and git object ids all match."""


class StoreError(CorpusError):
    """The archive store cannot do what was asked."""


class UnsafeName(StoreError):
    """A source, name or version that must not become a part of a path."""


class DamagedRow(StoreError):
    """A file in the index that is not a whole index row."""


class DamagedArchive(StoreError):
    """An archive whose bytes are not those that its row promises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """One row of `schema.ARCHIVES`. `licenses` as found; times are ISO 8601 UTC."""

    source: str
    name: str
    version: str
    url: str
    sha256: str
    bytes: int
    licenses: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    links: tuple[Link, ...]
    published_at: str | None
    retirement: str | None
    advisories: tuple[str, ...]
    fetched_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveReject:
    """An archive that was asked for and is not in the store, and why."""

    source: str
    name: str
    version: str
    url: str
    stage: Stage
    reason: Reason
    detail: str
    recorded_at: str


class ArchiveStore:
    """Archives and their index under one folder, which is created on the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, archive: Archive, body: bytes) -> None:
        """Store `body` under its row, replacing an earlier archive or reject of that version.

        Raises UnsafeName, DamagedArchive if `body` is not what the row says, and OSError.
        """
        if problem := difference(archive, body):
            raise DamagedArchive(f"the body to store: {problem}. Fetch the archive again.")
        row = self._row("archives", archive.source, archive.name, archive.version)
        row.unlink(missing_ok=True)
        write_bytes(row.with_name(f"{row.name.removesuffix('.json')}.tar"), body)
        write_json(row, row_of(archive))
        self._row("rejects", archive.source, archive.name, archive.version).unlink(missing_ok=True)

    def get(self, source: str, name: str, version: str) -> Archive | None:
        """Return the row of one archive, or None if it is not stored. Raises DamagedRow."""
        path = self._row("archives", source, name, version)
        return read_archive(path) if path.exists() else None

    def path(self, archive: Archive) -> Path:
        """Return where the archive file of a row lies."""
        row = self._row("archives", archive.source, archive.name, archive.version)
        return row.with_name(f"{row.name.removesuffix('.json')}.tar")

    def read(self, archive: Archive) -> bytes:
        """Return the archive's bytes, checked against its row. Raises DamagedArchive, OSError."""
        path = self.path(archive)
        body = path.read_bytes()
        check_body(archive, body, str(path))
        return body

    def archives(self) -> list[Archive]:
        """Return every row, sorted by source, name and version. Raises DamagedRow."""
        rows = [read_archive(path) for path in rows_under(self.root / "archives")]
        return sorted(rows, key=lambda row: (row.source, row.name, row.version))

    def table(self) -> "pa.Table":
        """Return the index as a table of `schema.ARCHIVES`, sorted as `archives` is."""
        import pyarrow as pa

        from corpus.schema import ARCHIVES

        return pa.Table.from_pylist([row_of(each) for each in self.archives()], schema=ARCHIVES)

    def reject(self, row: ArchiveReject) -> None:
        """Record why an archive is not stored, replacing an earlier record."""
        write_json(self._row("rejects", row.source, row.name, row.version), asdict(row))

    def rejected(self, source: str, name: str, version: str) -> ArchiveReject | None:
        """Return the record of one rejected archive, or None. Raises DamagedRow."""
        path = self._row("rejects", source, name, version)
        return read_reject(path) if path.exists() else None

    def rejects(self) -> list[ArchiveReject]:
        """Return every record, sorted by source, name and version. Raises DamagedRow."""
        rows = [read_reject(path) for path in rows_under(self.root / "rejects")]
        return sorted(rows, key=lambda row: (row.source, row.name, row.version))

    def sweep(self) -> int:
        """Remove the temporary files of a killed writer and return how many there were.

        Call it before writing begins: another writer's files would go as well.
        """
        stale = [path for path in self.root.rglob(".*.tmp") if path.is_file()]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _row(self, kind: str, source: str, name: str, version: str) -> Path:
        for what, text in (("source", source), ("name", name), ("version", version)):
            check_segment(what, text)
        return self.root / kind / source / name / f"{name}-{version}.json"


def check_segment(what: str, text: str) -> None:
    """Raise UnsafeName unless `text` may stand in a path of the store."""
    if len(text) > LONGEST_NAME or not SEGMENT.fullmatch(text):
        raise UnsafeName(
            f"{text!r} cannot be an archive's {what}: up to {LONGEST_NAME} letters, digits and "
            "_.+- are allowed, beginning with a letter, digit or _. Leave this archive out."
        )


def check_body(archive: Archive, body: bytes, where: str) -> None:
    """Raise DamagedArchive unless `body`, read from the store, is what its row says."""
    if problem := difference(archive, body):
        stem = f"{archive.name}-{archive.version}"
        raise DamagedArchive(
            f"{where}: {problem}. Delete {stem}.tar and {stem}.json beside it, then crawl again: "
            "what is wanted and not in the store is fetched."
        )


def difference(archive: Archive, body: bytes) -> str | None:
    """Say how `body` differs in length or digest from what its row says, if it does."""
    found = hashlib.sha256(body).hexdigest()
    if (len(body), found) == (archive.bytes, archive.sha256):
        return None
    return (
        f"{len(body)} bytes with sha256 {found}, but the row of {archive.name} "
        f"{archive.version} says {archive.bytes} bytes with {archive.sha256}"
    )


def rows_under(root: Path) -> Iterator[str]:
    """Yield the paths of all index rows below `root`."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".json") and not name.startswith("."):
                yield f"{folder}/{name}"


def row_of(archive: Archive) -> dict[str, Any]:
    """Return an archive as JSON and Arrow take it (`asdict` alone takes twice the time)."""
    row = {key: getattr(archive, key) for key in ARCHIVE_TYPES}
    row["requirements"] = [asdict(item) for item in archive.requirements]
    row["links"] = [asdict(item) for item in archive.links]
    return row


def read_archive(path: Path | str) -> Archive:
    """Read one index row. Raises DamagedRow if it is torn or not one of ours."""
    row = read_row(path, ARCHIVE_TYPES)
    try:
        return Archive(
            **{
                **row,
                "licenses": strings(row["licenses"]),
                "requirements": tuple(Requirement(**item) for item in row["requirements"]),
                "links": tuple(Link(**item) for item in row["links"]),
                "advisories": strings(row["advisories"]),
            }
        )
    except TypeError as error:
        raise damaged(path, str(error)) from error


def read_reject(path: Path | str) -> ArchiveReject:
    """Read one reject record. Raises DamagedRow if it is torn or not one of ours."""
    row = read_row(path, REJECT_TYPES)
    try:
        return ArchiveReject(
            **{**row, "stage": Stage(row["stage"]), "reason": Reason(row["reason"])}
        )
    except ValueError as error:
        raise damaged(path, str(error)) from error


Types = dict[str, tuple[type, ...]]
TEXT, OPTIONAL_TEXT = (str,), (str, type(None))
ARCHIVE_TYPES: Types = {
    **dict.fromkeys(("source", "name", "version", "url", "sha256", "fetched_at"), TEXT),
    **dict.fromkeys(("published_at", "retirement"), OPTIONAL_TEXT),
    **dict.fromkeys(("licenses", "requirements", "links", "advisories"), (list,)),
    "bytes": (int,),
}
REJECT_TYPES: Types = dict.fromkeys(
    ("source", "name", "version", "url", "stage", "reason", "detail", "recorded_at"), TEXT
)


def read_row(path: Path | str, types: Types) -> dict[str, Any]:
    """Read a JSON object that has exactly the keys of `types`, with values of those types."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path each costs as much as the read
            row = json.loads(file.read())
    except ValueError as error:
        raise damaged(path, str(error)) from error
    if not isinstance(row, dict) or row.keys() != types.keys():
        raise damaged(path, f"expected an object with the keys {', '.join(sorted(types))}")
    for key, kinds in types.items():
        if not isinstance(row[key], kinds):
            raise damaged(path, f"{key} is {row[key]!r}")
    return row


def strings(values: list[Any]) -> tuple[str, ...]:
    """Return the values as a tuple; raise TypeError if one is not a string."""
    if not all(isinstance(value, str) for value in values):
        raise TypeError(f"expected strings only, found {values!r}")
    return tuple(values)


def damaged(path: Path | str, what: str) -> DamagedRow:
    """Build the error for a file that is not an index row."""
    return DamagedRow(
        f"{path}: not a whole row of the archive index ({what}). Remove the file; "
        "the next crawl fetches that archive again."
    )
