"""Third: what passed goes into the archive store unchanged, what did not pass is recorded."""

import logging
from collections.abc import Callable
from typing import Self

from scrapy.crawler import Crawler

from corpus.packages import Requirement
from corpus.store import Archive, ArchiveStore, RejectedArchive, StoreError
from crawler.arguments import read_repository
from crawler.items import NO_DETAILS, SOURCE, Described, Item, Refusal
from crawler.ledger import utc_now
from crawler.plan import described
from crawler.registry import Dependency
from crawler.spiders.hex import HexSpider

logger = logging.getLogger(__name__)

LONGEST_DESCRIPTION = 10_000
"""Characters of a description that the index keeps; hex.pm takes 300, other repositories may not
count."""


class StorePipeline:
    """Writes archives and rejects, stamped with the time.

    A store that cannot be written ends the crawl: nothing more could be kept. Stats:
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
        """Open the store that the settings name."""
        return cls(crawler, ArchiveStore(read_repository(crawler.settings).store))

    def process_item(self, item: Item) -> Item:
        """Keep the item and pass it on. Raises DropItem if it cannot be written."""
        spider = self.crawler.spider
        assert isinstance(spider, HexSpider)
        try:
            self.keep(item, spider)
        except (OSError, StoreError) as error:
            raise spider.closing.unwritable(error) from error
        return item

    def keep(self, item: Item, spider: HexSpider) -> None:
        """Write one item. Raises OSError and StoreError."""
        if isinstance(item, Described):
            details = spider.details.get(item.wanted.name, NO_DETAILS)
            row = described(archive_row(item, self.clock()), item.wanted, details)
            self.store.put(row, item.body)
            self.crawler.stats.inc_value("archives/stored")
        elif isinstance(item, Refusal):
            self.store.reject(reject_row(item, self.clock()))
            self.crawler.stats.inc_value(f"archives/refused/{item.reject.reason}")
            spider.losses.note(item)
            self.crawler.stats.set_value("archives/lost", len(spider.losses.lost))
            why = item.reject
            logger.info("%s %s: %s: %s", item.name, item.version, why.reason, why.detail)


def archive_row(item: Described, fetched_at: str) -> Archive:
    """Describe an archive from what the registry and the tarball say; the registry comes first."""
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
    """Describe a dependency as the store does."""
    return Requirement(
        name=dependency.package,
        requirement=dependency.requirement,
        optional=dependency.optional,
        app=dependency.app,
        repository=dependency.repository,
    )


def reject_row(item: Refusal, recorded_at: str) -> RejectedArchive:
    """Describe a refusal as the store does."""
    return RejectedArchive(
        source=SOURCE,
        name=item.name,
        version=item.version,
        url=item.url,
        reject=item.reject,
        recorded_at=recorded_at,
    )
