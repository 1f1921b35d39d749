"""Ends a crawl from within a pipeline, where Scrapy does not listen for CloseSpider."""

import asyncio
import errno
import logging

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from corpus.store import StoreError

logger = logging.getLogger(__name__)

UNWRITABLE = "store_unwritable"
"""The finish reason of a crawl that could not keep what it fetched."""


class Closing:
    """Closes one crawl, once."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.task: asyncio.Task[None] | None = None
        """On its way: asyncio itself keeps no reference to it."""

    def unwritable(self, error: OSError | StoreError) -> DropItem:
        """Close the spider because the store cannot be written; return what drops the item."""
        if self.task is None:
            logger.error("%s", advice(error))
            closing = self.crawler.engine.close_spider_async(reason=UNWRITABLE)
            self.task = asyncio.ensure_future(closing)
        return DropItem(f"not written: {error}")


REMEDIES = {
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Make room within your quota",
    errno.EACCES: "Let the crawl write there",
    errno.EPERM: "Let the crawl write there",
    errno.EROFS: "Mount its file system for writing",
    errno.EEXIST: "Move away the file that stands where a folder must be",
    errno.ENOTDIR: "Move away the file that stands where a folder must be",
    errno.EISDIR: "Move away the folder that stands where a file must be",
    errno.EMFILE: "Raise the limit of open files",
    errno.ENFILE: "Raise the limit of open files",
}
"""What helps, by what the system said."""


def advice(error: OSError | StoreError) -> str:
    """Say what is wrong with the store and what to do about that cause."""
    if isinstance(error, StoreError):
        return str(error)
    remedy = REMEDIES.get(error.errno or 0, "Check the disk")
    return (
        f"The archive store cannot be written: {error}. What was stored before is whole. {remedy}, "
        "or set ARCHIVE_STORE to another folder, then crawl again: it continues from here."
    )
