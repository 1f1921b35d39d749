"""The pipelines for a fetched tarball: checksum, licence, opt-out, store and ledger."""

import logging
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Self

from scrapy.crawler import Crawler

from corpus.licenses import LicensePolicy, judge_declaration
from corpus.packages import Requirement
from corpus.reasons import Reason, Reject, Stage
from corpus.sources import ArchiveError, HexMetadata, open_hex_tarball
from corpus.store import Archive, ArchiveStore, RejectedArchive, StoreError
from crawler.archive_spider import ArchiveSpider
from crawler.arguments import folder, given, read_policy
from crawler.failures import appearance, licensing
from crawler.items import (
    NO_DETAILS,
    SOURCE,
    Described,
    Item,
    Refusal,
    Tarball,
    Wanted,
    refuse,
)
from crawler.ledger import utc_now
from crawler.plan import described
from crawler.registry import Dependency
from crawler.spiders.hex import HexSpider

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a corrupt tarball is fetched again, because a cache may have caused it."""
LONGEST_DESCRIPTION = 10_000
"""Maximum number of characters of a description in the index. hex.pm allows 300; other repositories
may have no limit.
"""


class ChecksumPipeline:
    """The first pipeline: checks that this is the tarball that the signed registry lists.

    A tarball passes if its SHA-256 is its release's outer checksum; else it is fetched again.

    Stats: `archives/fetched_again`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Keep the crawler, which is used to fetch a corrupt tarball again."""
        return cls(crawler)

    async def process_item(self, item: Item) -> Item:
        """Return a genuine tarball, possibly of a later attempt, or a refusal."""
        if not isinstance(item, Tarball):
            return item
        for _ in range(ATTEMPTS):
            if is_genuine(item):
                return item
            item = await self.fetched_again(item)
        if is_genuine(item):
            return item
        why = Reject(Stage.CRAWL, Reason.CHECKSUM_MISMATCH, difference(item))
        return refuse(item.wanted, why)

    async def fetched_again(self, item: Tarball) -> Tarball:
        """Fetch a tarball without caches; on any failure return the earlier one."""
        self.crawler.stats.inc_value("archives/fetched_again")
        request = item.request.copy()
        request.headers["Cache-Control"] = "no-cache"
        try:
            response = await self.crawler.engine.download_async(request)
        except Exception as error:
            logger.info("%s: the second attempt failed as well: %s", request.url, error)
            return item
        if response.status != 200:
            return item
        return Tarball(wanted=item.wanted, body=response.body, request=item.request)


def is_genuine(item: Tarball) -> bool:
    """Return whether a body is the one that the registry lists."""
    return sha256(item.body).hexdigest() == item.wanted.release.outer_checksum


def difference(item: Tarball) -> str:
    """Describe a body that is not genuine."""
    return (
        f"{appearance(item.body)} of {len(item.body)} bytes with sha256 "
        f"{sha256(item.body).hexdigest()}; the registry says {item.wanted.release.outer_checksum}"
    )


class LicensePipeline:
    """The second pipeline: checks that the tarball declares a permitted licence.

    It reads a tarball's metadata. A declaration that is absent or cannot be read passes, because
    the licence texts may decide later.
    """

    def __init__(self, policy: LicensePolicy | None = None) -> None:
        self.policy = policy or LicensePolicy()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the policy from the settings."""
        return cls(read_policy(crawler.settings))

    def process_item(self, item: Item) -> Item:
        """Return the tarball with its metadata, or a refusal."""
        if not isinstance(item, Tarball):
            return item
        wanted = item.wanted
        try:
            metadata = open_hex_tarball(item.body).metadata
        except ArchiveError as error:
            return refuse(wanted, error.reject)
        if contradiction := mislabelled(wanted, metadata):
            why = Reject(Stage.UNPACK, Reason.MALFORMED_METADATA, contradiction)
            return refuse(wanted, why)
        verdict = judge_declaration(metadata.licenses, self.policy)
        if verdict.reason:
            return refuse(wanted, Reject(Stage.LICENSE, verdict.reason, licensing(verdict)))
        return Described(wanted=wanted, body=item.body, metadata=metadata)


def mislabelled(wanted: Wanted, metadata: HexMetadata) -> str | None:
    """Return how the name or version of a tarball contradicts the registry, or None."""
    if (metadata.name, metadata.version) == (wanted.name, wanted.version):
        return None
    return f"the tarball calls itself {metadata.name} {metadata.version}"


class OptOutPipeline:
    """The third pipeline: refuses a tarball whose links lead to a repository that opted out.

    Where the API was not asked, they are known only now.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Keep the crawler, whose spider knows what opted out."""
        return cls(crawler)

    def process_item(self, item: Item) -> Item:
        """Return the tarball, or a refusal."""
        spider = self.crawler.spider
        assert isinstance(spider, HexSpider)
        if isinstance(item, Described):
            details = spider.details.get(item.wanted.name, NO_DETAILS)
            found = replace(details, links=item.metadata.links)
            if (removed := spider.opted_out(item.wanted.name, found)) is not None:
                return refuse(item.wanted, removed)
        return item


class StorePipeline:
    """The fourth pipeline: stores tarballs that passed unchanged, and records the others.

    Rows have the time of the fetch. If the store cannot be written, the crawl ends. Stats:
    `archives/stored`, `archives/refused/REASON`, `archives/lost`.
    """

    def __init__(
        self, crawler: Crawler, store: ArchiveStore, clock: Callable[[], str] = utc_now
    ) -> None:
        self.crawler = crawler
        self.store = store
        self.clock = clock

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Open the store of the settings."""
        root = folder("ARCHIVE_STORE", given(crawler.settings, "ARCHIVE_STORE"))
        return cls(crawler, ArchiveStore(root))

    def process_item(self, item: Item) -> Item:
        """Store the item and pass it on. Raises DropItem if it cannot be written."""
        spider = self.crawler.spider
        assert isinstance(spider, ArchiveSpider)
        try:
            self.keep(item, spider)
        except (OSError, StoreError) as error:
            raise spider.closing.unwritable(error) from error
        return item

    def keep(self, item: Item, spider: ArchiveSpider) -> None:
        """Write one item. Raises OSError and StoreError."""
        if isinstance(item, Described):
            assert isinstance(spider, HexSpider)
            details = spider.details.get(item.wanted.name, NO_DETAILS)
            row = described(archive_row(item, self.clock()), item.wanted, details)
            self.store.put(row, item.body)
            self.crawler.stats.inc_value("archives/stored")
        elif isinstance(item, Refusal):
            self.store.reject(reject_row(item, self.clock()))
            note(item, spider)


def note(item: Refusal, spider: ArchiveSpider) -> None:
    """Count a refusal and tell of it."""
    stats, why = spider.crawler.stats, item.reject
    stats.inc_value(f"archives/refused/{why.reason}")
    spider.losses.note(item)
    stats.set_value("archives/lost", len(spider.losses.lost))
    logger.info("%s %s: %s: %s", item.name, item.version, why.reason, why.detail)


def archive_row(item: Described, fetched_at: str) -> Archive:
    """Make an archive's row from registry and tarball; the registry has precedence."""
    release = item.wanted.release
    assert release.outer_checksum
    return Archive(
        source=SOURCE,
        name=item.wanted.name,
        version=release.version,
        url=item.wanted.url,
        sha256=release.outer_checksum,
        bytes=len(item.body),
        licenses=item.metadata.licenses,
        requirements=tuple(map(requirement, release.dependencies)),
        links=item.metadata.links,
        published_at=release.published_at,
        retirement=str(release.retirement) if release.retirement else None,
        advisories=release.advisories,
        fetched_at=fetched_at,
        description=(item.metadata.description or "")[:LONGEST_DESCRIPTION] or None,
    )


def requirement(dependency: Dependency) -> Requirement:
    """Return a dependency in the form of the store."""
    return Requirement(
        name=dependency.package,
        requirement=dependency.requirement,
        optional=dependency.optional,
        app=dependency.app,
        repository=dependency.repository,
    )


def reject_row(item: Refusal, recorded_at: str) -> RejectedArchive:
    """Return a refusal in the form of the store."""
    return RejectedArchive(
        source=item.source,
        name=item.name,
        version=item.version,
        url=item.url,
        reject=item.reject,
        recorded_at=recorded_at,
    )


class LedgerPipeline:
    """The last pipeline: marks a release as finished, and its package if all its releases are."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Keep the crawler, whose spider keeps the ledger."""
        return cls(crawler)

    def process_item(self, item: Item) -> Item:
        """Settle the release. Raises DropItem if the store cannot be written."""
        spider = self.crawler.spider
        assert isinstance(spider, HexSpider)
        try:
            if isinstance(item, Described):
                spider.ledger.settle(item.wanted.name, item.wanted.version, None)
            elif isinstance(item, Refusal):
                spider.ledger.settle(item.name, item.version, item.reject)
        except OSError as error:
            raise spider.closing.unwritable(error) from error
        return item
