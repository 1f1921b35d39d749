"""What goes wrong at GitHub: each ends in a whole crawl, or in a sentence and an exit status."""

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from scrapy.http import Request, Response

from crawler.github.access import (
    GRAPHQL,
    RESOURCE,
    REST,
    GitHubManners,
    Tokens,
)
from crawler.github.access import (
    TOKEN as TOKEN_KEY,
)
from crawler.patience import Asked
from crawler.spiders.github import GitHubSpider
from tests.crawler.crawling import GitHubCrawl
from tests.peers.github_server import OWN_SCHEMA, TOKEN, GitHubServer, serving_github, told
from tests.peers.hex_repository_server import RESET, Answer

SLOW = b'{"errors": [{"message": "You have exceeded a secondary rate limit."}]}'
JSON = {"Content-Type": "application/json; charset=utf-8"}


def fill(peer: GitHubServer, number: int = 20) -> None:
    """Add repositories, each with a commit of its own."""
    for place in range(number):
        peer.add(f"ada/r{place}", salt=str(place))


def sizes(peer: GitHubServer) -> list[int]:
    """Return the sizes of the pages that were asked for."""
    return [each.variables["size"] for each in peer.log if "size" in each.variables]


def test_limits_are_waited_for_and_never_crossed(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    fill(github, 12)
    github.points, github.hour = 4, 0.6
    outcome = github_crawl("languages=elixir", GITHUB_PAGE_SIZE="2")
    assert outcome.status == 0, outcome.errors
    assert len(github_crawl.stored()) == 12
    assert not any(access.is_over for access in github.log)
    assert "its host is paused" in outcome.errors


def test_the_delays_stay_below_the_limits_that_github_documents() -> None:
    given = GitHubSpider.custom_settings
    slots = given["DOWNLOAD_SLOTS"]
    assert isinstance(slots, dict)
    assert (slots["github-graphql"]["concurrency"], slots["github-rest"]["concurrency"]) == (1, 1)
    # 5,000 requests an hour, 2,000 queries and 900 other requests a minute. The points of an hour
    # are watched besides.
    assert 3_600 / slots["github-rest"]["delay"] <= 5_000
    assert 60 / slots["github-graphql"]["delay"] <= 2_000
    assert 60 / slots["github-rest"]["delay"] <= 900
    assert {slot["jitter"] for slot in slots.values()} == {0}
    assert given["AUTOTHROTTLE_ENABLED"] is False


def test_answers_that_turn_a_query_away_are_asked_again_later(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    fill(github, 5)
    github.hour = 1.0
    github.fail("RATE_LIMITED", "API rate limit exceeded", times=2)
    github.answer("graphql", 200, body=SLOW, headers={**JSON, "Retry-After": "0.2"})
    github.answer("graphql", 403, body=SLOW, headers={**JSON, "Retry-After": "0.1"})
    github.answer("graphql", 429, headers={"Retry-After": "0.1"})
    github.answer("graphql", 502)
    github.faults["graphql"].append(RESET)
    github.answer("tarball", 403, body=SLOW, headers={**JSON, "Retry-After": "0.1"})
    github.answer("archive", 503)
    outcome = github_crawl("languages=elixir")
    assert outcome.status == 0, outcome.errors
    assert len(github_crawl.stored()) == 5
    assert len(github.asked("archive")) == 6


def test_a_query_that_takes_too_much_is_halved(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    fill(github, 5)
    github.nodes = 21 * 12
    assert github_crawl("languages=elixir", "fetch=no").status == 0
    assert sizes(github) == [50, 25, 12]

    github.forget()
    github.nodes = 10_000
    count = github.asked("graphql")
    assert count == []
    # GitHub's timeouts: the second answer is the first page.
    proper = told(200, data={"search": {"repositoryCount": 5}, "rateLimit": None})
    github.faults["graphql"] = [proper, *[Answer(status=504)] * 4]
    assert github_crawl("languages=elixir", "fetch=no").status == 0
    assert sizes(github) == [25]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            told(401, message="Bad credentials"),
            "answers 401: the key in GITHUB_TOKEN is wrong, out of date or not for this repository",
        ),
        (
            told(200, data=None, errors=[{"type": "INSUFFICIENT_SCOPES", "message": "Needs x."}]),
            "the token of GITHUB_TOKEN may not search: Needs x.",
        ),
        (Answer(body=b"<html>Sign in</html>"), "the answer is not as expected: no JSON"),
        (told(403, message="Access denied by a proxy"), "answers 403. Access denied by a proxy"),
        (
            told(200, data={"search": {"repositoryCount": "many"}}),
            "the answer is not as expected: repositoryCount is no number",
        ),
    ],
    ids=["401", "scope", "page", "403", "number"],
)
def test_what_a_person_has_to_mend_ends_the_crawl_with_a_sentence(
    github: GitHubServer, github_crawl: GitHubCrawl, answer: Answer, said: str
) -> None:
    fill(github, 1)
    github.lasting["graphql"] = answer
    outcome = github_crawl()
    assert outcome.status == 1
    assert said in outcome.errors
    assert "Traceback" not in outcome.errors
    assert TOKEN not in outcome.errors
    assert len(github.log) == 1


def test_a_field_that_github_has_no_more_ends_the_crawl_with_its_name(tmp_path: Path) -> None:
    schema = tmp_path / "schema.graphql"
    schema.write_text(OWN_SCHEMA.read_text().replace("  stargazerCount: Int!\n", ""))
    with serving_github(GitHubServer(schema)) as peer:
        fill(peer, 1)
        outcome = GitHubCrawl(peer, tmp_path)()
    assert outcome.status == 1
    assert "Cannot query field 'stargazerCount' on type 'Repository'" in outcome.errors
    assert "GitHub's schema may have changed" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_archives_that_are_not_what_they_should_be_are_refused_and_asked_for_again(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    fill(github, 5)
    github.faults["archive"] = [
        Answer(body=b"<html>", headers={"Content-Type": "text/html"}),
        Answer(status=404),
        Answer(status=403),
    ]
    github.faults["tarball"] = [
        Answer(status=302, headers={"Location": "ftp://elsewhere.test/a"}),
        told(409, message="Git Repository is empty."),
    ]
    one = {"CONCURRENT_REQUESTS": "1"}
    outcome = github_crawl("languages=elixir", **one)
    assert outcome.status == 3
    reasons = sorted(row.reject.reason for row in github_crawl.store.rejects())
    assert reasons == ["empty_repository", "gone", "not_a_tarball", "unavailable", "unavailable"]
    assert github_crawl.stored() == []

    again = github_crawl("languages=elixir", **one)
    assert again.status == 0, again.errors
    # What GitHub did not deliver comes; what it delivered stays refused until the commit changes.
    assert len(github_crawl.stored()) == 3
    for place in range(5):
        github.change(f"ada/r{place}", salt="changed")
    assert github_crawl("languages=elixir", **one).status == 0
    assert len(github_crawl.stored()) == 5
    assert github_crawl.store.rejects() == []


def test_a_host_that_breaks_down_ends_the_crawl_and_the_next_one_goes_on(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    fill(github)
    github.down_after = 12
    settings = {"RATE_LIMIT_FIRST_WAIT": "0.02", "RATE_LIMIT_TIMES": "1", "RETRY_TIMES": "1"}
    outcome = github_crawl("languages=elixir", **settings)
    assert outcome.status == 3, outcome.errors
    assert "Traceback" not in outcome.errors
    begun = len(github_crawl.stored())
    assert 0 < begun < 20
    github.down_after = None
    assert github_crawl("languages=elixir").status == 0
    assert len(github_crawl.stored()) == 20
    served = [each.path for each in github.log if (each.kind, each.status) == ("archive", 200)]
    assert sorted(served) == sorted(set(served))


def test_several_tokens_are_used_one_after_another(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    fill(github, 6)
    github.tokens.add("ghp_second")
    github.points = 6
    outcome = github_crawl(
        "languages=elixir", GITHUB_TOKEN=f"{TOKEN}, ghp_second", GITHUB_PAGE_SIZE="1"
    )
    assert outcome.status == 0, outcome.errors
    assert not any(access.is_over for access in github.log)
    used = {access.authorization for access in github.log if access.kind == "graphql"}
    assert used == {f"Bearer {TOKEN}", "Bearer ghp_second"}


def test_an_app_gets_a_token_for_its_installation(
    github: GitHubServer, github_crawl: GitHubCrawl, key: RSAPrivateKey, tmp_path: Path
) -> None:
    fill(github, 1)
    pem = tmp_path / "app.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    github.app = "12345", key.public_key(), (77,)
    settings = {"GITHUB_TOKEN": "", "GITHUB_APP_ID": "12345", "GITHUB_APP_PRIVATE_KEY": str(pem)}
    outcome = github_crawl("languages=elixir", **settings)
    assert outcome.status == 0, outcome.errors
    assert len(github_crawl.stored()) == 1
    assert github.asked("app") == ["/app/installations", "/app/installations/77/access_tokens"]

    github.app = "12345", key.public_key(), (77, 78)
    several = github_crawl("languages=elixir", **settings)
    assert several.status == 1
    assert "has 2 installations. Set GITHUB_APP_INSTALLATION to the number of one: 77, 78" in (
        several.errors
    )
    other = github_crawl("languages=elixir", **{**settings, "GITHUB_APP_ID": "999"})
    assert other.status == 1
    assert "GitHub answers 401 to the App. Check GITHUB_APP_ID" in other.errors


def test_without_a_token_the_crawl_does_not_begin(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    outcome = github_crawl(GITHUB_TOKEN="")
    assert outcome.status == 2
    assert "GITHUB_TOKEN: GitHub's search answers nobody without a token" in outcome.errors
    assert github.log == []


# What answers ask for

NOW = 1_800_000_000.0


def response(status: int, body: bytes = b"", resource: str = REST, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("https://api.test/x", meta={RESOURCE: resource, TOKEN_KEY: 0})
    return Response("https://api.test/x", status, headers=named, body=body, request=request)


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (response(200), None),
        (response(403, b'{"message": "Resource not accessible"}'), None),
        (response(403, SLOW, retry_after="7"), Asked(7.0)),
        (response(403, b'{"message": "secondary rate limit"}'), Asked(60.0, doubles=True)),
        (response(429), Asked(60.0, doubles=True)),
        (response(429, retry_after="Fri, 15 Jan 2027 08:01:30 GMT"), Asked(90.0)),
        (response(429, retry_after="soon"), Asked(60.0, doubles=True)),
        (response(403, x_ratelimit_remaining="0", x_ratelimit_reset="1800000090"), Asked(90.0)),
        (response(200, SLOW, GRAPHQL, retry_after="9"), Asked(9.0)),
        (response(200, SLOW, GRAPHQL), Asked(60.0, doubles=True)),
        (
            response(
                200,
                b'{"data": null, "errors": [{"type": "RATE_LIMITED"}]}',
                GRAPHQL,
                x_ratelimit_reset="1800000030",
            ),
            Asked(30.0),
        ),
        (response(503, retry_after="5"), Asked(5.0, is_about_us=False)),
        (response(502), None),
    ],
)
def test_an_answer_asks_for_what_github_documents(answer: Response, asked: Asked | None) -> None:
    assert answer.request
    manners = GitHubManners(Tokens(("one",), lambda: NOW))
    assert manners.asked(answer.request, answer, NOW) == asked


def test_nothing_is_waited_for_while_another_token_has_something_left() -> None:
    tokens = Tokens(("one", "two"), lambda: NOW)
    manners = GitHubManners(tokens)
    answer = response(200, x_ratelimit_remaining="0", x_ratelimit_reset="1800000090")
    assert answer.request
    assert manners.pause_after(answer.request, answer, NOW) is None
    assert (tokens.choose(REST), tokens.choose(GRAPHQL)) == (1, 0)
    assert tokens.spend(1, REST, 30.0) == 30.0
    assert tokens.choose(REST) == 1


def test_a_token_is_in_no_text_that_may_be_shown() -> None:
    tokens = Tokens(("ghp_secret",), time.time)
    assert "ghp_secret" not in repr(tokens.tokens)
