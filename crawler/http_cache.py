"""A response cache that can forget one response."""

from shutil import rmtree

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcache import HttpCacheMiddleware
from scrapy.extensions.httpcache import FilesystemCacheStorage


class EvictingCacheStorage(FilesystemCacheStorage):
    """Scrapy's cache on disk, from which a body that proves corrupt can be taken out.

    Without, a damaged tarball would be served from the cache for as long as it counts as fresh.
    """

    def evict(self, spider: Spider, request: Request) -> None:
        """Forget the response to `request`, if there is one."""
        rmtree(self._get_request_path(spider, request), ignore_errors=True)


def evict(crawler: Crawler, request: Request) -> None:
    """Take the response to `request` out of the crawl's cache, where it has one."""
    cache = crawler.get_downloader_middleware(HttpCacheMiddleware)
    if cache and isinstance(cache.storage, EvictingCacheStorage) and crawler.spider:
        cache.storage.evict(crawler.spider, request)
