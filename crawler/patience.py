"""Delays after a failed request: of the request only, or of all requests to its host.

A request with a temporary failure is repeated a limited number of times, after all other requests,
while the crawl continues. An address that always fails therefore delays no other request. The host
is paused

- for as long as it says, by Retry-After or x-ratelimit-reset;
- for a time that we choose, doubled each time, when several different addresses failed in a row.

Any answer that is not of this kind ends the series. If a host was paused more than RATE_LIMIT_TIMES
times without such an answer, the crawl ends. API and repository are paused independently, even if
they have the same host name, because each has its own slot of Scrapy's downloader.

This replaces Scrapy's RetryMiddleware, which does not read Retry-After and pauses no host;
AutoThrottle adapts to latency only. Pauses use undocumented attributes of Scrapy's downloader, so
pyproject.toml limits its version.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TypeGuard

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CloseSpider,
    DontCloseSpider,
    DownloadCancelledError,
    IgnoreRequest,
    UnsupportedURLSchemeError,
)
from scrapy.http import Headers, Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.arguments import InvalidArgument, Settings

logger = logging.getLogger(__name__)

ASKS_FOR_PATIENCE = frozenset({429, 503})
TOO_MANY_REQUESTS = 429
PASSING = frozenset({408, 429, 500, 502, 503, 504, 522, 524})
"""Statuses of an overloaded or failing server, which another attempt may change."""
DEFINITE = (DownloadCancelledError, IgnoreRequest, UnsupportedURLSchemeError)
"""Errors that another attempt would not change: too large, or not sent."""
EPOCH_FROM = 1_000_000_000
"""An x-ratelimit-reset of at least this value is a time since the epoch (hex.pm); a smaller one is
a duration.
"""
TURNED_AWAY = "patience_turned_away"
"""The key in a request's meta with the number of times that its host asked to wait."""
TURNED_AWAY_AT = "patience_turned_away_at"
"""The key for the time of its first failure, on the monotonic clock."""
FAILED = "patience_failed"
"""The key for the number of its other failures."""
BEHIND = 1_000
"""Each attempt lowers a request's priority by this, so that it comes after all new requests."""
BACKOFF = 3.0
"""The factor by which a request waits longer after each further failure."""
LONGEST_OWN_REST = 60.0
"""Longest pause of a host in seconds, if the host gives no time."""
WATCH_SECONDS = 0.5
SMALLEST_DELAY = 0.01
"""Minimum delay in seconds: a slot without delay ignores the time when it was last used."""
OUT_OF_ORDER = "repository_unavailable"
"""The finish reason of a crawl whose repository became unavailable during it."""
BARRED = "no_access"
"""The finish reason of a crawl to which the repository denies access."""
NO_ACCESS = frozenset({401, 403})
ADDRESS_SETTING = "address_setting"
"""The key in a request's meta that names the setting which its host comes from."""
KEY_SETTING = "key_setting"
"""The key in a request's meta that names the setting with the key for its host."""


Errback = Callable[[Failure], Iterator[object] | None]
"""An errback of Scrapy: it yields requests and items, or returns None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """Limits of delays and attempts; times are in seconds."""

    times: int = 8
    """Maximum number of waits of one request, and of pauses of a host without a success."""
    first_wait: float = 5.0
    """First pause if the server gives no time; each further pause is twice as long."""
    longest_wait: float = 900.0
    """If a host asks for a longer wait, the spider ends the crawl."""
    retries: int = 3
    """Attempts after the first, for a request with another failure."""
    retry_wait: float = 1.0
    """Wait before the first of them; each further wait is three times as long."""
    addresses: int = 5
    """When this number of different addresses fail in a row, their host is paused."""


def read_limits(settings: Settings) -> RateLimits:
    """Read the RATE_LIMIT_ and RETRY_ settings. Raises InvalidArgument."""
    return RateLimits(
        times=int(amount("RATE_LIMIT_TIMES", settings)),
        first_wait=amount("RATE_LIMIT_FIRST_WAIT", settings),
        longest_wait=amount("RATE_LIMIT_LONGEST_WAIT", settings),
        retries=int(amount("RETRY_TIMES", settings)),
        retry_wait=amount("RETRY_WAIT", settings),
        addresses=max(2, int(amount("RATE_LIMIT_ADDRESSES", settings))),
    )


def amount(name: str, settings: Settings) -> float:
    """Read a setting that is a number of at least 0. Raises InvalidArgument."""
    value = number(str(settings.get(name)))
    if value is None:
        raise InvalidArgument(f"{name}: expected a number from 0 up, found {settings.get(name)!r}.")
    return value


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer asks for that turns its request away."""

    seconds: float | None
    """How long to wait, None if the host gives no time."""
    doubles: bool = False
    """Whether the time is twice as long at each further attempt, since it is our own choice."""
    is_about_us: bool = True
    """Whether it concerns this client, and not just one address."""


class Manners:
    """How a host says that it wants to be left alone: by the signs of HTTP and of hex.pm.

    A host with signs of its own has a subclass. `now` is in seconds since the epoch. The same
    answer may be shown several times, first before Scrapy sets `response.request`.
    """

    def asked(self, request: Request, response: Response, now: float) -> Asked | None:
        """Return what an answer asks for, or None if it does not turn its request away."""
        if response.status not in ASKS_FOR_PATIENCE:
            return None
        return Asked(
            asked_wait(response.headers, now),
            is_about_us=response.status == TOO_MANY_REQUESTS,
        )

    def pause_after(self, request: Request, response: Response, now: float) -> float | None:
        """Return for how many seconds no request may follow a good answer, or None."""
        if not is_exhausted(response.headers):
            return None
        return until_reset(response.headers, now) or 0.0


HTTP = Manners()


@dataclass(slots=True)
class Host:
    """Failures of a host since its last successful answer."""

    failed: set[str] = field(default_factory=set)
    """Addresses that failed at their first attempt."""
    barred: set[str] = field(default_factory=set)
    """Addresses that were answered 401 or 403."""
    rests: int = 0
    succeeded_at: float = -math.inf
    """On the monotonic clock."""


class Patience:
    """Pauses hosts and repeats requests, for one crawl.

    `or_else` makes errbacks that are called when a request is not repeated any more; a host that
    turns requests away with the status of a good answer needs `again` in callbacks. Stats:
    `patience/rests`, `patience/repeated` and `patience/given_up`.
    """

    def __init__(
        self,
        crawler: Crawler,
        limits: RateLimits,
        clock: Callable[[], float] = time.time,
        manners: Manners = HTTP,
    ) -> None:
        self.crawler = crawler
        self.limits = limits
        self.clock = clock
        self.manners = manners
        self.hosts: dict[str, Host] = {}
        self.waiting: dict[asyncio.TimerHandle, Request] = {}
        crawler.signals.connect(self.response_downloaded, signals.response_downloaded)
        crawler.signals.connect(self.keep_open, signals.spider_idle)
        crawler.signals.connect(self.forget, signals.spider_closed)

    def or_else(self, errback: Errback) -> Errback:
        """Return an errback that repeats the request while that may help.

        It ends the crawl if the host was paused too often or denies access.
        """

        def patient(failure: Failure) -> Iterator[object] | None:
            request = request_of(failure)
            is_repeated = self.repeats(failure)
            if self.is_out_of_order(request):
                return self.end(OUT_OF_ORDER, out_of_order(request, self.limits.times))
            if self.is_barred(failure):
                return self.end(BARRED, f"{request.url}: {access(failure)}")
            return None if is_repeated else errback(failure)

        return patient

    def end(self, reason: str, message: str) -> Iterator[Request]:
        """End the crawl with a message for the user.

        It is a generator, because Scrapy prints a traceback if an errback raises, and none if the
        returned generator does.
        """
        yield from ()
        if not self.is_closing():
            logger.error("%s", message)
        raise CloseSpider(reason)

    def repeats(self, failure: Failure) -> bool:
        """Repeat a failed request after a while, unless that cannot help or takes too long."""
        request, asked = request_of(failure), self.asked(failure)
        if not (asked or may_pass(failure)) or self.is_closing():
            return False
        if not isinstance(failure.value, HttpError):
            self.note(request)
        return self.again(request, asked)

    def asked(self, failure: Failure) -> Asked | None:
        """Return what the answer behind a failure asks for."""
        error = failure.value
        if not is_answer(error):
            return None
        return self.manners.asked(request_of(failure), error.response, self.clock())

    def again(self, request: Request, asked: Asked | None) -> bool:
        """Make a request again after a while, if it may have another attempt."""
        is_told = asked is not None and asked.seconds is not None
        key = TURNED_AWAY if is_told else FAILED
        tries = request.meta.get(key, 0)
        wait = self.wait(asked, tries)
        allowed = self.limits.times if is_told else self.limits.retries
        if wait > self.limits.longest_wait or tries >= allowed:
            self.crawler.stats.inc_value("patience/given_up")
            return False
        meta = {TURNED_AWAY_AT: time.monotonic(), **request.meta, key: tries + 1}
        priority = request.priority - BEHIND
        self.later(request.replace(meta=meta, priority=priority, dont_filter=True), wait)
        return True

    def wait(self, asked: Asked | None, tries: int) -> float:
        """Return the seconds after which a request is repeated.

        If the host asks to wait for the same request again, the wait is at least a quarter of the
        doubling wait, even if the host gives a shorter time.
        """
        if asked is None or asked.seconds is None:
            return self.limits.retry_wait * BACKOFF**tries
        if asked.doubles:
            return asked.seconds * 2.0**tries
        return max(asked.seconds, self.limits.first_wait * 2.0**tries / 4 if tries else 0.0)

    def later(self, request: Request, seconds: float) -> None:
        """Make a request after some seconds; until then the crawl stays open."""

        def again() -> None:
            del self.waiting[timer]
            self.crawler.engine.crawl(request)

        timer = asyncio.get_running_loop().call_later(seconds, again)
        self.waiting[timer] = request
        self.crawler.stats.inc_value("patience/repeated")

    def keep_open(self) -> None:
        """Keep the crawl open while a request waits for its next attempt."""
        if self.waiting:
            raise DontCloseSpider

    def forget(self) -> None:
        """Give up all waiting requests: the crawl is over."""
        for timer in self.waiting:
            timer.cancel()
        self.waiting.clear()

    # Hosts

    def response_downloaded(self, response: Response, request: Request) -> None:
        """Pause the host if the response asks for it; record a success.

        Scrapy sends this signal before the downloader takes the host's next request from its
        queue, and calls errbacks after that.
        """
        host, now = self.host(request), self.clock()
        asked = self.manners.asked(request, response, now)
        if response.status in PASSING:
            self.note(request)
        if asked is not None:
            if asked.seconds is not None and not self.is_alone(request, asked, host):
                self.rest(request, self.wait(asked, request.meta.get(TURNED_AWAY, 0)))
            return
        if response.status not in PASSING:
            host.failed.clear()
            host.rests = 0
            host.succeeded_at = time.monotonic()
        if response.status not in NO_ACCESS:
            host.barred.clear()
        pause = self.manners.pause_after(request, response, now)
        if pause is not None:
            self.rest(request, pause)

    def is_alone(self, request: Request, asked: Asked, host: Host) -> bool:
        """Return whether a 503 concerns one address: others were answered since the first."""
        last = request.meta.get(TURNED_AWAY_AT)
        return not asked.is_about_us and last is not None and host.succeeded_at > last

    def note(self, request: Request) -> None:
        """Record an address that failed at its first attempt; after several, pause the host."""
        if TURNED_AWAY in request.meta or FAILED in request.meta:
            return
        host = self.host(request)
        host.failed.add(request.url)
        if len(host.failed) < self.limits.addresses:
            return
        host.failed.clear()
        self.rest(request, min(self.limits.first_wait * 2.0**host.rests, LONGEST_OWN_REST))

    def is_barred(self, failure: Failure) -> bool:
        """Return whether several different addresses in a row were answered 401 or 403."""
        error = failure.value
        if not (is_answer(error) and error.response.status in NO_ACCESS) or self.asked(failure):
            return False
        barred = self.host(request_of(failure)).barred
        barred.add(request_of(failure).url)
        return len(barred) >= self.limits.addresses

    def host(self, request: Request) -> Host:
        """Return the record of the host of a request."""
        return self.hosts.setdefault(request.meta.get("download_slot", ""), Host())

    def rest(self, request: Request, seconds: float) -> None:
        """Pause the host of `request` for `seconds`, at most the longest wait.

        A slot of Scrapy's downloader waits until its delay has passed since its last use. A slot
        whose last use is set to a future time is therefore paused until then, with everything in
        its queue.
        """
        slot = self.crawler.engine.downloader.slots.get(request.meta.get("download_slot", ""))
        seconds = min(seconds, self.limits.longest_wait)
        now = time.monotonic()
        if slot is None or now + seconds <= slot.lastseen:
            return
        if slot.lastseen <= now:
            self.host(request).rests += 1
        logger.info("%s: its host is paused for %.0f s", request.url, seconds)
        self.crawler.stats.inc_value("patience/rests")
        slot.lastseen = now + seconds
        slot.delay = max(slot.delay, SMALLEST_DELAY)
        self.watch(slot)

    def is_out_of_order(self, request: Request) -> bool:
        """Return whether the host of a request was paused without success as often as allowed."""
        return self.host(request).rests > self.limits.times

    def watch(self, slot: Slot) -> None:
        """While a host is paused, check whether the crawl is closing, and then give up its
        requests.

        Scrapy closes only when its downloader is empty, and sends no signal before that.
        """
        if not self.is_closing():
            if time.monotonic() < slot.lastseen:
                asyncio.get_running_loop().call_later(WATCH_SECONDS, self.watch, slot)
            return
        while slot.queue:
            slot.queue.popleft()[1].errback(
                IgnoreRequest("the crawl ended during a pause of its host")
            )

    def is_closing(self) -> bool:
        """Return whether the crawl is closing, by Ctrl-C or on its own."""
        slot = getattr(self.crawler.engine, "_slot", None)
        return slot is not None and slot.closing is not None


def request_of(failure: Failure) -> Request:
    """Return the request of a failure; Scrapy sets it on every failure."""
    request: Request = failure.request  # type: ignore[attr-defined]
    return request


def out_of_order(request: Request, rests: int) -> str:
    """Return the message that a host was paused too often, and what to do."""
    return (
        f"{request.url}: the repository does not answer correctly, even after {rests} pauses. "
        "Stored archives are complete. Crawl again when it works: the crawl continues from here."
    )


def access(failure: Failure) -> str:
    """Return which setting is missing or wrong after a 401 or 403."""
    assert isinstance(failure.value, HttpError)
    response = failure.value.response
    request = response.request
    assert request
    said = f"answers {response.status}"
    setting = request.meta.get(KEY_SETTING)
    if setting is None:
        return f"{said}: it does not let us in, and a mirror is never sent a key"
    if request.headers.get("Authorization") is None:
        return f"{said}: it wants a key, or does not serve this client. Set {setting} to a key"
    return f"{said}: the key in {setting} is wrong, out of date or not for this repository"


def is_answer(error: object) -> TypeGuard[HttpError]:
    """Return whether an error is an answer with a status that is none of success."""
    return isinstance(error, HttpError)


def may_pass(failure: Failure) -> bool:
    """Return whether another attempt may succeed."""
    error = failure.value
    if isinstance(error, HttpError):
        return error.response.status in PASSING
    return not isinstance(error, DEFINITE)


def told_to_wait(failure: Failure, now: float) -> float | None:
    """Return the seconds for which the host asked to pause, or None if it did not."""
    error = failure.value
    if isinstance(error, HttpError) and error.response.status in ASKS_FOR_PATIENCE:
        return asked_wait(error.response.headers, now)
    return None


def asked_wait(headers: Headers, now: float) -> float | None:
    """Return how many seconds the server asks to wait, or None if it gives no time.

    `now` is in seconds since the epoch. It is used if the response has no date, because times are
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
    """Return the seconds until the rate limit is reset, or None if there is no such header."""
    reset = number(text(headers, "X-RateLimit-Reset"))
    if reset is None or reset < EPOCH_FROM:
        return reset
    return max(0.0, reset - (epoch(text(headers, "Date")) or now))


def is_exhausted(headers: Headers) -> bool:
    """Return whether the server allows no further request until the reset."""
    return number(text(headers, "X-RateLimit-Remaining")) == 0


def text(headers: Headers, name: str) -> str | None:
    """Return a header as text, or None."""
    value = headers.get(name)
    return value.decode("latin-1").strip() if value is not None else None


def number(value: str | None) -> float | None:
    """Read a number within reasonable bounds, else None."""
    try:
        result = float(value or "")
    except ValueError:
        return None
    return result if math.isfinite(result) and result >= 0 else None


def epoch(value: str | None) -> float | None:
    """Read an HTTP date as seconds since the epoch, else None."""
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
