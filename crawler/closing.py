"""Ends a crawl from within a pipeline, where Scrapy does not listen for CloseSpider."""

import asyncio
import logging

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

logger = logging.getLogger(__name__)

UNWRITABLE = "store_unwritable"
"""The finish reason of a crawl that could not keep what it fetched."""

closing: set[asyncio.Task[None]] = set()
"""Tasks on their way: asyncio itself keeps no reference to them."""


def unwritable(crawler: Crawler, error: OSError) -> DropItem:
    """Close the spider because the store cannot be written; return what drops the item."""
    dropped = DropItem(f"not written: {error}")
    if closing:
        return dropped
    logger.error("%s", advice(error))
    task = asyncio.ensure_future(crawler.engine.close_spider_async(reason=UNWRITABLE))
    closing.add(task)
    task.add_done_callback(closing.discard)
    return dropped


def advice(error: OSError) -> str:
    """Say what is wrong with the store and what to do."""
    return (
        f"The archive store cannot be written: {error}. What was stored before is whole. Make "
        "room or set ARCHIVE_STORE to another folder, then crawl again: it goes on from here."
    )
