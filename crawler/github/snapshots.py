"""Storing and refusing of repositories, and detection of those that are in the store already.

The store is the only state. A commit that is stored or permanently refused is not requested again,
so a killed crawl can be resumed, and a second crawl fetches only repositories with a new commit. An
archive is named by its repository and commit. When a new commit is stored, the previous one is kept
as superseded, and builds do not read it. A repository that was renamed or transferred is identified
by GitHub's id; if its commit is the same, nothing is fetched.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from corpus.licenses import LicensePolicy, judge_declaration
from corpus.packages import tags_of
from corpus.reasons import Reason, Reject, Stage
from corpus.sources import GITHUB, HEX, ArchiveLimits
from corpus.split.repository import repository_of
from corpus.store import (
    Archive,
    ArchiveStore,
    DamagedArchive,
    HostedRepository,
    Link,
    RejectedArchive,
)
from corpus.untrusted import check_package
from crawler.github.api import Found
from crawler.items import Refusal
from crawler.plan import quoted, stand_in

LARGEST_ARCHIVE = 64 * 1024 * 1024
"""Maximum size of an archive as served; repositories contain more than packages, such as tests."""
LIMITS = ArchiveLimits(compressed=LARGEST_ARCHIVE)
HOST = "github.com/"
"""Repositories on GitHub begin with it, as `repository_of` names them."""
NO_COMMIT = "no-commit"
"""Used as the version of a repository without a commit."""
LASTING = frozenset({Reason.ARCHIVE_TOO_LARGE, Reason.EMPTY_REPOSITORY, Reason.UNUSABLE_NAME})
"""Reasons of the stage `crawl` that are final for a commit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """An archive as GitHub served it for a repository."""

    found: Found
    url: str
    body: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The repository as OWNER/NAME."""
        return self.found.name


class Shelf:
    """The archives and rejects of repositories in the store when the crawl began."""

    def __init__(self, store: ArchiveStore) -> None:
        self.store = store
        self.by_id: dict[int, dict[tuple[str, str], Archive]] = {}
        self.refused: dict[str, dict[str, RejectedArchive]] = {}
        self.tagged: dict[int, dict[tuple[str, str], Archive]] = {}
        """Tags that are stored, by the number of the repository, and by tag and commit."""
        self.versions: dict[str, list[tuple[str, str]]] = {}
        """The versions of packages, by the repository that a package links to."""
        self.earlier: dict[int, set[str]] = {}
        """Names that repositories had before, by the number of the repository."""

    def read_versions(self) -> None:
        """Read the versions of packages, whose tags are wanted. Raises StoreError."""
        for archive in self.store.archives(HEX):
            linked = repository_of(archive.links, archive.name)
            if linked and linked.startswith(HOST):
                versions = self.versions.setdefault(linked.removeprefix(HOST), [])
                versions.append((archive.name, archive.version))

    def wanted_tags(self, found: Found) -> frozenset[str]:
        """Return the names that tags may have of versions whose packages link to a repository."""
        names = {each.lower() for each in self.names(found)}
        versions = [version for name in names for version in self.versions.get(name, ())]
        return frozenset().union(*(tags_of(*version) for version in versions))

    def put_tag(self, archive: Archive, body: bytes) -> None:
        """Store the commit of a tag. Raises OSError, StoreError."""
        self.store.put_tag(archive, body)
        self.add_tag(archive)

    def add_tag(self, archive: Archive) -> None:
        """Add the commit of a tag."""
        host = archive.repository
        assert host
        assert host.tag
        self.tagged.setdefault(host.id, {})[host.tag, archive.version] = archive

    def has_tag(self, found: Found, tag: str, commit: str) -> bool:
        """Return whether the commit of a tag is stored."""
        archive = self.tagged.get(found.id, {}).get((tag, commit))
        return archive is not None and self.is_whole(archive)

    def rename_tags(self, archive: Archive) -> None:
        """Store the tags of a repository under its name of today, as an opt-out names it.

        A damaged one is removed, and fetched again. Raises OSError, StoreError.
        """
        assert archive.repository
        for key, tag in list(self.tagged.get(archive.repository.id, {}).items()):
            if tag.name != archive.name:
                with suppress(DamagedArchive, FileNotFoundError):
                    body = self.store.read(tag)
                    self.put_tag(replace(tag, name=archive.name, links=archive.links), body)
                self.store.remove_tag(tag)
                if self.tagged[archive.repository.id][key] is tag:
                    del self.tagged[archive.repository.id][key]

    def read(self) -> None:
        """Read the index of the store. Raises StoreError."""
        for archive in self.store.archives(GITHUB):
            if archive.repository:
                self.add(archive)
        for archive in self.store.tags():
            if archive.repository and archive.repository.tag:
                self.add_tag(archive)
        for archive in self.store.superseded():
            if archive.repository:
                self.earlier.setdefault(archive.repository.id, set()).add(archive.name)
        for row in self.store.rejects(GITHUB):
            self.refused.setdefault(row.name, {})[row.version] = row

    def add(self, archive: Archive) -> None:
        """Add an archive."""
        assert archive.repository
        kept = self.by_id.setdefault(archive.repository.id, {})
        kept[archive.name, archive.version] = archive

    def current(self, found: Found) -> Archive | None:
        """Return the complete archive of a repository's commit, possibly under an earlier name."""
        archives = self.by_id.get(found.id, {}).values()
        same = [each for each in archives if each.version == found.commit and self.is_whole(each)]
        own = [each for each in same if each.name == found.name]
        return next(iter(own or same), None)

    def is_whole(self, archive: Archive) -> bool:
        """Return whether the file of an archive exists and has the right size."""
        path = self.store.path(archive)
        return path.is_file() and path.stat().st_size == archive.bytes

    def is_refused(self, name: str, version: str) -> bool:
        """Return whether a commit was permanently refused.

        Opt-outs are looked up in the ledger each time instead, and licences in the policy.
        """
        row = self.refused.get(name, {}).get(version)
        if row is None or row.reject.stage in (Stage.OPT_OUT, Stage.LICENSE):
            return False
        return row.reject.stage is not Stage.CRAWL or row.reject.reason in LASTING

    def names(self, found: Found) -> list[str]:
        """Return the names of a repository: its own, and earlier ones that the store has."""
        return list(
            dict.fromkeys(
                [
                    found.name,
                    *(name for name, _ in self.by_id.get(found.id, ())),
                    *sorted(self.earlier.get(found.id, ())),
                ]
            )
        )

    def put(self, archive: Archive, body: bytes) -> None:
        """Store an archive instead of the repository's previous one. Raises OSError, StoreError."""
        self.store.put(archive, body)
        self.add(archive)
        self.settle(archive)

    def rename(self, found: Found) -> None:
        """Store what there is of a repository under its name of today.

        An opt-out names it by that, and builds look up the name in the store. Raises OSError,
        StoreError.
        """
        for earlier in list(self.by_id.get(found.id, {}).values()):
            if earlier.name != found.name and usable(found.name) == found.name:
                links = (Link("GitHub", found.url),)
                with suppress(DamagedArchive, FileNotFoundError):
                    body = self.store.read(earlier)
                    self.put(replace(earlier, name=found.name, links=links), body)

    def settle(self, archive: Archive) -> int:
        """Supersede the other archives of a repository; return their number."""
        assert archive.repository
        self.rename_tags(archive)
        kept = self.by_id[archive.repository.id]
        others = [key for key in kept if key != (archive.name, archive.version)]
        for key in others:
            other = kept.pop(key)
            try:
                self.store.supersede(other, archive)
            except (DamagedArchive, FileNotFoundError):
                self.store.remove(other)
        for row in self.refused.pop(archive.name, {}).values():
            self.store.withdraw(row)
        return len(others)

    def reject(self, row: RejectedArchive) -> None:
        """Record a refusal, which replaces those of other commits. Raises OSError."""
        for version, other in self.refused.pop(row.name, {}).items():
            if version != row.version:
                self.store.withdraw(other)
        self.store.reject(row)
        self.refused[row.name] = {row.version: row}


def unlicensed(found: Found, policy: LicensePolicy) -> Reject | None:
    """Return why GitHub's guess at its licence alone leaves out a repository.

    It is a guess, from the file at the root: it may leave out what the files would permit, and it
    never lets in anything.
    """
    verdict = judge_declaration([found.license_hint or ""], policy)
    if verdict.reason is not Reason.LICENSE_NOT_PERMITTED:
        return None
    detail = (
        f"GitHub takes its licence to be {found.license_hint}, which is not permitted; nothing of "
        "it was looked at (prefilter=yes)"
    )
    return Reject(Stage.LICENSE, verdict.reason, detail)


def refusal_before(
    found: Found, url: str, largest_kb: float, held: Reject | None = None
) -> Refusal | None:
    """Return why a repository is not fetched, as far as the answer of a search tells.

    `held` is the reject of one that opted out, or whose licence leaves it out.
    """
    name = usable(found.name)
    if held is not None:
        return refused(replace(found, name=name), url, held)
    if name != found.name:
        why = Reject(
            Stage.CRAWL, Reason.UNUSABLE_NAME, f"a repository of the name {quoted(found.name)}"
        )
        return refused(replace(found, name=name), url, why)
    if found.is_private:
        return refused(found, url, Reject(Stage.CRAWL, Reason.BLOCKED, "it is not public"))
    if found.is_disabled:
        return refused(found, url, Reject(Stage.CRAWL, Reason.BLOCKED, "GitHub disabled it"))
    if found.commit is None:
        why = Reject(Stage.CRAWL, Reason.EMPTY_REPOSITORY, "it has no commit on a default branch")
        return refused(found, url, why)
    if found.kilobytes is not None and found.kilobytes > largest_kb:
        detail = f"{found.kilobytes} KB with its history, over GITHUB_LARGEST_KB ({largest_kb:.0f})"
        return refused(found, url, Reject(Stage.CRAWL, Reason.ARCHIVE_TOO_LARGE, detail))
    return None


def usable(name: str) -> str:
    """Return the name of a repository, or a generated one if the store cannot use it."""
    try:
        check_package("repository", name)
    except ValueError:
        return stand_in(name)
    return name


def refused(found: Found, url: str, reject: Reject) -> Refusal:
    """Refuse a repository."""
    version = found.commit or NO_COMMIT
    return Refusal(name=found.name, version=version, url=url, reject=reject, source=GITHUB)


def archive_row(found: Found, url: str, sha256: str, size: int, fetched_at: str) -> Archive:
    """Return the index row of a repository's archive."""
    assert found.commit
    return Archive(
        source=GITHUB,
        name=found.name,
        version=found.commit,
        url=url,
        sha256=sha256,
        bytes=size,
        licenses=(),
        requirements=(),
        links=(Link("GitHub", found.url),),
        published_at=published_at(found),
        retirement=None,
        advisories=(),
        fetched_at=fetched_at,
        first_published_at=found.created_at,
        last_published_at=found.pushed_at,
        description=found.description,
        repository=HostedRepository(
            id=found.id,
            stars=found.stars,
            topics=found.topics,
            default_branch=found.branch or "",
            committed_at=found.committed_at,
            created_at=found.created_at,
            pushed_at=found.pushed_at,
            kilobytes=found.kilobytes,
            is_fork=found.is_fork,
            is_archived=found.is_archived,
            is_mirror=found.is_mirror,
            is_template=found.is_template,
            license_hint=found.license_hint,
            tag=found.tag,
        ),
    )


def published_at(found: Found) -> str:
    """Return the publication time of a commit: its own time, limited to creation and last push.

    The time of a commit is from its author's clock and may have any value; GitHub's times bound it.
    """
    earliest, latest = found.created_at, found.pushed_at or found.created_at
    told = found.committed_at or latest
    return min(max(told, earliest, key=moment), latest, key=moment)


def moment(time: str) -> float:
    """Return an ISO 8601 time as seconds since the epoch, or 0 for one that does not exist."""
    try:
        read = datetime.fromisoformat(time)
        return read.timestamp() if read.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0
