"""Obeys a server that asks for patience: Retry-After, x-ratelimit-reset, 429 and 503.

Scrapy 2.19 retries such responses at once. Here the whole host rests for as long as was asked,
and then the same request is made again, a bounded number of times.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Self

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Headers, Response

from crawler.arguments import InvalidArgument, Settings

logger = logging.getLogger(__name__)

ASKS_FOR_PATIENCE = frozenset({429, 503})
EPOCH_FROM = 1_000_000_000
"""x-ratelimit-reset from here on is a time since the epoch (hex.pm), below it a span."""
TRIES = "rate_limit_tries"
"""The key in a request's meta that counts how often it was turned away."""
WATCH_SECONDS = 0.5
SMALLEST_DELAY = 0.01
"""Seconds; a slot without any delay never looks at the time it was last used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """How patient to be; times in seconds."""

    times: int = 8
    """Tries after the first, for one request."""
    first_wait: float = 5.0
    """Where the server does not say how long: this, then twice as long each time."""
    longest_wait: float = 900.0
    """A host that asks for more is not asked again: the spider ends the crawl."""


def read_limits(settings: Settings) -> RateLimits:
    """Read the RATE_LIMIT_ settings. Raises InvalidArgument."""
    return RateLimits(
        times=int(amount("RATE_LIMIT_TIMES", settings)),
        first_wait=amount("RATE_LIMIT_FIRST_WAIT", settings),
        longest_wait=amount("RATE_LIMIT_LONGEST_WAIT", settings),
    )


def amount(name: str, settings: Settings) -> float:
    """Read a setting that is a number from 0. Raises InvalidArgument."""
    value = number(str(settings.get(name)))
    if value is None:
        raise InvalidArgument(f"{name}: expected a number from 0, found {settings.get(name)!r}.")
    return value


class RateLimitMiddleware:
    """Rests a host when it asks for it and repeats what it turned away.

    The response comes through once the tries are used up. It stands on the downloader's side of
    the HTTP cache, which thus never keeps such a response. Stats: `rate_limit/rests` and
    `rate_limit/given_up`.
    """

    def __init__(
        self, crawler: Crawler, limits: RateLimits, clock: Callable[[], float] = time.time
    ) -> None:
        self.crawler = crawler
        self.limits = limits
        self.clock = clock

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the RATE_LIMIT_ settings."""
        middleware = cls(crawler, read_limits(crawler.settings))
        crawler.signals.connect(middleware.response_downloaded, signals.response_downloaded)
        return middleware

    def response_downloaded(self, response: Response, request: Request) -> None:
        """Rest the host if the response asks for it.

        The signal comes before the downloader looks for the host's next request, a middleware's
        turn only after.
        """
        if response.status in ASKS_FOR_PATIENCE:
            self.rest(request, self.wait(request, response))
        elif is_exhausted(response.headers):
            self.rest(request, until_reset(response.headers, self.clock()) or 0)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Repeat a request that was turned away, unless that has gone on for too long."""
        if response.status not in ASKS_FOR_PATIENCE:
            return response
        tries = request.meta.get(TRIES, 0)
        too_long = self.wait(request, response) > self.limits.longest_wait
        if too_long or tries >= self.limits.times or self.is_closing():
            self.crawler.stats.inc_value("rate_limit/given_up")
            return response
        return request.replace(meta={**request.meta, TRIES: tries + 1}, dont_filter=True)

    def wait(self, request: Request, response: Response) -> float:
        """Return the seconds that a response asks for, or else what patience suggests.

        A host that turns the same request away again is believed less: it gets a quarter of the
        patience at least.
        """
        asked = asked_wait(response.headers, self.clock())
        tries: int = request.meta.get(TRIES, 0)
        patience = self.limits.first_wait * 2.0**tries
        return patience if asked is None else max(asked, patience / 4 if tries else 0.0)

    def rest(self, request: Request, seconds: float) -> None:
        """Let the host of `request` alone for `seconds`, at most the longest wait.

        A slot of Scrapy's downloader waits until its delay has passed since it was last used, so
        one that was last used in the future rests until then, whatever is in its queue.
        """
        slot = self.crawler.engine.downloader.slots.get(request.meta.get("download_slot", ""))
        seconds = min(seconds, self.limits.longest_wait)
        until = time.monotonic() + seconds
        if slot is None or until <= slot.lastseen:
            return
        logger.info("%s asks for patience: resting for %.0f s", request.url, seconds)
        self.crawler.stats.inc_value("rate_limit/rests")
        slot.lastseen = until
        slot.delay = max(slot.delay, SMALLEST_DELAY)
        self.watch(slot)

    def watch(self, slot: Slot) -> None:
        """While a host rests, look whether the crawl is closing; then nothing waits for the host.

        Scrapy ends only when its downloader is empty, and tells nobody before.
        """
        if not self.is_closing():
            if time.monotonic() < slot.lastseen:
                asyncio.get_running_loop().call_later(WATCH_SECONDS, self.watch, slot)
            return
        while slot.queue:
            slot.queue.popleft()[1].errback(IgnoreRequest("the crawl ended while its host rested"))

    def is_closing(self) -> bool:
        """Whether the crawl is on its way to its end, by Ctrl-C or of its own."""
        slot = getattr(self.crawler.engine, "_slot", None)
        return slot is not None and slot.closing is not None


def asked_wait(headers: Headers, now: float) -> float | None:
    """Return how many seconds the server asks to wait, or None if it does not say.

    `now` is in seconds since the epoch and counts where the response bears no date: times are
    compared on the server's clock if possible.
    """
    retry_after = text(headers, "Retry-After")
    if retry_after is not None:
        seconds = number(retry_after)
        if seconds is not None:
            return seconds
        moment = epoch(retry_after)
        if moment is not None:
            return max(0.0, moment - (epoch(text(headers, "Date")) or now))
    return until_reset(headers, now)


def until_reset(headers: Headers, now: float) -> float | None:
    """Return the seconds until the rate limit starts anew, or None if there is no such header."""
    reset = number(text(headers, "X-RateLimit-Reset"))
    if reset is None or reset < EPOCH_FROM:
        return reset
    return max(0.0, reset - (epoch(text(headers, "Date")) or now))


def is_exhausted(headers: Headers) -> bool:
    """Whether the server says that no further request is admitted until the reset."""
    return number(text(headers, "X-RateLimit-Remaining")) == 0


def text(headers: Headers, name: str) -> str | None:
    """Return a header as text, or None."""
    value = headers.get(name)
    return value.decode("latin-1").strip() if value is not None else None


def number(value: str | None) -> float | None:
    """Read a number that is neither negative nor absurd, or None."""
    try:
        result = float(value or "")
    except ValueError:
        return None
    return result if math.isfinite(result) and result >= 0 else None


def epoch(value: str | None) -> float | None:
    """Read an HTTP date as seconds since the epoch, or None."""
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
