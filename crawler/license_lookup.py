"""Looks up licences in the repository's JSON API, so that packages that are not permitted are not
fetched.

The registry does not list licences, and the API lists only those of a package's latest release. The
answer is therefore a pre-filter for crawls of latest versions, and the tarball's metadata decides.
Packages are requested one at a time or a hundred at a time, whichever takes fewer requests. If the
API fails, more is downloaded than necessary. If it limits the rate, packages that wait for it are
downloaded without its answer, and later answers are still stored. Other data in the answers
(downloads, owners, dates) is stored too.
"""

import json
import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scrapy import Request
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from corpus.licenses import LicensePolicy, judge_declaration
from corpus.packages import Downloads, Link
from corpus.reasons import Reject, Stage
from crawler.failures import GONE, explain, licensing
from crawler.items import NO_DETAILS, PackageDetails, Refusal
from crawler.patience import (
    ASKS_FOR_PATIENCE,
    KEY_SETTING,
    is_exhausted,
    request_of,
    told_to_wait,
    until_reset,
)
from crawler.registry import PackageVersions

logger = logging.getLogger(__name__)

PAGE_SIZE = 100
"""Packages on one page of /packages."""
SLOT = "hex-api"
"""The slot of Scrapy's downloader for the API; DOWNLOAD_SLOTS sets its delay."""
TIMEOUT = 30
"""Timeout in seconds. It is short because the API is optional."""

LIMITED_TIMES = 3
LONGEST_LIMIT = 60.0
"""How often, and for how many seconds each time, the crawler waits for the API."""
UNTOLD_LIMIT = 5.0
"""Seconds to wait if the API gives no time."""
LIMITED = "api_limited"
"""The key in a request's meta that counts its waits."""

Output = Iterator[Request | Refusal]
Waiting = dict[str, PackageVersions]


class UnusableAnswer(ValueError):
    """An answer of the API that does not follow its documentation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenseLookup:
    """Looks up packages and passes each on to `proceed`, or to `refuse` with the reason.

    `describe` gets other data about a package; `later` makes a request after some seconds.
    """

    api_url: str
    policy: LicensePolicy
    proceed: Callable[[PackageVersions], Request]
    refuse: Callable[[PackageVersions, Reject], Iterator[Refusal]]
    describe: Callable[[str, PackageDetails], None]
    later: Callable[[Request, float], None]
    opted_out: Callable[[str, PackageDetails], Reject | None] = lambda name, details: None
    """Returns why a package is not fetched whose author opted out."""
    token: str | None = field(default=None, repr=False)
    handed_on: set[str] = field(default_factory=set)
    """Packages that proceeded without their answer."""

    def ask(self, packages: Sequence[PackageVersions], listed: int) -> Output:
        """Start the lookup of `packages`; `listed` is the number of packages in the repository."""
        waiting = {package.name: package for package in packages}
        pages = -(-listed // PAGE_SIZE)
        if pages < len(waiting):
            return self.ask_page(waiting, 1, 2 * pages)
        return self.ask_next(waiting)

    def ask_page(self, waiting: Waiting, page: int, last: int) -> Output:
        """Request a page of all packages, if a package still waits and the page exists."""
        if waiting and page <= last:
            url = f"{self.api_url}/packages?sort=name&page={page}"
            yield self.request(url, self.read_page, waiting, page=page, last=last)
        else:
            yield from self.hand_on(waiting)

    def read_page(self, response: Response, waiting: Waiting, page: int, last: int) -> Output:
        """Judge the waiting packages of a page and continue; the page after the last is empty."""
        try:
            declared = read_package_list(response.body)
        except UnusableAnswer as error:
            yield from self.give_up(waiting, str(error))
            return
        for each in declared:
            if each.name in waiting:
                yield from self.judge(waiting.pop(each.name), each)
        if (yield from self.may_ask_on(response, waiting)):
            yield from self.ask_page(waiting, page + 1, last if declared else page)

    def ask_next(self, waiting: Waiting) -> Output:
        """Request the first waiting package."""
        for name in list(waiting)[:1]:
            yield self.request(f"{self.api_url}/packages/{name}", self.read_one, waiting)

    def read_one(self, response: Response, waiting: Waiting) -> Output:
        """Judge the first waiting package and request the next."""
        package = waiting.pop(next(iter(waiting)))
        if response.status in GONE:
            yield from self.hand_on({package.name: package})
            yield from self.ask_next(waiting)
            return
        try:
            declared = read_package(response.body)
        except UnusableAnswer as error:
            yield from self.give_up({package.name: package, **waiting}, str(error))
            return
        yield from self.judge(package, declared)
        if (yield from self.may_ask_on(response, waiting)):
            yield from self.ask_next(waiting)

    def may_ask_on(self, response: Response, waiting: Waiting) -> Generator[Request, None, bool]:
        """Return whether to request more; if the API is slow, no package waits for the answer."""
        if not is_exhausted(response.headers):
            return True
        yield from self.hand_on(waiting)
        return (until_reset(response.headers, time.time()) or 0) <= LONGEST_LIMIT

    def judge(self, package: PackageVersions, declared: "Declared") -> Output:
        """Pass on one package by the licences of its latest release."""
        self.describe(package.name, declared.details)
        if package.name in self.handed_on:
            return
        if (removed := self.opted_out(package.name, declared.details)) is not None:
            yield from self.refuse(package, removed)
            return
        verdict = judge_declaration(declared.licenses, self.policy)
        if verdict.reason:
            why = Reject(Stage.LICENSE, verdict.reason, licensing(verdict))
            yield from self.refuse(package, why)
        else:
            yield self.proceed(package)

    def failed(self, failure: Failure) -> Output:
        """Repeat the request if the API asked to wait, while waiting packages continue; else skip
        it.
        """
        request = request_of(failure)
        waiting = request.cb_kwargs["waiting"]
        told = request.meta.get(LIMITED, 0)
        wait = limited(failure)
        if wait is None or wait > LONGEST_LIMIT or told >= LIMITED_TIMES:
            yield from self.give_up(waiting, explain(failure).detail)
            return
        yield from self.hand_on(waiting)
        again = request.replace(meta={**request.meta, LIMITED: told + 1}, dont_filter=True)
        self.later(again, wait)

    def give_up(self, waiting: Waiting, why: str) -> Output:
        """Pass on all waiting packages as if their licences were permitted."""
        logger.warning(
            "%s gives no licences (%s): %d packages are judged after download",
            self.api_url,
            why,
            len(waiting),
        )
        return self.hand_on(waiting)

    def hand_on(self, waiting: Waiting) -> Iterator[Request]:
        """Let every waiting package proceed."""
        for name, package in waiting.items():
            if name not in self.handed_on:
                self.handed_on.add(name)
                yield self.proceed(package)

    def request(
        self, url: str, callback: Callable[..., Output], waiting: Waiting, **arguments: object
    ) -> Request:
        """Send a request to the API, one at a time; the waiting packages are in its meta."""
        return Request(
            url,
            callback=callback,
            errback=self.failed,
            headers={
                "Accept": "application/json",
                **({"Authorization": self.token} if self.token else {}),
            },
            cb_kwargs={"waiting": waiting, **arguments},
            meta={
                "download_slot": SLOT,
                KEY_SETTING: "HEX_API_KEY",
                "autothrottle_dont_adjust_delay": True,
                "download_timeout": TIMEOUT,
                "handle_httpstatus_list": list(GONE),
            },
            dont_filter=True,
            priority=1,
        )


@dataclass(frozen=True, slots=True)
class Declared:
    """Data of the API about a package; the licences are those of its latest release."""

    name: str
    licenses: tuple[str, ...]
    details: PackageDetails = NO_DETAILS


def limited(failure: Failure) -> float | None:
    """Return the seconds to wait for an API that limits the rate, or None if it does not."""
    error = failure.value
    if not (isinstance(error, HttpError) and error.response.status in ASKS_FOR_PATIENCE):
        return None
    asked = told_to_wait(failure, time.time())
    return UNTOLD_LIMIT if asked is None else asked


def read_package_list(body: bytes) -> list[Declared]:
    """Read one page of /packages; past the last page it is empty. Raises UnusableAnswer."""
    packages = read_json(body)
    if not isinstance(packages, list):
        raise UnusableAnswer("expected a list of packages")
    return list(map(declared, packages))


def read_package(body: bytes) -> Declared:
    """Read /packages/NAME. Raises UnusableAnswer."""
    return declared(read_json(body))


def read_json(body: bytes) -> object:
    """Parse a body. Raises UnusableAnswer."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswer(f"not JSON: {error}") from error
    return parsed


def declared(package: object) -> Declared:
    """Read the name and the licences of a package. Raises UnusableAnswer."""
    about = package.get("meta") if isinstance(package, dict) else None
    if not (isinstance(package, dict) and "name" in package):
        raise UnusableAnswer("a package without a name")
    if not (isinstance(about, dict) and "licenses" in about):
        raise UnusableAnswer("a package without licences")
    name, licenses = package["name"], about["licenses"] or []
    if not isinstance(name, str) or not isinstance(licenses, list):
        raise UnusableAnswer(f"the licences of {name!r} are {licenses!r}")
    texts = [each for each in licenses if isinstance(each, str)]
    if len(texts) < len(licenses):
        raise UnusableAnswer(f"the licences of {name!r} are {licenses!r}")
    return Declared(name, tuple(texts), details(package))


def details(package: dict[str, object]) -> PackageDetails:
    """Read the other data of a package; a value not as documented is unknown."""
    releases = package.get("releases")
    published = [when(each.get("inserted_at")) for each in objects(releases)]
    return PackageDetails(
        downloads=downloads(package.get("downloads")),
        owners=owners(package.get("owners")),
        links=links(package.get("meta")),
        first_published_at=when(package.get("inserted_at")),
        last_published_at=max(filter(None, published), default=None),
    )


def downloads(value: object) -> Downloads | None:
    """Read the numbers of downloads; hex.pm leaves out numbers that are 0."""
    if not isinstance(value, dict):
        return None
    numbers = [value.get(key, 0) for key in ("all", "recent")]
    if not all(type(each) is int and 0 <= each < 2**63 for each in numbers):
        return None
    return Downloads(*numbers)


def owners(value: object) -> tuple[str, ...] | None:
    """Read the names of the owners."""
    if not isinstance(value, list):
        return None
    names = [each.get("username") for each in objects(value)]
    return tuple(sorted(name for name in names if isinstance(name, str)))


def links(meta: object) -> tuple[Link, ...]:
    """Read the links of a package, those that are texts."""
    told = meta.get("links") if isinstance(meta, dict) else None
    pairs = told.items() if isinstance(told, dict) else ()
    return tuple(Link(name, url) for name, url in sorted(pairs) if isinstance(url, str))


def objects(value: object) -> list[dict[str, object]]:
    """Return the objects of a list; none for any other value."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def when(value: object) -> str | None:
    """Read a time of the API as ISO 8601 in UTC, to the second."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
