"""What every spider of archives does, whatever it crawls: settings, the store, counts, an end."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, ClassVar, NoReturn, Self

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from corpus.errors import CorpusError
from corpus.locking import claim
from corpus.store import ArchiveStore, refuse_above_a_store
from crawler import contact
from crawler.arguments import Settings
from crawler.closing import UNWRITABLE, Closing, advice
from crawler.failures import asks_for_more
from crawler.outcome import Losses
from crawler.patience import Patience, read_limits

ReadArguments = Callable[[Mapping[str, str]], object]
ReadSettings = Callable[[Settings], object]


class ArchiveSpider(Spider):
    """A spider that fills an archive store; a subclass sets the attributes in `open`."""

    reads: ClassVar[tuple[ReadArguments, ReadSettings]]
    """What reads its arguments and its settings; each raises CorpusError for what is wrong."""
    defaults: ClassVar[Mapping[str, str | None]]
    """Settings that may come from the environment, with their defaults."""
    things: ClassVar[tuple[str, str]]
    """What it crawls, as one and as several."""

    store: ArchiveStore
    patience: Patience
    closing: Closing
    losses: Losses
    claim: IO[bytes] | None = None

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name)
        self.arguments = arguments

    @classmethod
    def check(cls, settings: Settings, arguments: Mapping[str, str]) -> None:
        """Raise CorpusError if the spider could not start with these settings and arguments."""
        read_arguments, read_settings = cls.reads
        read_arguments(arguments)
        read_settings(settings)
        read_limits(settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: object, **kwargs: object) -> Self:
        """Build the spider and open the store of the settings."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.open(crawler)
        return spider

    def open(self, crawler: Crawler) -> None:
        """Set up the state of the crawl from settings and arguments; nothing is written yet."""
        raise NotImplementedError

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Read the environment, and add the contact to the User-Agent.

        Settings from a script or the command line have precedence.
        """
        super().update_settings(settings)
        for variable in cls.defaults.keys() & os.environ.keys():
            settings.set(variable, os.environ[variable], priority="default")
        agent = contact.user_agent(settings.get("CRAWLER_CONTACT"))
        settings.set("USER_AGENT", agent, priority="spider")

    def claim_store(self, address: str) -> None:
        """Claim the store for this crawl of an address, or end the crawl."""
        try:
            refuse_above_a_store(self.root)
            self.claim = claim(self.root, "crawl")
            self.store.sweep()
        except CorpusError as error:
            self.end("store_unusable", str(error))
        except OSError as error:
            self.end(UNWRITABLE, advice(error))
        if missing := contact.advice(self.settings["USER_AGENT"], address):
            self.logger.warning("%s", missing)

    @property
    def root(self) -> Path:
        """The folder of the store."""
        return self.store.root

    def unfinished(self) -> Iterable[str]:
        """Yield "NAME VERSION" for each archive that the crawl began and did not finish."""
        raise NotImplementedError

    def closed(self, reason: str) -> None:
        """Release the claim on the store, for another crawl in this process too."""
        if self.claim:
            self.claim.close()

    def heed(self, failure: Failure) -> None:
        """End the crawl if the host asks for a longer pause than allowed."""
        if said := asks_for_more(failure, self.patience.limits.longest_wait):
            self.end("rate_limited", said)

    def count(self, stat: str, by: int = 1) -> None:
        """Add to a stat."""
        self.crawler.stats.inc_value(stat, by)

    def end(self, reason: str, message: str) -> NoReturn:
        """End the crawl with a message for the user."""
        self.logger.error("%s", message)
        raise CloseSpider(reason)
