"""Descriptions of why a release is refused."""

import time

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
from corpus.reasons import Reason, Reject, Stage
from crawler.patience import (
    ADDRESS_SETTING,
    KEY_SETTING,
    NO_ACCESS,
    TOO_MANY_REQUESTS,
    access,
    request_of,
    told_to_wait,
)

GONE = frozenset({404, 410})
NOT_MODIFIED = 304
TAR_BLOCK = 512
TAR_MAGIC = slice(257, 262)


def explain(failure: Failure) -> Reject:
    """Return why a request brought no usable response."""
    match failure.value:
        case HttpError() as error if error.response.status in GONE:
            return Reject(
                Stage.CRAWL, Reason.GONE, f"the repository answers {error.response.status}"
            )
        case HttpError() as error if error.response.status == NOT_MODIFIED:
            return Reject(
                Stage.CRAWL,
                Reason.UNAVAILABLE,
                "the repository answers 304 to a request for everything",
            )
        case HttpError() as error if error.response.status in NO_ACCESS:
            return Reject(Stage.CRAWL, Reason.UNAVAILABLE, f"the repository {access(failure)}")
        case HttpError() as error:
            return Reject(
                Stage.CRAWL, Reason.UNAVAILABLE, f"the repository answers {error.response.status}"
            )
        case DownloadCancelledError() as error:
            return Reject(
                Stage.CRAWL, Reason.ARCHIVE_TOO_LARGE, str(error) or "larger than DOWNLOAD_MAXSIZE"
            )
        case DownloadTimeoutError() as error:
            return Reject(Stage.CRAWL, Reason.UNAVAILABLE, f"too slow: {sentence(error)}")
        case CannotResolveHostError() | DownloadConnectionRefusedError() as error:
            return Reject(Stage.CRAWL, Reason.UNAVAILABLE, f"no connection: {sentence(error)}")
        case ResponseDataLossError():
            return Reject(
                Stage.CRAWL,
                Reason.TRUNCATED,
                "the connection closed before the whole body had come",
            )
        case error:
            return Reject(
                Stage.CRAWL,
                Reason.UNAVAILABLE,
                f"{type(error).__name__}: {sentence(innermost(error))}",
            )


def what_now(failure: Failure) -> str:
    """Return which failure ends the crawl, and what to do about it."""
    said = f"{request_of(failure).url}: {explain(failure).detail}."
    asked = told_to_wait(failure, time.time())
    if asked is not None:
        return f"{said} It asks to wait for {asked:,.0f} s: crawl again after that."
    return said if is_barred(failure) else f"{said} {advice(failure)}"


def advice(failure: Failure) -> str:
    """Return what to check after a failure."""
    error, meta = failure.value, request_of(failure).meta
    setting = meta.get(ADDRESS_SETTING, "HEX_REPO_URL")
    if not isinstance(error, HttpError):
        return f"Check {setting} and the network."
    if error.response.status >= 500:
        return f"The repository does not work correctly: crawl again later, or check {setting}."
    if error.response.status in GONE and KEY_SETTING in meta:
        # An organisation of hex.pm answers in this way to requests without a key.
        return f"Check {setting}, and {meta[KEY_SETTING]} for a repository that is not public."
    return f"Check {setting}."


def is_barred(failure: Failure) -> bool:
    """Return whether the answer is 401 or 403."""
    error = failure.value
    return isinstance(error, HttpError) and error.response.status in NO_ACCESS


def asks_for_more(failure: Failure, longest: float) -> str | None:
    """Return a message if the host limits the rate and asks to wait more than `longest` seconds.

    429 concerns this client. 503 may concern one address only, and the next may succeed.
    """
    error = failure.value
    if not (isinstance(error, HttpError) and error.response.status == TOO_MANY_REQUESTS):
        return None
    asked = told_to_wait(failure, time.time())
    return what_now(failure) if asked is not None and asked > longest else None


def innermost(error: BaseException | None) -> object:
    """Return the cause of an error of Scrapy that wraps one of Twisted."""
    cause = getattr(error, "__cause__", None) or error
    reasons = getattr(cause, "reasons", None)
    return reasons[0].value if reasons else cause


def sentence(error: object) -> str:
    """Return an error's message without its final full stop."""
    return str(error).rstrip(".")


def appearance(body: bytes) -> str:
    """Describe briefly a body that should be a tarball."""
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
    """Return which licence was judged, and the judgement."""
    return f"{verdict.expression}: {verdict.detail}" if verdict.expression else verdict.detail
