"""Decides what to do about each release of a package: fetch it, refuse it, or skip it.

Names and versions of the registry that cannot become parts of a path are not fetched. The record of
each lies under a name that can become one, made of a digest; the detail of the record has the name
itself. No package or version of Hex is called so.
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
"""Characters of a name that a record repeats."""


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """What to do about one package."""

    fetch: list[Wanted] = field(default_factory=list)
    refuse: list[Refusal] = field(default_factory=list)
    stored: list[Wanted] = field(default_factory=list)
    """What is in the store already."""
    still_refused: dict[str, str] = field(default_factory=dict)
    """Versions whose content was refused before, with its checksum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """Plans for one repository and one store."""

    url: str
    store: ArchiveStore
    selection: Selection

    def plan(self, package: PackageReleases, refused: dict[str, str]) -> PackagePlan:
        """Plan for a package; `refused` is content that was refused before: checksum by version.

        A release that is stored stays, whatever has become of it since.
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
        """Say where a release is."""
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
        """Plan for a release that would be wanted, were it not retired."""
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
        """Whether nothing of a plan is left to do, but to bring rows up to date."""
        refused = ((each.name, each.version) for each in plan.refuse)
        return not plan.fetch and all(self.is_recorded(*each) for each in refused)

    def is_of_interest(self, package: PackageVersions) -> bool:
        """Whether a wanted release of a package may be another now, under the same version.

        One that is stored might be published again, one without a checksum be given one.
        """
        choice = self.selection.choose(package.versions, package.retired)
        return any(
            self.find(package.name, version) or self.lacks_checksum(package.name, version)
            for version in choice.wanted
        )

    def find(self, name: str, version: str) -> Archive | None:
        """Return the row of an archive that is in the store, with all of its bytes."""
        try:
            archive = self.store.get(SOURCE, name, version)
        except (StoreError, OSError):
            return None
        if archive is None:
            return None
        path = self.store.path(archive)
        return archive if path.is_file() and path.stat().st_size == archive.bytes else None

    def is_recorded(self, name: str, version: str) -> bool:
        """Whether the store still says why a release is not there."""
        return self.record(name, version) is not None

    def lacks_checksum(self, name: str, version: str) -> bool:
        """Whether a release was refused because the registry had no checksum of it."""
        record = self.record(name, version)
        return record is not None and record.reject.reason is Reason.NO_CHECKSUM

    def record(self, name: str, version: str) -> RejectedArchive | None:
        """Return why a release is not in the store, as far as the store can tell."""
        try:
            return self.store.rejected(SOURCE, name, version)
        except (StoreError, OSError):
            return None

    def missing(self, package: PackageVersions) -> list[str]:
        """Return the wanted versions that are not in the store, from the index of versions."""
        choice = self.selection.choose(package.versions, package.retired)
        return [version for version in choice.wanted if not self.find(package.name, version)]

    def is_complete(self, package: PackageVersions) -> bool:
        """Whether each wanted release is in the store in its full length, or is recorded."""
        return all(self.is_recorded(package.name, version) for version in self.missing(package))

    def lacking(self, listed: PackageVersions, package: PackageReleases) -> list[Refusal]:
        """Refuse wanted versions of the index that the package's own entry does not have."""
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
        """Bring a stored row up to what registry and API say now; say whether it had to change.

        Where the registry lists the stored bytes, nothing is refused of them any more: other
        content was, before they were published again, or a crawl was killed. Raises OSError.
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
    """Return a row with what is known of its package; what is unknown now stays as it was."""
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
    """Whether a package's name may become a part of a path."""
    return PACKAGE_NAME.fullmatch(package.name) is not None


def refuse_unusable(
    packages: Iterable[PackageVersions], selection: Selection, listed_at: str
) -> Iterator[Refusal]:
    """Refuse what can have no place in the store; `listed_at` is the address of the list."""
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
    """Return what is no version, and of a package with an unusable name also what is wanted."""
    versions = [version for version in package.versions if not is_valid(version)]
    if not is_named_well(package):
        versions += selection.choose(package.versions, package.retired).wanted
    return versions


def stand_in(text: str) -> str:
    """Return a name for what has none: the same for the same text, and never one of Hex's."""
    return f"unusable-{sha256(text.encode()).hexdigest()[:32]}"


def quoted(text: str) -> str:
    """Repeat a text, or its beginning, on one line."""
    return repr(text) if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]!r}..."
