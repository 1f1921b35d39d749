"""What the crawler says: of bodies, failures and itself."""

import pytest
from scrapy.exceptions import DownloadTimeoutError, IgnoreRequest, ResponseDataLossError
from scrapy.http import Request, Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from corpus.reasons import Reason, Reject, Stage
from crawler.contact import advice, user_agent
from crawler.failures import appearance, explain
from crawler.patience import KEY_SETTING
from demo.hex_tarball import pack

TARBALL = pack({"name": "a", "version": "1.0.0"}, {"a.ex": b""})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty body"),
        (b"\n <!DOCTYPE HTML><title>x</title>", "an HTML page"),
        (b"<html>", "an HTML page"),
        (b"<?xml version='1.0'?><Error/>", "an error message"),
        (b'{"message": "not found"}', "an error message"),
        (b"\x1f\x8b\x08", "no tarball"),
        (TARBALL[:600], "a truncated tarball"),
        (TARBALL, "another tarball"),
    ],
)
def test_a_body_is_described_by_its_looks(body: bytes, words: str) -> None:
    assert appearance(body) == words


def status(code: int) -> HttpError:
    return HttpError(
        Response("https://hex.test/x", status=code, request=Request("https://hex.test/x"))
    )


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (status(404), Reason.GONE, "the repository answers 404"),
        (status(410), Reason.GONE, "the repository answers 410"),
        (
            status(304),
            Reason.UNAVAILABLE,
            "the repository answers 304 to a request for everything",
        ),
        (status(500), Reason.UNAVAILABLE, "the repository answers 500"),
        (DownloadTimeoutError("took 5 s"), Reason.UNAVAILABLE, "too slow: took 5 s"),
        (IgnoreRequest("20 redirects"), Reason.UNAVAILABLE, "IgnoreRequest: 20 redirects"),
        (
            ResponseDataLossError(),
            Reason.TRUNCATED,
            "the connection closed before the whole body had come",
        ),
    ],
)
def test_a_failure_has_a_reason(error: Exception, reason: Reason, words: str) -> None:
    assert explain(Failure(error)) == Reject(Stage.CRAWL, reason, words)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("code", "meta", "headers", "words"),
    [
        (401, {}, {}, "answers 401: it does not let us in, and a mirror is never sent a key"),
        (
            403,
            {KEY_SETTING: "HEX_REPOS_KEY"},
            {},
            "answers 403: it wants a key, or does not serve this client. "
            "Set HEX_REPOS_KEY to a key",
        ),
        (
            401,
            {KEY_SETTING: "HEX_API_KEY"},
            {"Authorization": "sesame"},
            "answers 401: the key in HEX_API_KEY is wrong, out of date or not for this repository",
        ),
    ],
)
def test_who_is_not_let_in_is_told_which_setting_is_missing_and_never_the_key(
    code: int, meta: dict[str, str], headers: dict[str, str], words: str
) -> None:
    request = Request("https://hex.test/x", meta=meta, headers=headers)
    error = HttpError(Response("https://hex.test/x", status=code, request=request))
    failure = Failure(error)  # type: ignore[no-untyped-call]
    assert explain(failure) == Reject(Stage.CRAWL, Reason.UNAVAILABLE, f"the repository {words}")


def test_the_user_agent_carries_the_contact() -> None:
    assert user_agent("mailto:me@home.test").endswith(" (+mailto:me@home.test)")


def test_a_crawl_of_another_s_server_without_a_contact_is_warned() -> None:
    assert advice("elixir-corpus/1", "https://repo.hex.pm") == (
        "The User-Agent has no contact for the operators of repo.hex.pm. Set "
        "CRAWLER_CONTACT to your address or page, such as CRAWLER_CONTACT=you@example.org."
    )
    assert advice("elixir-corpus/1 (+https://home.test)", "https://repo.hex.pm") is None
    assert advice("elixir-corpus/1", "http://127.0.0.1:4000") is None
    assert advice("elixir-corpus/1", "http://localhost:4000") is None
