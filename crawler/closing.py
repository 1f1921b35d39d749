"""Ends a crawl from where Scrapy does not listen for CloseSpider: a pipeline, an errback."""

import asyncio
import logging

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

logger = logging.getLogger(__name__)

UNWRITABLE = "store_unwritable"
"""The finish reason of a crawl that could not keep what it fetched."""

NOT_LISTED = "Not in the registry: {}. See to the spelling."
NO_INDEX = "{}: {}. Check HEX_REPO_URL and the network."

closing: set[asyncio.Task[None]] = set()
"""Tasks on their way: asyncio itself keeps no reference to them."""


def unwritable(crawler: Crawler, error: OSError) -> DropItem:
    """Close the spider because the store cannot be written; return what drops the item."""
    dropped = DropItem(f"not written: {error}")
    if closing:
        return dropped
    close(crawler, UNWRITABLE, advice(error))
    return dropped


def close(crawler: Crawler, reason: str, message: str) -> None:
    """Close the spider with a message for the user."""
    logger.error("%s", message)
    task = asyncio.ensure_future(crawler.engine.close_spider_async(reason=reason))
    closing.add(task)
    task.add_done_callback(closing.discard)


def advice(error: OSError) -> str:
    """Say what is wrong with the store and what to do."""
    return (
        f"The archive store cannot be written: {error}. What was stored before is whole. Make "
        "room or set ARCHIVE_STORE to another folder, then crawl again: it goes on from here."
    )
