"""Authentication at GitHub, and its rate limits.

A token, or an installation of a GitHub App, has a number of points an hour for GraphQL, and of
requests an hour for REST. A request gets the first token with some left; the crawl waits if there
is none. Tokens are in headers of requests to the API only, never in messages or in the store.

GitHub rejects requests over a limit with 403, 429 or 200. The time to wait is in `retry-after`, or
in `x-ratelimit-reset`; without either its documentation prescribes a minute, doubled each time.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from corpus.untrusted import parse_json
from crawler.github.api import MalformedAnswer, Trouble, read_answer
from crawler.github.order import Access, App
from crawler.patience import (
    TOO_MANY_REQUESTS,
    Asked,
    Manners,
    asked_wait,
    is_exhausted,
    text,
    until_reset,
)

RESOURCE = "github_resource"
"""The key in a request's meta with the resource whose limit it counts against."""
GRAPHQL, REST = "graphql", "core"
"""Resources, as `x-ratelimit-resource` calls them."""
TOKEN = "github_token"
"""The key in a request's meta with the number of its token."""
SECONDARY_WAIT = 60.0
"""Seconds to wait after a secondary limit without a given time; doubled each time."""
FORBIDDEN = 403
VALID_SECONDS = 540
"""Validity of a JSON web token of an App, in seconds; GitHub allows ten minutes."""
CLOCK_DIFFERENCE = 60
"""Seconds by which this machine's clock may be ahead of GitHub's."""
RENEWED_BEFORE = 300.0
"""The token of an installation is renewed this number of seconds before it expires."""
INSTALLATION_SECONDS = 3600.0
"""Validity of the token of an installation, in seconds."""


class NoAccess(IgnoreRequest):
    """A GitHub App cannot authenticate; a retry would not help, and the message says what does."""


@dataclass(slots=True)
class Token:
    """A token, and until when its limit of a resource is exhausted, in seconds since the epoch."""

    secret: str = field(repr=False)
    ends: float | None = None
    spent: dict[str, float] = field(default_factory=dict)

    def is_left(self, resource: str, now: float) -> bool:
        """Return whether its limit of a resource is not exhausted."""
        return self.spent.get(resource, 0.0) <= now


class Tokens:
    """The tokens of a crawl, in the order of their use."""

    def __init__(self, secrets: tuple[str, ...], clock: Callable[[], float] = time.time) -> None:
        self.tokens = [Token(secret) for secret in secrets]
        self.clock = clock

    def choose(self, resource: str) -> int:
        """Return the index of a token that can be used now, or of the one that is reset first."""
        now = self.clock()
        numbers = range(len(self.tokens))
        left = (number for number in numbers if self.tokens[number].is_left(resource, now))
        first = min(numbers, key=lambda each: self.tokens[each].spent.get(resource, 0.0))
        return next(left, first)

    def spend(self, number: int, resource: str, seconds: float) -> float:
        """Record that a token is exhausted; return the seconds until any token can be used."""
        now = self.clock()
        if number < len(self.tokens):
            self.tokens[number].spent[resource] = now + seconds
        return min(max(0.0, each.spent.get(resource, 0.0) - now) for each in self.tokens)


class GitHubManners(Manners):
    """Recognises the rate limits of GitHub in its responses."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def asked(self, request: Request, response: Response, now: float) -> Asked | None:
        """Return the wait that a response requires, or None if it is not about a limit."""
        if response.status == 200:
            trouble = trouble_of(request, response)
        elif response.status in (FORBIDDEN, TOO_MANY_REQUESTS):
            trouble = denial(response)
        else:
            return super().asked(request, response, now)
        if trouble is Trouble.EXHAUSTED:
            return Asked(self.spent(request, response, now))
        if trouble is not Trouble.TOO_FAST:
            return None
        is_told = text(response.headers, "Retry-After") is not None
        told = asked_wait(response.headers, now) if is_told else None
        return Asked(SECONDARY_WAIT, doubles=True) if told is None else Asked(told)

    def pause_after(self, request: Request, response: Response, now: float) -> float | None:
        """Return the wait after a response that exhausts the last token, or None."""
        if not is_exhausted(response.headers) or RESOURCE not in request.meta:
            return None
        return self.spent(request, response, now) or None

    def spent(self, request: Request, response: Response, now: float) -> float:
        """Record that the token of a response is exhausted; return the wait."""
        token, resource = request.meta.get(TOKEN), request.meta.get(RESOURCE)
        told = until_reset(response.headers, now)
        seconds = SECONDARY_WAIT if told is None else told
        if isinstance(token, int) and isinstance(resource, str):
            return self.tokens.spend(token, resource, seconds)
        return seconds


def trouble_of(request: Request, response: Response) -> Trouble | None:
    """Return the limit that a response with status 200 reports, or None."""
    if request.meta.get(RESOURCE) != GRAPHQL or b'"errors"' not in response.body:
        return None
    try:
        answer = read_answer(response.body)
    except MalformedAnswer:
        return None
    found = answer.problem(Trouble.EXHAUSTED, Trouble.TOO_FAST)
    return found.trouble if found else None


def denial(response: Response) -> Trouble | None:
    """Return the limit that a response with status 403 or 429 reports, or None."""
    if is_exhausted(response.headers) and text(response.headers, "Retry-After") is None:
        return Trouble.EXHAUSTED
    said = message_of(response.body)
    about_limits = "rate limit" in said.lower() or "abuse" in said.lower()
    is_told = text(response.headers, "Retry-After") is not None
    if response.status == TOO_MANY_REQUESTS or about_limits or is_told:
        return Trouble.TOO_FAST
    return None


def message_of(body: bytes) -> str:
    """Return the `message` of a response of the REST API, empty if there is none."""
    try:
        told = parse_json(body)
    except ValueError:
        return ""
    message = told.get("message") if isinstance(told, dict) else None
    return message if isinstance(message, str) else ""


class GitHubAccess:
    """A downloader middleware that adds a token to each request to the API."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "GitHubAccess":
        """Keep the crawler; its spider has the tokens."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Choose a token for a request. Raises NoAccess."""
        resource = request.meta.get(RESOURCE)
        if resource is None:
            return
        keys = getattr(self.crawler.spider, "keys", None)
        assert isinstance(keys, Keys)
        await keys.renew()
        chosen = keys.tokens.choose(resource)
        request.meta[TOKEN] = chosen
        request.headers["Authorization"] = f"Bearer {keys.tokens.tokens[chosen].secret}"


class Keys:
    """The tokens of a crawl, with that of a GitHub App's installation, which expires hourly."""

    def __init__(
        self, access: Access, crawler: Crawler, clock: Callable[[], float] = time.time
    ) -> None:
        self.tokens = Tokens(access.tokens, clock)
        self.access = access
        self.crawler = crawler
        self.clock = clock
        self.renewing = asyncio.Lock()
        self.installed: Token | None = None

    async def renew(self) -> None:
        """Request a token for the installation if none is valid long enough. Raises NoAccess."""
        app = self.access.app
        if app is None:
            return
        async with self.renewing:
            ends = self.installed.ends if self.installed else None
            if ends is not None and self.clock() < ends - RENEWED_BEFORE:
                return
            secret = await self.installation_token(app)
            if self.installed is None:
                self.installed = Token(secret)
                self.tokens.tokens.append(self.installed)
            self.installed.secret = secret
            self.installed.ends = self.clock() + INSTALLATION_SECONDS

    async def installation_token(self, app: App) -> str:
        """Return a token for the installation of an App. Raises NoAccess."""
        installation = app.installation or await self.only_installation(app)
        told = await self.asked(app, f"app/installations/{installation}/access_tokens", "POST")
        secret = told.get("token") if isinstance(told, dict) else None
        if not isinstance(secret, str) or not secret.isascii() or not secret.isprintable():
            raise NoAccess("GitHub gave the App no token that can be used. Crawl again later.")
        return secret

    async def only_installation(self, app: App) -> str:
        """Return the only installation of an App. Raises NoAccess."""
        told = await self.asked(app, "app/installations", "GET")
        numbers = [
            str(each["id"])
            for each in (told if isinstance(told, list) else ())
            if isinstance(each, dict) and isinstance(each.get("id"), int)
        ]
        if len(numbers) != 1:
            raise NoAccess(
                f"The App of GITHUB_APP_ID has {len(numbers)} installations. Set "
                "GITHUB_APP_INSTALLATION to the number of one"
                + (f": {', '.join(numbers[:10])}." if numbers else ", after you installed it.")
            )
        return numbers[0]

    async def asked(self, app: App, path: str, method: str) -> object:
        """Send a request as an App. Raises NoAccess."""
        url = f"{self.access.api_url}/{path}"
        headers = {
            "Authorization": f"Bearer {web_token(app, self.clock())}",
            "Accept": "application/vnd.github+json",
        }
        request = Request(
            url, method=method, headers=headers, dont_filter=True, meta={"dont_redirect": True}
        )
        try:
            response = await self.crawler.engine.download_async(request)
        except Exception as error:
            raise NoAccess(f"{url}: {error}. Check GITHUB_API_URL and the network.") from error
        if response.status not in (200, 201):
            raise NoAccess(
                f"{url}: GitHub answers {response.status} to the App. Check GITHUB_APP_ID, "
                "GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION, and the clock of this machine."
            )
        try:
            told: object = parse_json(response.body)
        except ValueError as error:
            raise NoAccess(f"{url}: no JSON. Check GITHUB_API_URL.") from error
        return told


def web_token(app: App, now: float) -> str:
    """Return a JSON web token that authenticates an App (RFC 7519, RS256)."""
    claims = {
        "iat": int(now) - CLOCK_DIFFERENCE,
        "exp": int(now) + VALID_SECONDS - CLOCK_DIFFERENCE,
        "iss": app.id,
    }
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    signed = ".".join(encoded(json.dumps(each, separators=(",", ":")).encode()) for each in parts)
    return f"{signed}.{encoded(app.key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def encoded(data: bytes) -> str:
    """Return bytes in base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
