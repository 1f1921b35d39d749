"""A search is read completely: divided by time, held against GitHub's counts, read again."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.github.api import (
    COUNT,
    SEARCH,
    Found,
    payload,
    read_answer,
    read_repository,
    read_search,
)
from crawler.github.search import (
    FIRST_REPOSITORY,
    Ask,
    Page,
    Range,
    Reply,
    Survey,
    TooExpensive,
)
from tests.peers.github_server import Budget, GitHubServer, Repository, node

BEGUN = datetime(2012, 1, 1, tzinfo=UTC)
END = datetime(2026, 11, 30, tzinfo=UTC)
WHOLE = Range(FIRST_REPOSITORY, END)
ELIXIR = "language:Elixir is:public mirror:false"


def read(
    survey: Survey, answer: Callable[[Ask], Reply], most: int = 5_000
) -> tuple[set[int], list[Ask]]:
    """Let a survey ask to its end; return what it found, and what it asked for."""
    found, asked = set[int](), list[Ask]()
    steps = survey.steps()
    ask = next(steps)
    try:
        while len(asked) < most:
            asked.append(ask)
            reply = answer(ask)
            if isinstance(reply, Page):
                found |= {each.id for each in reply.found}
            ask = steps.send(reply)
    except StopIteration:
        return found, asked
    raise AssertionError(f"more than {most} questions")


def from_peer(peer: GitHubServer) -> Callable[[Ask], Reply]:
    """Return what a peer answers to the queries of the crawler."""

    def answer(ask: Ask) -> Reply:
        variables = {"size": ask.size, "after": ask.after} if ask.size else {}
        body = payload(SEARCH if ask.size else COUNT, query=ask.query, **variables)
        count, results, after = read_search(read_answer(peer.graphql(body, Budget()).body))
        return Page(count, [each for each in results if each], 0, after)

    return answer


def facts(number: int) -> Found:
    return read_repository(node(Repository(id=number, name=f"a/r{number}")))


FACTS = [facts(number) for number in range(40)]


def host(times: Iterable[datetime]) -> Callable[[Ask], Reply]:
    """Return a search of repositories that were made at these times."""
    made = list(times)

    def answer(ask: Ask) -> Reply:
        first, last = map(datetime.fromisoformat, ask.query.rpartition("created:")[2].split(".."))
        inside = [FACTS[n] for n, time in enumerate(made) if first <= time <= last]
        start = int(ask.after or 0)
        page = inside[start : start + ask.size]
        more = str(start + ask.size) if ask.size and start + ask.size < len(inside) else None
        return Page(len(inside), page, 0, more)

    return answer


def test_thirty_thousand_repositories_are_found_completely() -> None:
    peer = GitHubServer()
    peer.populate(30_000, begun=BEGUN, step=timedelta(hours=4))
    found = set[int]()
    for language in ("Elixir", "Erlang"):
        survey = Survey(f"language:{language} is:public mirror:false", WHOLE, 100)
        ids, asked = read(survey, from_peer(peer))
        assert survey.is_complete
        assert survey.total == len(ids) == survey.results
        assert found.isdisjoint(ids)
        assert len(asked) < 500
        assert all(each.count <= 1_000 for each in survey.read.values())
        found |= ids
    assert found == set(range(1, 30_001))


def test_the_ranges_of_a_search_are_all_of_its_time_and_have_nothing_in_common() -> None:
    peer = GitHubServer()
    peer.populate(3_500, begun=BEGUN, step=timedelta(seconds=1))
    survey = Survey(ELIXIR, WHOLE, 100)
    read(survey, from_peer(peer))
    ranges = sorted(survey.read)
    assert (ranges[0].first, ranges[-1].last) == (WHOLE.first, WHOLE.last)
    for one, other in pairwise(ranges):
        assert other.first - one.last == timedelta(seconds=1)


def test_a_query_has_one_range_of_times() -> None:
    peer = GitHubServer()
    peer.populate(1_500, begun=BEGUN, step=timedelta(hours=1))
    _, asked = read(Survey(ELIXIR, WHOLE, 50), from_peer(peer))
    assert {ask.query.count("created:") for ask in asked} == {1}
    assert asked[0] == Ask(
        "language:Elixir is:public mirror:false created:2007-10-01T00:00:00Z..2026-11-30T00:00:00Z",
        0,
    )


def test_a_repository_that_appears_while_a_range_is_read_is_found() -> None:
    peer = GitHubServer()
    peer.populate(300, begun=BEGUN, step=timedelta(hours=1))
    answer, number = from_peer(peer), 0

    def moving(ask: Ask) -> Reply:
        nonlocal number
        number += 1
        if number == 4:  # the first of the range, so all pages move by one
            peer.put(Repository(id=9_999, name="new/one", created=BEGUN - timedelta(days=1)))
        return answer(ask)

    survey = Survey(ELIXIR, WHOLE, 50)
    found, _ = read(survey, moving)
    assert 9_999 in found
    assert survey.is_complete
    assert len(found) == survey.total == len(peer.results(ELIXIR))


def test_a_range_that_changed_after_it_was_read_is_read_again() -> None:
    peer = GitHubServer()
    peer.populate(2_500, begun=BEGUN, step=timedelta(hours=1))
    answer, late = from_peer(peer), Repository(id=9_999, name="late/one", created=BEGUN)
    survey = Survey(ELIXIR, WHOLE, 100)

    def moving(ask: Ask) -> Reply:
        if survey.results > 1_500:
            peer.put(late)
        return answer(ask)

    found, _ = read(survey, moving)
    assert 9_999 in found
    assert survey.is_complete


def test_a_page_that_takes_too_much_is_halved_until_it_does_not() -> None:
    peer = GitHubServer()
    peer.populate(30, begun=BEGUN, step=timedelta(hours=1))
    answer = from_peer(peer)
    survey = Survey(ELIXIR, WHOLE, 50)
    found, asked = read(survey, lambda ask: TooExpensive() if ask.size > 12 else answer(ask))
    assert [ask.size for ask in asked] == [0, 50, 25, 12, 12, 12, 0]
    assert len(found) == 25
    assert survey.is_complete


def test_a_search_that_is_never_answered_ends_and_is_not_complete() -> None:
    survey = Survey(ELIXIR, Range(END, END), 50)
    found, _ = read(survey, lambda ask: TooExpensive())
    assert (found, survey.is_complete) == (set(), False)


def test_a_count_that_the_results_never_reach_is_told() -> None:
    survey = Survey(ELIXIR, WHOLE, 50)
    _, asked = read(survey, lambda ask: Page(3, FACTS[:2] if ask.size else ()))
    assert (survey.total, survey.results, survey.is_complete) == (3, 2, False)
    assert len(asked) < 50


def test_results_that_are_counted_and_not_shown_count_as_read() -> None:
    survey = Survey(ELIXIR, WHOLE, 50)
    read(survey, lambda ask: Page(3, FACTS[:2], 1) if ask.size else Page(3))
    assert survey.is_complete


def test_more_than_a_thousand_in_one_second_are_read_as_far_as_they_are_shown() -> None:
    peer = GitHubServer()
    peer.populate(1_300, begun=BEGUN, step=timedelta(0))
    survey = Survey(ELIXIR, WHOLE, 100)
    found, _ = read(survey, from_peer(peer))
    assert (len(found), survey.total, survey.is_complete) == (1_000, 1_114, False)


TIMES = st.datetimes(datetime(2007, 10, 1), datetime(2026, 11, 29)).map(
    lambda time: time.replace(microsecond=0, tzinfo=UTC)
)


@settings(deadline=None, max_examples=50)
@given(st.lists(TIMES, max_size=40), st.integers(1, 9), st.integers(2, 30))
def test_whenever_repositories_were_made_all_are_found(
    times: list[datetime], page: int, most: int
) -> None:
    survey = Survey(ELIXIR, WHOLE, page, most_results=most)
    found, _ = read(survey, host(times))
    if max(map(times.count, times), default=0) <= most:
        assert survey.is_complete
        assert found == set(range(len(times)))


@given(TIMES, TIMES)
def test_the_halves_of_a_range_are_the_range(one: datetime, other: datetime) -> None:
    whole = Range(*sorted((one, other)))
    if whole.is_divisible:
        first, last = whole.halves()
        assert (first.first, last.last) == (whole.first, whole.last)
        assert last.first - first.last == timedelta(seconds=1)
        assert first.first <= first.last
        assert last.first <= last.last
