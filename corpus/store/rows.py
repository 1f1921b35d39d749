"""Index rows: what the store says of an archive that it holds, and of one that it does not.

A row also tells which bytes are its archive's, so whoever has both can check them.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import NoReturn

from corpus.errors import CorpusError
from corpus.packages import Advisory, Downloads, HostedRepository, Link, Requirement
from corpus.reasons import Reason, Reject, Stage
from corpus.untrusted import TIME, check_matches, parse_json


class StoreError(CorpusError):
    """An operation of the archive store failed."""


class DamagedRow(StoreError):
    """A file in the index is not a complete index row."""


class DamagedArchive(StoreError):
    """The bytes of an archive differ from its row."""


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
    repository: HostedRepository | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedArchive:
    """A requested archive that is not in the store, and the reason."""

    source: str
    name: str
    version: str
    url: str
    reject: Reject
    recorded_at: str


def check_body(archive: Archive, body: bytes, where: str) -> None:
    """Raise DamagedArchive unless `body`, read from the store, is what its row says."""
    if problem := difference(archive, body):
        stem = f"{archive.name.rpartition('/')[2]}-{archive.version}"
        raise DamagedArchive(
            f"{where}: {problem}. Move {stem}.tar out of the store, then crawl again: what is "
            "wanted and not in the store is fetched."
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


def packed(path: Path, what: str) -> DamagedRow:
    """Build the error for a segment of the index that is not as it was written."""
    return DamagedRow(
        f"{path}: the index of archives was altered ({what}). Restore this file from a copy, or "
        "move it out of the store: the next crawl fetches again what the index does not name."
    )


def rows_under(root: Path) -> Iterator[str]:
    """Yield the paths of all index rows below `root`, a folder of this machine."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".json") and not name.startswith("."):
                yield f"{folder}/{name}"


def row_of(archive: Archive) -> dict[str, object]:
    """Return an archive as JSON and Arrow take it (`asdict` alone takes twice the time)."""
    row = {key: getattr(archive, key) for key in COLUMNS}
    row["requirements"] = [asdict(item) for item in archive.requirements]
    row["links"] = [asdict(item) for item in archive.links]
    row["advisories"] = [asdict(item) for item in archive.advisories]
    row["downloads"] = asdict(archive.downloads) if archive.downloads else None
    row["repository"] = asdict(archive.repository) if archive.repository else None
    return row


def read_archive(data: bytes, path: str) -> Archive:
    """Read one index row from `path`. Raises DamagedRow if it is torn or not one of ours."""
    row = read_row(data, path, REQUIRED_OF_ARCHIVE)
    try:
        check_matches(TIME, "time", row.text("fetched_at"))
        return Archive(
            source=row.text("source"),
            name=row.text("name"),
            version=row.text("version"),
            url=row.text("url"),
            sha256=row.text("sha256"),
            bytes=row.count("bytes"),
            licenses=row.texts("licenses"),
            requirements=tuple(map(requirement, row.items("requirements", Requirement))),
            links=tuple(map(link, row.items("links", Link))),
            published_at=row.known("published_at"),
            retirement=row.known("retirement"),
            advisories=tuple(map(advisory, row.items("advisories", Advisory))),
            fetched_at=row.text("fetched_at"),
            first_published_at=row.known("first_published_at"),
            last_published_at=row.known("last_published_at"),
            description=row.known("description"),
            downloads=downloads(row.values.get("downloads")),
            owners=None if row.values.get("owners") is None else row.texts("owners"),
            superseded_by=row.known("superseded_by"),
            repository=hosted(row.values.get("repository")),
        )
    except (TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error


def requirement(told: "Fields") -> Requirement:
    """Read one requirement. Raises TypeError."""
    return Requirement(
        name=told.text("name"),
        requirement=told.text("requirement"),
        optional=told.truth("optional"),
        app=told.known("app"),
        repository=told.known("repository"),
    )


def link(told: "Fields") -> Link:
    """Read one link. Raises TypeError."""
    return Link(told.text("name"), told.text("url"))


def advisory(told: "Fields") -> Advisory:
    """Read one advisory. Raises TypeError."""
    return Advisory(
        id=told.text("id"),
        summary=told.known("summary"),
        severity=told.known("severity"),
        score=told.number("score"),
        url=told.known("url"),
        aliases=told.texts("aliases") if "aliases" in told.values else (),
    )


def downloads(value: object) -> Downloads | None:
    """Read the numbers of downloads. Raises TypeError."""
    if value is None:
        return None
    told = fields_of(value, Downloads)
    return Downloads(told.count("all"), told.count("recent"))


def hosted(value: object) -> HostedRepository | None:
    """Read what a host said of a repository. Raises TypeError."""
    if value is None:
        return None
    told = fields_of(value, HostedRepository)
    return HostedRepository(
        id=told.count("id"),
        stars=told.count("stars"),
        topics=told.texts("topics"),
        default_branch=told.text("default_branch"),
        committed_at=told.known("committed_at"),
        created_at=told.text("created_at"),
        pushed_at=told.known("pushed_at"),
        kilobytes=None if told.values.get("kilobytes") is None else told.count("kilobytes"),
        is_fork=told.truth("is_fork"),
        is_archived=told.truth("is_archived"),
        is_mirror=told.truth("is_mirror"),
        is_template=told.truth("is_template"),
        license_hint=told.known("license_hint"),
        tag=told.known("tag"),
    )


def row_of_reject(rejected: RejectedArchive) -> dict[str, object]:
    """Return a rejected archive as JSON takes it."""
    row = {key: getattr(rejected, key) for key in ("source", "name", "version", "url")}
    return {**row, **asdict(rejected.reject), "recorded_at": rejected.recorded_at}


def read_reject(data: bytes, path: str) -> RejectedArchive:
    """Read one reject record from `path`. Raises DamagedRow if it is torn or not one of ours."""
    row = read_row(data, path, REQUIRED_OF_REJECT)
    try:
        stage, reason = Stage(row.text("stage")), Reason(row.text("reason"))
        return RejectedArchive(
            source=row.text("source"),
            name=row.text("name"),
            version=row.text("version"),
            url=row.text("url"),
            reject=Reject(stage, reason, row.text("detail")),
            recorded_at=row.text("recorded_at"),
        )
    except (TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error


COLUMNS = tuple(Archive.__dataclass_fields__)
"""Of an archive's row; older rows lack those that have a default."""
REQUIRED_OF_ARCHIVE = frozenset(
    name for name, each in Archive.__dataclass_fields__.items() if each.default is MISSING
)
REQUIRED_OF_REJECT = frozenset(
    ("source", "name", "version", "url", "stage", "reason", "detail", "recorded_at")
)


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of a row, whose values are checked as they are taken; each raises TypeError."""

    values: dict[str, object]

    def text(self, key: str) -> str:
        """Return a text."""
        value = self.values.get(key)
        return value if isinstance(value, str) else self._refuse(key)

    def known(self, key: str) -> str | None:
        """Return a text, None where it is unknown."""
        return None if self.values.get(key) is None else self.text(key)

    def count(self, key: str) -> int:
        """Return a whole number."""
        value = self.values.get(key)
        return value if isinstance(value, int) else self._refuse(key)

    def number(self, key: str) -> float | None:
        """Return a number, None where it is unknown."""
        value = self.values.get(key)
        return value if value is None or isinstance(value, int | float) else self._refuse(key)

    def truth(self, key: str) -> bool:
        """Return yes or no."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else self._refuse(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.values.get(key)
        if not isinstance(value, list):
            return self._refuse(key)
        texts = tuple(each for each in value if isinstance(each, str))
        return texts if len(texts) == len(value) else self._refuse(key)

    def items(self, key: str, kind: type) -> list["Fields"]:
        """Return a list of objects as `fields_of` does; of advisories an older row has the ids."""
        value = self.values.get(key)
        if not isinstance(value, list):
            return self._refuse(key)
        return [fields_of({"id": each} if isinstance(each, str) else each, kind) for each in value]

    def _refuse(self, key: str) -> NoReturn:
        raise TypeError(f"{key} is {self.values.get(key)!r}")


def fields_of(value: object, kind: type) -> Fields:
    """Return an object that has keys of a dataclass and no others. Raises TypeError."""
    if not isinstance(value, dict) or not value.keys() <= {field.name for field in fields(kind)}:
        raise TypeError(f"expected {kind.__name__.lower()}, found {value!r}")
    return Fields(value)


def read_row(data: bytes, path: str, required: frozenset[str]) -> Fields:
    """Read a JSON object that has the keys of `required`. Raises DamagedRow.

    Other keys belong to a later version and are ignored.
    """
    try:
        row = parse_json(data)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    if not isinstance(row, dict) or not required <= row.keys():
        raise damaged(path, f"expected an object with the keys {', '.join(sorted(required))}")
    return Fields(row)


def damaged(path: Path | str, what: str) -> DamagedRow:
    """Build the error for a file that is not an index row."""
    return DamagedRow(
        f"{path}: not a complete row of the archive index ({what}). Move the file out of the "
        "store; "
        "the next crawl fetches that archive again."
    )
