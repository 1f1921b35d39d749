"""Decides what to do about each release of a package: fetch it, refuse it, or skip it.

Names and versions of the registry that cannot be parts of a path are not fetched. Each is recorded
under a name made from a digest, which no package or version of Hex can have; the detail of the
record has the real name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from corpus.reasons import Reason, Reject, Stage
from corpus.store import Archive, ArchiveStore, DamagedArchive, RejectedArchive, StoreError
from crawler.arguments import PACKAGE_NAME
from crawler.items import SOURCE, PackageDetails, Refusal, Wanted, refuse
from crawler.registry import PackageReleases, PackageVersions, Release
from crawler.versions import Selection, is_valid

OLD_COPY = Reject(
    Stage.CRAWL,
    Reason.UNAVAILABLE,
    "in the index, but an old copy of the package's own entry was served",
)
LONGEST_QUOTE = 200
"""Number of characters of a name that a record quotes."""


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """What to do about one package."""

    fetch: list[Wanted] = field(default_factory=list)
    refuse: list[Refusal] = field(default_factory=list)
    stored: list[Wanted] = field(default_factory=list)
    """Archives that are already in the store."""
    still_refused: dict[str, str] = field(default_factory=dict)
    """Versions whose content was refused before, with the checksum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """Plans for one repository and one store."""

    url: str
    store: ArchiveStore
    selection: Selection

    def plan(self, package: PackageReleases, refused: dict[str, str]) -> PackagePlan:
        """Plan for a package; `refused` has the checksum of content that was refused before, by
        version.

        A stored release stays in the store, even if it was retired or removed later.
        """
        releases = {release.version: release for release in package.releases}
        retired = {version for version, release in releases.items() if release.retirement}
        choice = self.selection.choose(tuple(releases), retired)
        plan = PackagePlan()
        for version in choice.retired:
            self.pass_over(self.wanted(package, releases[version]), plan)
        for version in choice.wanted:
            self.take(self.wanted(package, releases[version]), refused.get(version), plan)
        return plan

    def wanted(self, package: PackageReleases, release: Release) -> Wanted:
        """Return a wanted release with its address."""
        return Wanted(
            name=package.name,
            url=self.tarball_url(package.name, release.version),
            release=release,
            first_published_at=package.first_published_at,
            last_published_at=package.last_published_at,
        )

    def tarball_url(self, name: str, version: str) -> str:
        """Return the address of a release."""
        return f"{self.url}/tarballs/{name}-{version}.tar"

    def pass_over(self, wanted: Wanted, plan: PackagePlan) -> None:
        """Plan for a release that would be wanted if it were not retired."""
        if self.find(wanted.name, wanted.version):
            plan.stored.append(wanted)
        else:
            why = str(wanted.release.retirement)
            plan.refuse.append(refuse(wanted, Reject(Stage.CRAWL, Reason.RETIRED, why)))

    def take(self, wanted: Wanted, refused_checksum: str | None, plan: PackagePlan) -> None:
        """Plan for a release that is wanted."""
        checksum = wanted.release.outer_checksum
        stored = self.find(wanted.name, wanted.version)
        if checksum is None:
            detail = "the registry has no outer checksum of it, so no tarball can be checked"
            plan.refuse.append(refuse(wanted, Reject(Stage.CRAWL, Reason.NO_CHECKSUM, detail)))
        elif stored and stored.sha256 == checksum:
            plan.stored.append(wanted)
        elif checksum == refused_checksum and self.is_recorded(wanted.name, wanted.version):
            plan.still_refused[wanted.version] = checksum
        else:
            plan.fetch.append(wanted)

    def is_dealt_with(self, plan: PackagePlan) -> bool:
        """Return whether a plan has nothing to do except to update rows."""
        refused = ((each.name, each.version) for each in plan.refuse)
        return not plan.fetch and all(self.is_recorded(*each) for each in refused)

    def is_of_interest(self, package: PackageVersions) -> bool:
        """Return whether a wanted release may have other content now under the same version.

        A stored release may be published again, and one without a checksum may get one.
        """
        choice = self.selection.choose(package.versions, package.retired)
        return any(
            self.find(package.name, version) or self.lacks_checksum(package.name, version)
            for version in choice.wanted
        )

    def find(self, name: str, version: str) -> Archive | None:
        """Return the row of an archive that is complete in the store."""
        try:
            archive = self.store.get(SOURCE, name, version)
        except (StoreError, OSError):
            return None
        if archive is None:
            return None
        path = self.store.path(archive)
        return archive if path.is_file() and path.stat().st_size == archive.bytes else None

    def is_recorded(self, name: str, version: str) -> bool:
        """Return whether the store still has the record of why a release is missing."""
        return self.record(name, version) is not None

    def lacks_checksum(self, name: str, version: str) -> bool:
        """Return whether a release was refused because the registry had no checksum for it."""
        record = self.record(name, version)
        return record is not None and record.reject.reason is Reason.NO_CHECKSUM

    def record(self, name: str, version: str) -> RejectedArchive | None:
        """Return the reason why a release is not in the store, from the store's record."""
        try:
            return self.store.rejected(SOURCE, name, version)
        except (StoreError, OSError):
            return None

    def missing(self, package: PackageVersions) -> list[str]:
        """Return the wanted versions that are not in the store, from the index of versions."""
        choice = self.selection.choose(package.versions, package.retired)
        return [version for version in choice.wanted if not self.find(package.name, version)]

    def is_complete(self, package: PackageVersions) -> bool:
        """Return whether each wanted release is complete in the store, or is recorded."""
        return all(self.is_recorded(package.name, version) for version in self.missing(package))

    def lacking(self, listed: PackageVersions, package: PackageReleases) -> list[Refusal]:
        """Refuse wanted versions of the index that are missing in the package's entry."""
        found = {release.version for release in package.releases}
        return [
            Refusal(
                name=listed.name,
                version=version,
                url=self.tarball_url(listed.name, version),
                reject=OLD_COPY,
            )
            for version in self.missing(listed)
            if version not in found
        ]

    def update(self, wanted: Wanted, details: PackageDetails) -> bool:
        """Update a stored row from registry and API; return whether it changed.

        If the registry lists the stored bytes, a record of refusal for them is removed: it is of
        other content, or of a killed crawl. Raises OSError.
        """
        archive = self.find(wanted.name, wanted.version)
        if archive is None:
            return False
        release = wanted.release
        if archive.sha256 == release.outer_checksum and self.is_recorded(
            archive.name, archive.version
        ):
            self.store.accept(archive)
        current = replace(
            archive,
            retirement=str(release.retirement) if release.retirement else None,
            advisories=release.advisories,
            published_at=release.published_at,
        )
        current = described(current, wanted, details)
        if current == archive:
            return False
        try:
            self.store.read(archive)
        except DamagedArchive:
            return False
        self.store.amend(current)
        return True


def described(archive: Archive, wanted: Wanted, details: PackageDetails) -> Archive:
    """Return a row with the known data of its package; unknown values stay as they were."""
    first = (wanted.first_published_at, details.first_published_at, archive.first_published_at)
    last = (wanted.last_published_at, details.last_published_at, archive.last_published_at)
    return replace(
        archive,
        first_published_at=min(filter(None, first), default=None),
        last_published_at=max(filter(None, last), default=None),
        downloads=details.downloads or archive.downloads,
        owners=archive.owners if details.owners is None else details.owners,
    )


def is_named_well(package: PackageVersions) -> bool:
    """Return whether a package's name may be a part of a path."""
    return PACKAGE_NAME.fullmatch(package.name) is not None


def refuse_unusable(
    packages: Iterable[PackageVersions], selection: Selection, listed_at: str
) -> Iterator[Refusal]:
    """Refuse names and versions that the store cannot hold; `listed_at` is their address."""
    for package in packages:
        for version in unusable_versions(package, selection):
            yield Refusal(
                name=package.name if is_named_well(package) else stand_in(package.name),
                version=version if is_valid(version) else stand_in(version),
                url=listed_at,
                reject=Reject(
                    Stage.CRAWL,
                    Reason.UNUSABLE_NAME,
                    f"the registry lists {quoted(package.name)}, version {quoted(version)}",
                ),
            )


def unusable_versions(package: PackageVersions, selection: Selection) -> list[str]:
    """Return invalid versions; for a package with an unusable name, also the wanted ones."""
    versions = [version for version in package.versions if not is_valid(version)]
    if not is_named_well(package):
        versions += selection.choose(package.versions, package.retired).wanted
    return versions


def stand_in(text: str) -> str:
    """Return a name for an unusable one: the same for the same text, and never valid in Hex."""
    return f"unusable-{sha256(text.encode()).hexdigest()[:32]}"


def quoted(text: str) -> str:
    """Quote a text, or its beginning, on one line."""
    return repr(text) if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]!r}..."
