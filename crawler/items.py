"""The items of the pipelines: a tarball with the checks it passed, or its reject."""

from dataclasses import dataclass, field

from scrapy import Request

from corpus.packages import Downloads, Link
from corpus.reasons import Reject
from corpus.sources import HEX, HexMetadata
from crawler.registry import Release

SOURCE = HEX
"""The `source` of archives from a Hex repository in the archive store."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageDetails:
    """Data of the JSON API about a package that the registry lacks; None is unknown. Times are ISO
    8601 in UTC.
    """

    downloads: Downloads | None = None
    owners: tuple[str, ...] | None = None
    links: tuple[Link, ...] = ()
    first_published_at: str | None = None
    last_published_at: str | None = None


NO_DETAILS = PackageDetails()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One release that the crawl wants, and its address."""

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
    """A body that was served for a release, not yet checked."""

    wanted: Wanted
    body: bytes = field(repr=False)
    request: Request = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A genuine tarball under a permitted licence, with its metadata."""

    wanted: Wanted
    body: bytes = field(repr=False)
    metadata: HexMetadata = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A release that is not stored, and the reason."""

    name: str
    version: str
    url: str
    reject: Reject
    source: str = SOURCE


Item = Tarball | Described | Refusal


def refuse(wanted: Wanted, reject: Reject) -> Refusal:
    """Refuse one wanted release."""
    return Refusal(name=wanted.name, version=wanted.version, url=wanted.url, reject=reject)
