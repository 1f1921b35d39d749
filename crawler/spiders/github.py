"""Fetches repositories of GitHub: the head of the default branch, at its commit.

    scrapy crawl github -a min_stars=10
    scrapy crawl github -a languages=elixir -a topics=phoenix -a pushed_after=2024-01-01
    scrapy crawl github -a repositories=elixir-lang/elixir,erlang/otp

A search is read completely (crawler/github/search.py), each repository as its page arrives. What it
tells of a repository has the commit of the default branch, so one whose commit is in the store
costs no request. For the others the archive of the commit is fetched, and stored as its files alone
(corpus/sources/github.py). docs/how-to/crawl-github.md has the details.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from corpus.reasons import Reason, Reject, Stage
from corpus.sources import GITHUB, ArchiveError, snapshot
from corpus.store import ArchiveStore, DamagedArchive, StoreError, UnsafeName
from crawler.archive_spider import ArchiveSpider
from crawler.closing import UNWRITABLE, Closing, advice
from crawler.failures import explain
from crawler.github.access import (
    GRAPHQL,
    RESOURCE,
    REST,
    TOKEN,
    GitHubManners,
    Keys,
    NoAccess,
    message_of,
)
from crawler.github.api import (
    COUNT,
    NAMED,
    SEARCH,
    TAGS,
    Answer,
    Found,
    MalformedAnswer,
    Trouble,
    part,
    payload,
    read_answer,
    read_repository,
    read_search,
    read_tags,
)
from crawler.github.order import DEFAULTS, read_access, read_order
from crawler.github.search import (
    FIRST_REPOSITORY,
    Ask,
    Page,
    Range,
    Reply,
    Steps,
    Survey,
    TooExpensive,
)
from crawler.github.snapshots import (
    LARGEST_ARCHIVE,
    LIMITS,
    NO_COMMIT,
    Fetched,
    Shelf,
    archive_row,
    refusal_before,
    refused,
    unlicensed,
    usable,
)
from crawler.items import Refusal
from crawler.ledger import utc_now
from crawler.outcome import Losses
from crawler.patience import (
    ADDRESS_SETTING,
    BARRED,
    KEY_SETTING,
    OUT_OF_ORDER,
    Patience,
    access,
    read_limits,
    request_of,
    until_reset,
)
from crawler.pipelines import note, reject_row
from crawler.plan import stand_in
from pages.formats import plural

logger = logging.getLogger(__name__)

QUERIES, ARCHIVE_ADDRESSES, ARCHIVES = "github-graphql", "github-rest", "github-archives"
"""Slots of Scrapy's downloader; the first two are one host with a limit each."""
LONGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer of the API."""
REDIRECTS = frozenset({301, 302, 307, 308})
MOST_REDIRECTS = 3
"""Redirects within the API, of repositories that were renamed or transferred."""
PUBLIC_API, PUBLIC_ARCHIVES = "api.github.com", "codeload.github.com"
LEGAL, FORBIDDEN, CONFLICT, UNAUTHORIZED = 451, 403, 409, 401
MOST_EXPENSIVE = 30
"""Queries in a row that GitHub cannot answer; it takes six halvings to a page of one result."""
FIRST = 10
"""Priority of archives: a repository is finished before more of the search is read."""
MOST_TAG_PAGES = 20
"""Pages of a hundred tags, the newest first, that are read of a repository."""
RATE_LIMITED = "rate_limited"
SCHEMA = "schema_changed"
"""The finish reason of a crawl whose queries GitHub does not understand any more."""

Output = Iterator[Request | Refusal | Fetched]


@dataclass(slots=True)
class Reading:
    """A search that is being read, and what it waits for."""

    survey: Survey
    steps: Steps


class GitHubSpider(ArchiveSpider):
    """Crawls GitHub; see the module docstring.

    Stats: `packages/listed`, `packages/settled`, `packages/opened`, `packages/unlisted` (searches
    that were not read completely), `packages/renamed`, `packages/unfetched` (with `fetch=no`),
    `archives/wanted`, `archives/stored`, `archives/updated`, `github/points`, with `tags=yes`
    `tags/wanted`, `tags/stored` and `tags/unfetched`, and those of the pipeline.
    """

    name = "github"
    defaults = DEFAULTS
    things = "repository", "repositories"
    reads = read_order, read_access
    custom_settings = {  # noqa: RUF012 (Scrapy wants a dictionary)
        "ITEM_PIPELINES": {"crawler.spiders.github.SnapshotPipeline": 100},
        "DOWNLOADER_MIDDLEWARES": {"crawler.github.access.GitHubAccess": 100},
        # GitHub asks for one request at a time, and admits 5,000 an hour of each kind.
        "DOWNLOAD_SLOTS": {
            QUERIES: {"concurrency": 1, "delay": 0.5, "jitter": 0},
            ARCHIVE_ADDRESSES: {"concurrency": 1, "delay": 0.75, "jitter": 0},
            ARCHIVES: {"concurrency": 2, "delay": 0.5, "jitter": 0},
        },
        # AutoThrottle would shorten these delays where GitHub answers fast.
        "AUTOTHROTTLE_ENABLED": False,
        "DOWNLOAD_MAXSIZE": LARGEST_ARCHIVE,
        "REDIRECT_ENABLED": False,
        # A spent hour is waited for.
        "RATE_LIMIT_LONGEST_WAIT": 3_700.0,
    }

    def open(self, crawler: Crawler) -> None:
        """Set up the state of the crawl; nothing is written yet."""
        self.order = read_order(self.arguments)
        given = read_access(crawler.settings)
        self.access = given
        self.store = ArchiveStore(given.store)
        self.shelf = Shelf(self.store)
        self.keys = Keys(given, crawler)
        self.patience = Patience(
            crawler, read_limits(crawler.settings), manners=GitHubManners(self.keys.tokens)
        )
        self.closing = Closing(crawler)
        self.losses = Losses()
        self.pending: dict[str, str] = {}
        """Commits that are asked for, by repository."""
        self.seen: set[int] = set()
        self.expensive = 0
        """Queries in a row that GitHub could not answer."""
        self.waiting: list[str] = list(reversed(self.order.searches))
        """Searches that were not begun yet."""

    async def start(self) -> AsyncIterator[Request | Refusal]:
        """Claim the store, and ask for the repositories that are named, or for the first search."""
        self.claim_store(self.access.api_url)
        try:
            self.shelf.read()
            if self.order.tags:
                self.shelf.read_versions()
        except StoreError as error:
            self.end("store_unusable", str(error))
        self.until = datetime.now(UTC).replace(microsecond=0)
        for owner, name in self.order.named[: self.order.limit]:
            yield self.ask_for(owner, name)
        for request in self.next_search():
            yield request

    def closed(self, reason: str) -> None:
        """Release the claim on the store, and tell what a crawl without fetching counted."""
        super().closed(reason)
        if not self.order.fetches:
            number = self.crawler.stats.get_value("packages/unfetched", 0)
            self.logger.info("%d repositories are not in the store; nothing was fetched", number)

    def unfinished(self) -> Iterable[str]:
        """Yield "NAME VERSION" for each archive that the crawl began and did not finish."""
        return (f"{name} {commit}" for name, commit in self.pending.items())

    # Searches

    def next_search(self) -> Iterator[Request]:
        """Begin the next search, if there is one."""
        if not self.waiting or self.is_enough:
            return
        qualifiers = self.waiting.pop()
        whole = Range(FIRST_REPOSITORY, self.until)
        survey = Survey(qualifiers, whole, self.access.page_size)
        steps = survey.steps()
        yield self.ask(Reading(survey, steps), next(steps))

    @property
    def is_enough(self) -> bool:
        """Whether as many repositories were found as are wanted."""
        return self.order.limit is not None and len(self.seen) >= self.order.limit

    def ask(self, reading: Reading, ask: Ask) -> Request:
        """Make the request that a search wants next."""
        if ask.size:
            body = payload(SEARCH, query=ask.query, size=ask.size, after=ask.after)
        else:
            body = payload(COUNT, query=ask.query)
        return self.query(body, self.read_results, self.search_failed, reading=reading, ask=ask)

    def read_results(self, response: Response, reading: Reading, ask: Ask) -> Output:
        """Take a page of results, and go on with the search."""
        answer = self.answer(response)
        if answer is None:
            return
        if answer.data is None or answer.problem(Trouble.TOO_EXPENSIVE):
            yield from self.go_on(reading, self.too_expensive(answer))
            return
        self.expensive = 0
        try:
            count, results, after = read_search(answer)
        except MalformedAnswer as error:
            self.end(SCHEMA, not_understood(response, str(error)))
        found = [each for each in results if each is not None]
        hidden = len(results) - len(found)
        if hidden:
            said = answer.problems[0].message if answer.problems else "no reason is given"
            self.logger.info("%d results of %s are not shown: %s", hidden, ask.query, said)
        for repository in found:
            yield from self.take(repository)
        yield from self.go_on(reading, Page(count, found, hidden, after))

    def go_on(self, reading: Reading, reply: Reply) -> Iterator[Request]:
        """Tell a search its answer, and make its next request, or begin the next search."""
        if self.is_enough:
            return
        try:
            yield self.ask(reading, reading.steps.send(reply))
        except StopIteration:
            self.tell(reading.survey)
            yield from self.next_search()

    def tell(self, survey: Survey) -> None:
        """Say whether a search was read completely."""
        ranges = plural(len(survey.read), "range")
        said = f"{survey.results:,} of {survey.total:,} results in {ranges}"
        self.logger.info("search %s: %s", survey.qualifiers, said)
        if not survey.is_complete:
            self.count("packages/unlisted")
            self.losses.unlisted.append(
                f"The search {survey.qualifiers} could not be read completely: {said}. Crawl "
                "again, or narrow it (min_stars, topics, pushed_after)."
            )

    def too_expensive(self, answer: Answer) -> TooExpensive:
        """Return that a query cannot be answered, or end the crawl after too many."""
        self.expensive += 1
        if self.expensive > MOST_EXPENSIVE:
            said = answer.problems[0].message if answer.problems else "no data"
            self.end(
                OUT_OF_ORDER,
                f"GitHub does not answer queries, not even small ones: {said} Stored archives are "
                "complete. Crawl again later: the crawl continues from here.",
            )
        return TooExpensive()

    def search_failed(self, failure: Failure) -> Output:
        """Ask for less after a timeout of GitHub, else end the crawl."""
        yield from ()
        known = request_of(failure).cb_kwargs
        error = failure.value
        if self.patience.is_closing():
            return
        if isinstance(error, HttpError) and error.response.status in (502, 504):
            yield from self.go_on(known["reading"], self.too_expensive(Answer(None, ())))
            return
        self.give_up(failure)

    # Repositories

    def ask_for(self, owner: str, name: str) -> Request | Refusal:
        """Ask for a repository that is named, or refuse it."""
        whole = f"{owner}/{name}"
        if (removed := self.access.opted_out([whole])) is not None:
            return self.refuse_named(whole, removed)
        body = payload(NAMED, owner=owner, name=name)
        return self.query(body, self.read_named, self.named_failed, name=whole)

    def refuse_named(self, name: str, reject: Reject) -> Refusal:
        """Refuse a repository of which nothing but its name is known."""
        for stat in ("packages/listed", "packages/opened", "archives/wanted"):
            self.count(stat)
        url = f"{self.access.api_url}/repos/{name}"
        return Refusal(name=usable(name), version=NO_COMMIT, url=url, reject=reject, source=GITHUB)

    def read_named(self, response: Response, name: str) -> Output:
        """Take a repository that was named."""
        answer = self.answer(response)
        if answer is None:
            return
        if answer.data is None or answer.data.get("repository") is None:
            gone = answer.problem(Trouble.NOT_FOUND)
            said = answer.problems[0].message if answer.problems else "no data"
            reason = Reason.GONE if gone else Reason.UNAVAILABLE
            yield self.refuse_named(name, Reject(Stage.CRAWL, reason, said))
            return
        try:
            found = read_repository(part(answer.data, "repository"))
        except MalformedAnswer as error:
            self.end(SCHEMA, not_understood(response, str(error)))
        if found.name.lower() != name.lower():
            self.count("packages/renamed")
            self.logger.info("%s is %s now", name, found.name)
        yield from self.take(found)

    def named_failed(self, failure: Failure) -> Output:
        """End the crawl."""
        yield from ()
        if not self.patience.is_closing():
            self.give_up(failure)

    def take(self, found: Found) -> Output:
        """Fetch the archive of a repository, unless it is stored or refused already."""
        if found.id in self.seen or self.is_enough:
            return
        self.seen.add(found.id)
        self.count("packages/listed")
        url = f"{self.access.api_url}/repos/{found.name}/tarball/{found.commit or 'HEAD'}"
        if not self.order.fetches:
            is_there = self.shelf.current(found) is not None
            self.count("packages/settled" if is_there else "packages/unfetched")
            return
        held = self.access.opted_out(self.shelf.names(found))
        if held is None and self.order.prefilters:
            held = unlicensed(found, self.access.policy)
        try:
            if self.access.opted_out([found.name]) is not None:
                self.shelf.rename(found)
        except (OSError, StoreError) as error:
            self.end(UNWRITABLE, advice(error))
        if held is not None and self.shelf.current(found):
            self.count("packages/settled")
            return
        refusal = refusal_before(found, url, self.access.largest_kb, held)
        try:
            if refusal is None and self.is_there(found, url):
                self.count("packages/settled")
                yield from self.ask_for_tags(found)
                return
        except (OSError, StoreError) as error:
            self.end(UNWRITABLE, advice(error))
        self.count("packages/opened")
        self.count("archives/wanted")
        if refusal is not None:
            yield refusal
            return
        assert found.commit
        self.pending[found.name] = found.commit
        yield self.archive_request(found, url, 0)
        yield from self.ask_for_tags(found)

    # Tags

    def ask_for_tags(self, found: Found, after: str | None = None, page: int = 1) -> Output:
        """Ask for the tags of a repository that packages in the store link to."""
        if self.order.tags and found.commit and self.shelf.wanted_tags(found):
            owner, _, name = found.name.partition("/")
            body = payload(TAGS, owner=owner, name=name, after=after)
            yield self.query(body, self.read_tags, self.tags_failed, found=found, page=page)

    def read_tags(self, response: Response, found: Found, page: int) -> Output:
        """Fetch the commits of the tags that are wanted, and read the next page."""
        answer = self.answer(response)
        if answer is None:
            return
        if answer.data is None or answer.data.get("repository") is None:
            said = answer.problems[0].message if answer.problems else "no data"
            self.tag_lost(found, said)
            return
        try:
            tags, after = read_tags(answer)
        except MalformedAnswer as error:
            self.end(SCHEMA, not_understood(response, str(error)))
        wanted = self.shelf.wanted_tags(found)
        for tag in tags:
            if tag.name not in wanted or tag.commit == found.commit:
                continue
            commit = replace(found, commit=tag.commit, committed_at=tag.committed_at, tag=tag.name)
            if tag.commit is None:
                self.tag_lost(commit, "it names no commit, but a file, a folder or many tags")
            elif not self.shelf.has_tag(found, tag.name, tag.commit):
                self.count("tags/wanted")
                yield self.archive_request(commit, self.address(commit), 0)
        if after is not None and page < MOST_TAG_PAGES:
            yield from self.ask_for_tags(found, after, page + 1)
        elif after is not None:
            most = 100 * MOST_TAG_PAGES
            self.tag_lost(found, f"there are more than {most:,}, and the older ones are not read")

    def tags_failed(self, failure: Failure) -> Output:
        """Leave out the tags of a repository; the crawl ends if nothing can be asked any more."""
        yield from ()
        if self.patience.is_closing():
            return
        error = failure.value
        if isinstance(error, HttpError) and error.response.status in (502, 504):
            found = request_of(failure).cb_kwargs["found"]
            self.tag_lost(found, f"GitHub answers {error.response.status}")
            return
        self.give_up(failure)

    def tag_lost(self, found: Found, why: str) -> None:
        """Say that tags of a repository are missing; the next crawl asks for them again."""
        self.count("tags/unfetched")
        which = f"the tag {found.tag}" if found.tag else "the tags"
        self.logger.warning("%s of %s: not fetched: %s", which, found.name, why)

    def is_there(self, found: Found, url: str) -> bool:
        """Return whether a commit is stored or refused already; finish what a killed crawl began.

        The archive of a repository that has another name now is stored under it. Raises OSError
        and StoreError.
        """
        current = self.shelf.current(found)
        if current is None:
            return bool(found.commit) and self.shelf.is_refused(found.name, str(found.commit))
        if current.name == found.name:
            self.count("archives/updated", self.shelf.settle(current))
            return True
        try:
            body = self.store.read(current)
        except DamagedArchive:
            return False
        row = archive_row(found, url, current.sha256, current.bytes, current.fetched_at)
        self.shelf.put(row, body)
        self.count("packages/renamed")
        self.count("archives/updated")
        return True

    def archive_request(self, found: Found, url: str, redirects: int) -> Request:
        """Ask the API where the archive of a commit is."""
        return Request(
            url,
            callback=self.read_redirect,
            errback=self.patience.or_else(self.archive_failed),
            headers={"Accept": "application/vnd.github+json"},
            cb_kwargs={"found": found, "redirects": redirects},
            meta={
                **self.access_meta(REST, ARCHIVE_ADDRESSES),
                "handle_httpstatus_list": sorted(REDIRECTS),
                "download_maxsize": LARGEST_ARCHIVE,
            },
            dont_filter=True,
            priority=FIRST,
        )

    def read_redirect(self, response: Response, found: Found, redirects: int) -> Output:
        """Follow the API to an archive; a token is sent to the API only."""
        assert response.request
        if response.status not in REDIRECTS:
            yield Fetched(found=found, url=response.request.url, body=response.body)
            return
        location = (response.headers.get("Location") or b"").decode("latin-1")
        address = urljoin(response.url, location)
        if origin(address) == origin(self.access.api_url) and redirects < MOST_REDIRECTS:
            yield self.archive_request(found, address, redirects + 1)
        elif self.is_archive_address(address):
            yield Request(
                address,
                callback=self.read_archive,
                errback=self.patience.or_else(self.archive_failed),
                cb_kwargs={"found": found, "redirects": redirects},
                meta={"download_slot": ARCHIVES, ADDRESS_SETTING: "GITHUB_API_URL"},
                dont_filter=True,
                priority=FIRST,
            )
        else:
            parts = urlsplit(address)
            detail = f"a redirect to {parts.scheme}://{parts.netloc}, where no archive is expected"
            yield from self.refuse(found, Reject(Stage.CRAWL, Reason.UNAVAILABLE, detail))

    def is_archive_address(self, address: str) -> bool:
        """Return whether archives may come from an address; another API has its own."""
        scheme, host, _ = origin(address)
        if origin(self.access.api_url)[1] == PUBLIC_API:
            return scheme == "https" and host == PUBLIC_ARCHIVES
        return scheme in ("https", origin(self.access.api_url)[0]) and bool(host)

    def read_archive(self, response: Response, found: Found, redirects: int) -> Output:
        """Pass an archive to the pipeline."""
        yield Fetched(found=found, url=self.address(found), body=response.body)

    def archive_failed(self, failure: Failure) -> Output:
        """Refuse a repository whose archive cannot be fetched."""
        self.heed(failure)
        error = failure.value
        status = error.response.status if isinstance(error, HttpError) else None
        if status == UNAUTHORIZED or isinstance(error, NoAccess):
            self.give_up(failure)
        why = explain(failure)
        if isinstance(error, HttpError):
            said = message_of(error.response.body)[:200]
            if status == LEGAL or (status == FORBIDDEN and "blocked" in said.lower()):
                detail = f"GitHub answers {status}: {said or 'unavailable for legal reasons'}"
                why = Reject(Stage.CRAWL, Reason.BLOCKED, detail)
            elif status == CONFLICT:
                why = Reject(Stage.CRAWL, Reason.EMPTY_REPOSITORY, f"GitHub answers 409: {said}")
        yield from self.refuse(request_of(failure).cb_kwargs["found"], why)

    def refuse(self, found: Found, reject: Reject) -> Iterator[Refusal]:
        """Refuse a repository; a tag is left out."""
        if found.tag:
            self.tag_lost(found, reject.detail)
        else:
            yield refused(found, self.address(found), reject)

    def address(self, found: Found) -> str:
        """Return where the API has the archive of a commit."""
        return f"{self.access.api_url}/repos/{found.name}/tarball/{found.commit}"

    # Requests to the API

    def query(
        self,
        body: bytes,
        callback: Callable[..., Output],
        errback: Callable[[Failure], Output],
        **arguments: object,
    ) -> Request:
        """Ask the GraphQL API."""
        return Request(
            f"{self.access.api_url}/graphql",
            method="POST",
            body=body,
            headers={"Content-Type": "application/json"},
            callback=callback,
            errback=self.patience.or_else(errback),
            cb_kwargs=arguments,
            meta={**self.access_meta(GRAPHQL, QUERIES), "download_maxsize": LONGEST_ANSWER},
            dont_filter=True,
        )

    def access_meta(self, resource: str, slot: str) -> dict[str, str]:
        """Return what a request to the API carries for tokens, limits and messages."""
        return {
            RESOURCE: resource,
            "download_slot": slot,
            ADDRESS_SETTING: "GITHUB_API_URL",
            KEY_SETTING: "GITHUB_TOKEN",
        }

    def answer(self, response: Response) -> Answer | None:
        """Return an answer; None if its request is made again, since a limit was reached.

        Ends the crawl if no answer can be had.
        """
        assert response.request
        asked = self.patience.manners.asked(response.request, response, time.time())
        if asked is not None:
            if self.patience.again(response.request, asked):
                return None
            self.end(
                RATE_LIMITED,
                f"{response.url}: GitHub asks to wait for longer than RATE_LIMIT_LONGEST_WAIT, or "
                "again and again. Stored archives are complete. Crawl again in an hour: the crawl "
                "continues from here.",
            )
        try:
            answer = read_answer(response.body)
        except MalformedAnswer as error:
            self.end("malformed_answer", not_understood(response, str(error)))
        if unknown := answer.problem(Trouble.UNKNOWN_FIELD):
            self.end(SCHEMA, not_understood(response, unknown.message))
        if answer.data is None and (denied := answer.problem(Trouble.NO_ACCESS)):
            self.end(
                BARRED,
                f"{response.url}: the token of GITHUB_TOKEN may not search: {denied.message} Make "
                "one that may read public repositories.",
            )
        self.watch_points(response, answer)
        return answer

    def watch_points(self, response: Response, answer: Answer) -> None:
        """Count the points of a query; pause before a query that would cost more than is left."""
        assert response.request
        cost, left = answer.cost or 0, answer.remaining
        self.count("github/points", cost)
        if left is not None and left < cost:
            seconds = until_reset(response.headers, time.time()) or 0.0
            number = response.request.meta.get(TOKEN, 0)
            wait = self.keys.tokens.spend(number, GRAPHQL, seconds)
            if wait:
                self.patience.rest(response.request, wait)

    def give_up(self, failure: Failure) -> NoReturn:
        """End the crawl after a failure that it cannot do without."""
        error, request = failure.value, request_of(failure)
        if isinstance(error, NoAccess):
            self.end(BARRED, str(error))
        if not isinstance(error, HttpError):
            said = explain(failure).detail
            self.end(OUT_OF_ORDER, f"{request.url}: {said}. Check GITHUB_API_URL and the network.")
        status = error.response.status
        if status == UNAUTHORIZED:
            tokens = len(self.keys.tokens.tokens)
            which = f" (number {request.meta.get(TOKEN, 0) + 1} of {tokens})" if tokens > 1 else ""
            self.end(BARRED, f"{request.url}: {access(failure)}{which}.")
        said = message_of(error.response.body)[:200]
        reason = BARRED if status == FORBIDDEN else OUT_OF_ORDER
        self.end(reason, f"{request.url}: GitHub answers {status}. {said}".strip())


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address; empty for one that cannot be read."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def not_understood(response: Response, what: str) -> str:
    """Return the message for an answer that is not as GitHub documents it."""
    return (
        f"{response.url}: the answer is not as expected: {what}. GitHub's schema may have changed, "
        "or a proxy answers: check GITHUB_API_URL, then update elixir-corpus. Stored archives are "
        "complete."
    )


class SnapshotPipeline:
    """The only pipeline of GitHub: makes archives canonical, and stores them or a refusal.

    Stats: those of `crawler.pipelines.StorePipeline`.
    """

    def __init__(self, crawler: Crawler, clock: Callable[[], str] = utc_now) -> None:
        self.crawler = crawler
        self.clock = clock

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "SnapshotPipeline":
        """Keep the crawler, whose spider has the store."""
        return cls(crawler)

    async def process_item(self, item: Fetched | Refusal) -> Fetched | Refusal:
        """Store an item. Raises DropItem if the store cannot be written."""
        spider = self.crawler.spider
        assert isinstance(spider, GitHubSpider)
        try:
            if isinstance(item, Fetched) and item.found.tag is not None:
                await self.store_tag(item, spider)
            elif isinstance(item, Fetched):
                item = await self.stored(item, spider.shelf)
            if isinstance(item, Refusal):
                spider.shelf.reject(reject_row(item, self.clock()))
                note(item, spider)
        except (OSError, StoreError) as error:
            raise spider.closing.unwritable(error) from error
        if isinstance(item, Refusal) or item.found.tag is None:
            spider.pending.pop(item.name, None)
        return item

    async def store_tag(self, item: Fetched, spider: GitHubSpider) -> None:
        """Store the commit of a tag unless it cannot be opened. Raises OSError, StoreError."""
        assert item.found.commit
        try:
            made = await asyncio.to_thread(snapshot, item.body, item.found.commit, LIMITS)
        except ArchiveError as error:
            spider.tag_lost(item.found, str(error))
            return
        row = archive_row(item.found, item.url, made.sha256, len(made.body), self.clock())
        spider.shelf.put_tag(row, made.body)
        self.crawler.stats.inc_value("tags/stored")

    async def stored(self, item: Fetched, shelf: Shelf) -> Fetched | Refusal:
        """Store an archive, or refuse one that cannot be opened. Raises OSError, StoreError."""
        assert item.found.commit
        try:
            # In a thread, since a large archive takes a second; answers are read meanwhile.
            made = await asyncio.to_thread(snapshot, item.body, item.found.commit, LIMITS)
            digest = await asyncio.to_thread(lambda: made.sha256)
            row = archive_row(item.found, item.url, digest, len(made.body), self.clock())
            shelf.put(row, made.body)
        except ArchiveError as error:
            return refused(item.found, item.url, error.reject)
        except UnsafeName as error:
            why = Reject(Stage.CRAWL, Reason.UNUSABLE_NAME, str(error))
            return refused(replace(item.found, name=stand_in(item.name)), item.url, why)
        self.crawler.stats.inc_value("archives/stored")
        return item
