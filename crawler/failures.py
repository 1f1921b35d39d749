"""Puts into words why a release is refused."""

import time

from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from corpus.licenses import LicenseVerdict
from corpus.reasons import Reason
from crawler.rate_limits import ASKS_FOR_PATIENCE, asked_wait

GONE = frozenset({404, 410})
NOT_MODIFIED = 304
TAR_BLOCK = 512
TAR_MAGIC = slice(257, 262)


def request_of(failure: Failure) -> Request:
    """Return the request whose errback was given a failure; Scrapy sets it on every one."""
    request: Request = failure.request  # type: ignore[attr-defined]
    return request


def explain(failure: Failure) -> tuple[Reason, str]:
    """Return the reason for a request that brought no usable response, and what happened."""
    match failure.value:
        case HttpError() as error if error.response.status in GONE:
            return Reason.GONE, f"the repository answers {error.response.status}"
        case HttpError() as error if error.response.status == NOT_MODIFIED:
            return Reason.UNAVAILABLE, "the repository answers 304 to a request for everything"
        case HttpError() as error:
            return Reason.UNAVAILABLE, f"the repository answers {error.response.status}"
        case DownloadCancelledError() as error:
            return Reason.ARCHIVE_TOO_LARGE, str(error) or "larger than DOWNLOAD_MAXSIZE"
        case DownloadTimeoutError() as error:
            return Reason.UNAVAILABLE, f"too slow: {sentence(error)}"
        case CannotResolveHostError() | DownloadConnectionRefusedError() as error:
            return Reason.UNAVAILABLE, f"no connection: {sentence(error)}"
        case ResponseDataLossError():
            return Reason.TRUNCATED, "the connection closed before the whole body had come"
        case error:
            return Reason.UNAVAILABLE, f"{type(error).__name__}: {sentence(innermost(error))}"


def what_now(failure: Failure) -> str:
    """Say what failed without which nothing goes on, and what to do about it."""
    asked = asked_patience(failure)
    advice = (
        "Check HEX_REPO_URL and the network."
        if asked is None
        else f"It asks to be left alone for {asked:,.0f} s: crawl again after that."
    )
    return f"{request_of(failure).url}: {explain(failure)[1]}. {advice}"


def asks_for_more(failure: Failure, longest: float) -> str | None:
    """Say so where the host asked to be left alone for more than `longest` seconds."""
    asked = asked_patience(failure)
    return what_now(failure) if asked is not None and asked > longest else None


def asked_patience(failure: Failure) -> float | None:
    """Return the seconds for which the host asked to be left alone, or None if it did not."""
    error = failure.value
    if isinstance(error, HttpError) and error.response.status in ASKS_FOR_PATIENCE:
        return asked_wait(error.response.headers, time.time())
    return None


def innermost(error: BaseException | None) -> object:
    """Return what lies behind an error of Scrapy's that only wraps Twisted's."""
    cause = getattr(error, "__cause__", None) or error
    reasons = getattr(cause, "reasons", None)
    return reasons[0].value if reasons else cause


def sentence(error: object) -> str:
    """Return an error's message without its last full stop; ours follows."""
    return str(error).rstrip(".")


def appearance(body: bytes) -> str:
    """Say in a few words what a body that should be a tarball looks like."""
    start = body[:TAR_BLOCK].lstrip().lower()
    if not body:
        return "an empty body"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith((b"<?xml", b"{")):
        return "an error message"
    if body[TAR_MAGIC] != b"ustar":
        return "no tarball"
    if not body.endswith(bytes(2 * TAR_BLOCK)):
        return "a truncated tarball"
    return "another tarball"


def licensing(verdict: LicenseVerdict) -> str:
    """Say which licence was judged, and how."""
    return f"{verdict.expression}: {verdict.detail}" if verdict.expression else verdict.detail
