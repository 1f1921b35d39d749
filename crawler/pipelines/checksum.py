"""First: is this the tarball that the signed registry lists?"""

import logging
from hashlib import sha256
from typing import Self

from scrapy.crawler import Crawler

from corpus.reasons import Reason, Reject, Stage
from crawler.failures import appearance
from crawler.items import Item, Tarball, refuse

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""Times a corrupt tarball is fetched again: a cache on the way may be at fault."""


class ChecksumPipeline:
    """Lets a tarball pass whose SHA-256 is its release's outer checksum; else fetches it again.

    Stats: `archives/fetched_again`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Keep the crawler, through which a corrupt tarball is fetched again."""
        return cls(crawler)

    async def process_item(self, item: Item) -> Item:
        """Return a genuine tarball, perhaps that of a later attempt, or a refusal."""
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
        """Fetch a tarball past every cache on the way; on any failure it stays what it was."""
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
    """Whether a body is the one that the registry lists."""
    return sha256(item.body).hexdigest() == item.wanted.release.outer_checksum


def difference(item: Tarball) -> str:
    """Describe a body that is not genuine."""
    return (
        f"{appearance(item.body)} of {len(item.body)} bytes with sha256 "
        f"{sha256(item.body).hexdigest()}; the registry says {item.wanted.release.outer_checksum}"
    )
