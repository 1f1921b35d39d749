"""The inputs of a build: every archive of the store that is complete and not a duplicate."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from corpus.packages import Standing
from corpus.places import explained, is_remote
from corpus.progress import Progress, tracked
from corpus.reasons import Reason, Reject, Stage
from corpus.sources import GITHUB, HEX, source_named
from corpus.sources.tar import DEFAULT_LIMITS, ArchiveError
from corpus.split.repository import repository_of
from corpus.store import (
    Archive,
    ArchiveStore,
    DamagedArchive,
    RejectedArchive,
    check_body,
    row_of_reject,
)
from corpus.untrusted import TIME

UNDATED = 1 << 62
"""Microseconds later than every time, for packages of unknown time."""
DAY: Final = 24 * 60 * 60 * 1_000_000
"""In microseconds."""
FETCHES: Final = 16
"""Archives that are fetched at once from a store at a URL."""
CHANGING = frozenset({"fetched_at", "recorded_at", "downloads"})
"""Columns that differ between crawls of the same archives."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The archives to read, and the refused ones with their reasons.

    `published` has the time when a package was first published, by source and name, in microseconds
    since 1970. It is the earliest time in any row of the store, including rows that are not read or
    superseded. Packages without a known time come after all others, those first that more packages
    of the store require. Packages that have no time and are not required are missing.
    """

    archives: tuple[Archive, ...]
    refused: tuple[RejectedArchive, ...]
    published: Mapping[tuple[str, str], int]
    tags: tuple[tuple[Archive, Path], ...] = ()
    """Commits of tags, which packages are compared with, and where their archives are."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """All names that the store knows of a repository on GitHub that was renamed, by each of them in
    lower case. A name that another repository has now is the name of that one alone."""

    @property
    def newest(self) -> str:
        """When the newest archive was published, or fetched if the registry has no time.

        The month is taken from the data and not from the clock, so that a later crawl of the same
        packages gives the same name.
        """
        return max(_dated(item) for item in self.archives)

    @property
    def standings(self) -> dict[str, Standing]:
        """What the store knows of the package of each archive, by digest of the archive.

        Ages are counted to when the newest archive was published, not to today.
        """
        required = _dependents(self.archives)
        published = {each.sha256: _microseconds(each.published_at) for each in self.archives}
        newest = max((time for time in published.values() if time is not None), default=None)
        return {
            each.sha256: Standing(
                age_days=_days(published[each.sha256], newest),
                package_age_days=_days(
                    _microseconds(each.first_published_at), published[each.sha256]
                ),
                downloads=each.downloads.all if each.downloads else None,
                recent_downloads=each.downloads.recent if each.downloads else None,
                dependents=len(required.get((each.source, each.name), ())),
            )
            for each in self.archives
        }

    def digests(self) -> dict[str, str]:
        """Digest, by field, the inputs of a build that another crawl would find again.

        It works row by row, because as one value the rows of all of Hex took gigabytes.
        """
        rows: dict[str, Iterable[object]] = {
            "archives": map(_undated, self.archives),
            "refused": map(_undated, self.refused),
            "published": sorted(self.published.items()),
            "tags": (_undated(archive) for archive, _ in self.tags),
            "standings": map(asdict, self.standings.values()),
        }
        return {name: _digest(each) for name, each in rows.items()}


def read_inputs(store: ArchiveStore, progress: Progress) -> Inputs:
    """Read the index and check every archive against it.

    These are refused: archives that the crawl did not get, archives that the registry replaced by
    refused content, archives that changed in the store, and copies of the same bytes under another
    name: of packages the one that was published first is read, of repositories the one that a
    package links to; commits of tags that changed in the store or cannot be opened. This is checked
    here and not when archives are read, so that a repair of the store gives another build. Raises
    DamagedRow.
    """
    rejects = store.rejects()
    # Storing an archive removes its reject, so a reject beside an archive is newer.
    replaced = {_place(row) for row in rejects if row.reject.stage is not Stage.CRAWL}
    known, superseded = list(store.archives()), store.superseded()
    published = first_published([*known, *superseded])
    stored = [item for item in known if _place(item) not in replaced]
    names = set(map(_place, stored))
    refused = [row for row in rejects if _place(row) not in names]
    archives: dict[str, Archive] = {}
    linked = {
        repository
        for item in stored
        if item.source == HEX and (repository := repository_of(item.links, item.name))
    }
    oldest_first = sorted(stored, key=lambda item: _first(item, published))
    oldest_first.sort(key=lambda item: _is_a_copy(item, linked))
    problems = zip(oldest_first, _problems(store, oldest_first), strict=True)
    for archive, problem in tracked(progress, "check archives", len(stored), problems):
        first = archives.get(archive.sha256)
        if first is not None:
            detail = f"the same bytes as {first.source} {first.name} {first.version}"
            refused.append(_refusal(archive, Reason.DUPLICATE_ARCHIVE, detail))
        elif problem is not None:
            refused.append(_refusal(archive, Reason.CHECKSUM_MISMATCH, problem))
        else:
            archives[archive.sha256] = archive
    read = [item for item in stored if archives.get(item.sha256) is item]
    tags = [each for each in store.tags() if each.sha256 not in archives]
    whole = []
    damaged: dict[tuple[str, str, str], RejectedArchive] = {}
    for archive, problem in zip(tags, _problems(store, tags), strict=True):
        why = Reject(Stage.UNPACK, Reason.CHECKSUM_MISMATCH, problem) if problem else None
        why = why or _unopenable(store, archive)
        if why is None:
            whole.append((archive, store.path(archive)))
        elif _place(archive) not in names:
            assert archive.repository
            detail = f"the commit of the tag {archive.repository.tag}: {why.detail}"
            damaged[_place(archive)] = _refusal(archive, why.reason, detail)
    refused += damaged.values()
    renamed = names_of([*known, *tags], superseded)
    return Inputs(tuple(read), tuple(sorted(refused, key=_place)), published, tuple(whole), renamed)


def names_of(
    current: Iterable[Archive], superseded: Iterable[Archive]
) -> dict[str, tuple[str, ...]]:
    """Return the names of repositories that were renamed; see `Inputs`."""
    names: dict[int, set[str]] = {}
    owners: dict[str, set[int]] = {}
    for rows in (current, superseded):
        found: dict[str, set[int]] = {}
        for row in rows:
            if row.repository is not None:
                names.setdefault(row.repository.id, set()).add(row.name)
                found.setdefault(row.name.lower(), set()).add(row.repository.id)
        owners = found | owners
    return {
        name: tuple(sorted(set().union(*(names[number] for number in numbers))))
        for name, numbers in owners.items()
        if any(len(names[number]) > 1 for number in numbers)
    }


def _is_a_copy(archive: Archive, linked: Collection[str]) -> tuple[bool, bool]:
    """Return the sort key among archives of the same bytes, which two repositories may have.

    The one that a package links to comes first, then one that is no fork.
    """
    host = archive.repository
    if archive.source != GITHUB or host is None:
        return False, False
    return f"github.com/{archive.name.lower()}" not in linked, host.is_fork


def first_published(archives: Sequence[Archive]) -> dict[tuple[str, str], int]:
    """Return when each package was first published, from its rows; see `Inputs`."""
    first: dict[tuple[str, str], int] = {}
    for archive in archives:
        package = archive.source, archive.name
        for told in (archive.first_published_at, archive.published_at):
            time = _microseconds(told)
            if time is not None:
                first[package] = min(time, first.get(package, time))
    for package, dependents in _dependents(archives).items():
        first.setdefault(package, UNDATED - len(dependents))
    return first


def _dependents(archives: Iterable[Archive]) -> dict[tuple[str, str], set[str]]:
    """Return the names of the other packages that require each package."""
    found: dict[tuple[str, str], set[str]] = {}
    for archive in archives:
        for requirement in archive.requirements:
            if requirement.name != archive.name:
                package = archive.source, requirement.name
                found.setdefault(package, set()).add(archive.name)
    return found


def _microseconds(time: str | None) -> int | None:
    """Read an ISO 8601 time, in UTC if it has no zone; None for an invalid one."""
    try:
        read = datetime.fromisoformat(time or "")
        zoned = read if read.tzinfo else read.replace(tzinfo=UTC)
        return (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except ValueError:
        return None


def _days(begin: int | None, end: int | None) -> int | None:
    return None if begin is None or end is None else max(0, (end - begin) // DAY)


def _first(archive: Archive, published: Mapping[tuple[str, str], int]) -> tuple[bool, int]:
    """Return the sort key: known times first. Sorting is stable, so ties have the order of the
    index.
    """
    time = published.get((archive.source, archive.name))
    return time is None, time or 0


def _digest(rows: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _problems(store: ArchiveStore, archives: Sequence[Archive]) -> Iterator[str | None]:
    """Yield what is wrong with each archive; of a store at a URL many are fetched at once."""
    if not is_remote(store.root):
        yield from (_problem(store, archive) for archive in archives)
        return
    fetching = ThreadPoolExecutor(FETCHES)
    try:
        yield from fetching.map(partial(_problem, store), archives)
    finally:
        fetching.shutdown(cancel_futures=True)


def _problem(store: ArchiveStore, archive: Archive) -> str | None:
    path = store.path(archive)
    try:
        with explained(path):
            check_body(archive, path.read_bytes(), path.name)
    except FileNotFoundError:
        return f"{path.name} is not in the store any more. Fetch the archive again."
    except DamagedArchive as error:
        return str(error)
    return None


def _unopenable(store: ArchiveStore, tag: Archive) -> Reject | None:
    """Return why the commit of a tag cannot be compared: no bundle opens it, which would tell."""
    try:
        with explained(store.path(tag)):
            source_named(tag.source).open(store.path(tag).read_bytes(), DEFAULT_LIMITS)
    except ArchiveError as error:
        return error.reject
    return None


def _refusal(archive: Archive, reason: Reason, detail: str) -> RejectedArchive:
    return RejectedArchive(
        source=archive.source,
        name=archive.name,
        version=archive.version,
        url=archive.url,
        reject=Reject(Stage.UNPACK, reason, detail),
        recorded_at=archive.fetched_at,
    )


def _place(row: Archive | RejectedArchive) -> tuple[str, str, str]:
    return row.source, row.name, row.version


def _undated(row: Archive | RejectedArchive) -> dict[str, object]:
    told = row_of_reject(row) if isinstance(row, RejectedArchive) else asdict(row)
    return {key: value for key, value in told.items() if key not in CHANGING}


def _dated(archive: Archive) -> str:
    """Return when an archive was published, or fetched if that is not a valid time."""
    told = archive.published_at or ""
    return told if TIME.fullmatch(told) else archive.fetched_at
