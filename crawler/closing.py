"""Ends a crawl from within a pipeline, where Scrapy does not listen for CloseSpider."""

import asyncio
import logging

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

logger = logging.getLogger(__name__)

UNWRITABLE = "store_unwritable"
"""The finish reason of a crawl that could not keep what it fetched."""


class Closing:
    """Closes one crawl, once."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.task: asyncio.Task[None] | None = None
        """On its way: asyncio itself keeps no reference to it."""

    def unwritable(self, error: OSError) -> DropItem:
        """Close the spider because the store cannot be written; return what drops the item."""
        if self.task is None:
            logger.error("%s", advice(error))
            closing = self.crawler.engine.close_spider_async(reason=UNWRITABLE)
            self.task = asyncio.ensure_future(closing)
        return DropItem(f"not written: {error}")


def advice(error: OSError) -> str:
    """Say what is wrong with the store and what to do."""
    return (
        f"The archive store cannot be written: {error}. What was stored before is whole. Make "
        "room or set ARCHIVE_STORE to another folder, then crawl again: it goes on from here."
    )
