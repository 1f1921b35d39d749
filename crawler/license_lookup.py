"""Asks the repository's JSON API for licences, so that what is not permitted is never fetched.

The registry does not speak of licences, and the API speaks only of a package's latest release:
the answer is a pre-filter for crawls of latest versions, and the tarball's own metadata has the
last word. Packages are asked for one at a time or a hundred at a time, whichever takes fewer
requests. An API that is out of order costs nothing but downloads.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from corpus.licenses import LicensePolicy, judge_declaration
from corpus.reasons import Reason
from crawler.failures import GONE, explain, licensing, request_of
from crawler.items import Refusal
from crawler.registry import PackageVersions

logger = logging.getLogger(__name__)

PAGE_SIZE = 100
"""Packages on one page of /packages."""
SLOT = "hex-api"
"""The slot of Scrapy's downloader for the API; DOWNLOAD_SLOTS says how fast it is."""
TIMEOUT = 30
"""Seconds; the API is a convenience."""

Output = Iterator[Request | Refusal]
Waiting = dict[str, PackageVersions]


class UnusableAnswer(ValueError):
    """An answer of the API that is not what its documentation says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenseLookup:
    """Looks up packages and hands each on: to `proceed`, or to `refuse` with reason and detail."""

    api_url: str
    policy: LicensePolicy
    proceed: Callable[[PackageVersions], Request]
    refuse: Callable[[PackageVersions, Reason, str], Iterator[Refusal]]

    def ask(self, packages: Sequence[PackageVersions], listed: int) -> Output:
        """Begin to look up `packages`, out of `listed` in the repository."""
        waiting = {package.name: package for package in packages}
        pages = -(-listed // PAGE_SIZE)
        if pages < len(waiting):
            return self.ask_page(waiting, 1, 2 * pages)
        return self.ask_next(waiting)

    def ask_page(self, waiting: Waiting, page: int, last: int) -> Output:
        """Ask for a page of all packages, if any package still waits and not beyond the last."""
        if waiting and page <= last:
            url = f"{self.api_url}/packages?sort=name&page={page}"
            yield self.request(url, self.read_page, waiting, page=page, last=last)
        else:
            yield from self.release(waiting)

    def read_page(self, response: Response, waiting: Waiting, page: int, last: int) -> Output:
        """Judge the waiting packages of a page and go on; the page after the last is empty."""
        try:
            declared = read_package_list(response.body)
        except UnusableAnswer as error:
            yield from self.give_up(waiting, str(error))
            return
        for each in declared:
            if each.name in waiting:
                yield from self.judge(waiting.pop(each.name), each.licenses)
        yield from self.ask_page(waiting, page + 1, last if declared else page)

    def ask_next(self, waiting: Waiting) -> Output:
        """Ask for the first package that waits."""
        for name in list(waiting)[:1]:
            yield self.request(f"{self.api_url}/packages/{name}", self.read_one, waiting)

    def read_one(self, response: Response, waiting: Waiting) -> Output:
        """Judge the first package that waits and ask for the next."""
        package = waiting.pop(next(iter(waiting)))
        if response.status in GONE:
            yield self.proceed(package)
            yield from self.ask_next(waiting)
            return
        try:
            declared = read_package(response.body)
        except UnusableAnswer as error:
            yield from self.give_up({package.name: package, **waiting}, str(error))
            return
        yield from self.judge(package, declared.licenses)
        yield from self.ask_next(waiting)

    def judge(self, package: PackageVersions, licenses: Sequence[str]) -> Output:
        """Hand on one package by the licences of its latest release."""
        verdict = judge_declaration(licenses, self.policy)
        if verdict.reason:
            yield from self.refuse(package, verdict.reason, licensing(verdict))
        else:
            yield self.proceed(package)

    def failed(self, failure: Failure) -> Output:
        """Go on without the API."""
        return self.give_up(request_of(failure).cb_kwargs["waiting"], explain(failure)[1])

    def give_up(self, waiting: Waiting, why: str) -> Output:
        """Hand on all packages that wait as if their licences were permitted."""
        logger.warning(
            "%s cannot be asked for licences (%s): %d packages are judged after download",
            self.api_url,
            why,
            len(waiting),
        )
        return self.release(waiting)

    def release(self, waiting: Waiting) -> Output:
        """Let every package that waits proceed."""
        for package in waiting.values():
            yield self.proceed(package)

    def request(
        self, url: str, callback: Callable[..., Output], waiting: Waiting, **arguments: Any
    ) -> Request:
        """Ask the API, one request at a time; who waits travels with the request."""
        return Request(
            url,
            callback=callback,
            errback=self.failed,
            headers={"Accept": "application/json"},
            cb_kwargs={"waiting": waiting, **arguments},
            meta={
                "download_slot": SLOT,
                "autothrottle_dont_adjust_delay": True,
                "download_timeout": TIMEOUT,
                "handle_httpstatus_list": list(GONE),
            },
            dont_filter=True,
            priority=1,
        )


@dataclass(frozen=True, slots=True)
class Declared:
    """The licences of a package's latest release, as declared."""

    name: str
    licenses: tuple[str, ...]


def read_package_list(body: bytes) -> list[Declared]:
    """Read one page of /packages; past the last page it is empty. Raises UnusableAnswer."""
    packages = read_json(body)
    if not isinstance(packages, list):
        raise UnusableAnswer("expected a list of packages")
    return list(map(declared, packages))


def read_package(body: bytes) -> Declared:
    """Read /packages/NAME. Raises UnusableAnswer."""
    return declared(read_json(body))


def read_json(body: bytes) -> Any:
    """Parse a body. Raises UnusableAnswer."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswer(f"not JSON: {error}") from error


def declared(package: Any) -> Declared:
    """Pick the name and the licences from a package. Raises UnusableAnswer."""
    try:
        name, licenses = package["name"], package["meta"]["licenses"] or []
    except (TypeError, KeyError) as error:
        raise UnusableAnswer(f"a package without name or licences: {error}") from error
    if not (isinstance(licenses, list) and all(isinstance(x, str) for x in (name, *licenses))):
        raise UnusableAnswer(f"the licences of {name!r} are {licenses!r}")
    return Declared(name, tuple(licenses))
