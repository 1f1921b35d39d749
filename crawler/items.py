"""What passes through the pipelines: a tarball with the checks it passed, or its reject."""

from dataclasses import dataclass, field

from scrapy import Request

from corpus.packages import Downloads
from corpus.reasons import Reject
from corpus.sources import HEX, HexMetadata
from crawler.registry import Release

SOURCE = HEX
"""What the archive store calls archives from a Hex repository."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageDetails:
    """What the JSON API says of a package beyond the registry; None is unknown. Times as ours."""

    downloads: Downloads | None = None
    owners: tuple[str, ...] | None = None
    first_published_at: str | None = None
    last_published_at: str | None = None


NO_DETAILS = PackageDetails()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One release that the crawl wants, and where it is."""

    name: str
    url: str
    release: Release
    first_published_at: str | None = None
    """When the package's first release was published."""
    last_published_at: str | None = None

    @property
    def version(self) -> str:
        """The release's version."""
        return self.release.version


@dataclass(frozen=True, kw_only=True, slots=True)
class Tarball:
    """A body that was served for a release; nothing of it is known yet."""

    wanted: Wanted
    body: bytes = field(repr=False)
    request: Request = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A genuine tarball under a permitted licence, with what it says of itself."""

    wanted: Wanted
    body: bytes = field(repr=False)
    metadata: HexMetadata = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A release that is not stored, and why."""

    name: str
    version: str
    url: str
    reject: Reject


Item = Tarball | Described | Refusal


def refuse(wanted: Wanted, reject: Reject) -> Refusal:
    """Refuse one wanted release."""
    return Refusal(name=wanted.name, version=wanted.version, url=wanted.url, reject=reject)
