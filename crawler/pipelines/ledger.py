"""Last: marks a release as finished, and its package if all its releases are."""

from typing import Self

from scrapy.crawler import Crawler

from crawler.items import Described, Item, Refusal
from crawler.spiders.hex import HexSpider


class LedgerPipeline:
    """Settles each release in the spider's ledger once it is stored or refused."""

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
