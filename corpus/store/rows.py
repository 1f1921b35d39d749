"""Index rows: what the store says of an archive that it holds, and of one that it does not."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus.errors import CorpusError
from corpus.packages import Advisory, Downloads, Link, Requirement
from corpus.reasons import Reason, Reject, Stage
from corpus.untrusted import TIME, check_matches, parse_json


class StoreError(CorpusError):
    """The archive store cannot do what was asked."""


class DamagedRow(StoreError):
    """A file in the index that is not a whole index row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """One row of `tables.ARCHIVES`. `licenses` as found; times are ISO 8601 UTC.

    What has a default came to the index later, and older rows are read as if it were unknown.
    """

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
    advisories: tuple[Advisory, ...]
    fetched_at: str
    first_published_at: str | None = None
    last_published_at: str | None = None
    description: str | None = None
    downloads: Downloads | None = None
    owners: tuple[str, ...] | None = None
    superseded_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedArchive:
    """An archive that was asked for and is not in the store, and why."""

    source: str
    name: str
    version: str
    url: str
    reject: Reject
    recorded_at: str


def packed(path: Path, what: str) -> DamagedRow:
    """Build the error for a segment of the index that is not as it was written."""
    return DamagedRow(
        f"{path}: the index of archives was altered ({what}). Restore this file from a copy, or "
        "move it out of the store: the next crawl fetches again what the index does not name."
    )


def rows_under(root: Path) -> Iterator[str]:
    """Yield the paths of all index rows below `root`."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".json") and not name.startswith("."):
                yield f"{folder}/{name}"


def row_of(archive: Archive) -> dict[str, object]:
    """Return an archive as JSON and Arrow take it (`asdict` alone takes twice the time)."""
    row = {key: getattr(archive, key) for key in (*ARCHIVE_TYPES, *LATER_TYPES)}
    row["requirements"] = [asdict(item) for item in archive.requirements]
    row["links"] = [asdict(item) for item in archive.links]
    row["advisories"] = [asdict(item) for item in archive.advisories]
    row["downloads"] = asdict(archive.downloads) if archive.downloads else None
    return row


def read_archive(data: bytes, path: str) -> Archive:
    """Read one index row from `path`. Raises DamagedRow if it is torn or not one of ours."""
    row = read_row(data, path, ARCHIVE_TYPES, LATER_TYPES)
    try:
        check_matches(TIME, "time", row["fetched_at"])
        return Archive(
            **{
                **row,
                "licenses": strings(row["licenses"]),
                "requirements": tuple(Requirement(**item) for item in row["requirements"]),
                "links": tuple(Link(**item) for item in row["links"]),
                "advisories": tuple(map(advisory, row["advisories"])),
                "downloads": Downloads(**row["downloads"]) if row["downloads"] else None,
                "owners": None if row["owners"] is None else strings(row["owners"]),
            }
        )
    except (TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error


def advisory(value: Any) -> Advisory:
    """Read one advisory; older rows have its identifier only. Raises TypeError."""
    if isinstance(value, str):
        return Advisory(value)
    if not isinstance(value, dict):
        raise TypeError(f"expected an advisory, found {value!r}")
    return Advisory(**{**value, "aliases": strings(value.get("aliases", []))})


def row_of_reject(rejected: RejectedArchive) -> dict[str, object]:
    """Return a rejected archive as JSON takes it."""
    row = {key: getattr(rejected, key) for key in ("source", "name", "version", "url")}
    return {**row, **asdict(rejected.reject), "recorded_at": rejected.recorded_at}


def read_reject(data: bytes, path: str) -> RejectedArchive:
    """Read one reject record from `path`. Raises DamagedRow if it is torn or not one of ours."""
    row = read_row(data, path, REJECT_TYPES)
    try:
        why = Reject(Stage(row.pop("stage")), Reason(row.pop("reason")), row.pop("detail"))
        return RejectedArchive(**row, reject=why)
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
LATER_TYPES: Types = {
    **dict.fromkeys(("first_published_at", "last_published_at", "description"), OPTIONAL_TEXT),
    "downloads": (dict, type(None)),
    "owners": (list, type(None)),
    "superseded_by": OPTIONAL_TEXT,
}
"""Columns that came later; a row may lack them."""
REJECT_TYPES: Types = dict.fromkeys(
    ("source", "name", "version", "url", "stage", "reason", "detail", "recorded_at"), TEXT
)


def read_row(data: bytes, path: str, types: Types, later: Types | None = None) -> dict[str, Any]:
    """Read a JSON object that has the keys of `types`, with values of those types.

    Keys of `later` may be missing; they are None then. Keys that only a later version knows are
    left out.
    """
    later = later or {}
    try:
        row = parse_json(data)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    if not isinstance(row, dict) or not types.keys() <= row.keys():
        raise damaged(path, f"expected an object with the keys {', '.join(sorted(types))}")
    row = {**dict.fromkeys(later), **{key: row[key] for key in row if key in {*types, *later}}}
    for key, kinds in (types | later).items():
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
        f"{path}: not a whole row of the archive index ({what}). Move the file out of the store; "
        "the next crawl fetches that archive again."
    )
