"""Ending a crawl from a pipeline, where Scrapy ignores CloseSpider."""

import asyncio
import errno
import logging

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from corpus.store import StoreError

logger = logging.getLogger(__name__)

UNWRITABLE = "store_unwritable"
"""The finish reason of a crawl that could not write to the store."""


class Closing:
    """Closes one crawl, only once."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.task: asyncio.Task[None] | None = None
        """The running task; asyncio keeps no reference to it."""

    def unwritable(self, error: OSError | StoreError) -> DropItem:
        """Close the spider because the store cannot be written; return the exception that drops the
        item.
        """
        if self.task is None:
            logger.error("%s", advice(error))
            closing = self.crawler.engine.close_spider_async(reason=UNWRITABLE)
            self.task = asyncio.ensure_future(closing)
        return DropItem(f"not written: {error}")


REMEDIES = {
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Free space within your quota",
    errno.EACCES: "Give the crawl write permission there",
    errno.EPERM: "Give the crawl write permission there",
    errno.EROFS: "Mount its file system for writing",
    errno.EEXIST: "Move away the file that stands where a folder must be",
    errno.ENOTDIR: "Move away the file that stands where a folder must be",
    errno.EISDIR: "Move away the folder that stands where a file must be",
    errno.EMFILE: "Raise the limit of open files",
    errno.ENFILE: "Raise the limit of open files",
}
"""The remedy, by error number of the system."""


def advice(error: OSError | StoreError) -> str:
    """Return what is wrong with the store and what to do about it."""
    if isinstance(error, StoreError):
        return str(error)
    remedy = REMEDIES.get(error.errno or 0, "Check the disk")
    return (
        f"The archive store cannot be written: {error}. Archives that were stored before are "
        f"complete. {remedy}, or set ARCHIVE_STORE to another folder, then crawl again: the next "
        "crawl continues from here."
    )
