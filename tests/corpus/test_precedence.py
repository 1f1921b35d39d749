from hypothesis import given
from hypothesis import strategies as st

from corpus.precedence import in_order

Graph = dict[int, set[int]]
GRAPHS = st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 11)), max_size=10)


def test_what_is_needed_comes_first() -> None:
    needs = {"phoenix": ["plug", "phoenix_pubsub"], "plug": ["mime"], "bandit": ["plug"]}
    members = ["bandit", "mime", "phoenix", "phoenix_pubsub", "plug"]
    assert in_order(members, needs) == ["mime", "phoenix_pubsub", "plug", "bandit", "phoenix"]


def test_members_without_needs_keep_the_order_that_is_preferred() -> None:
    assert in_order(["c", "a", "b"], {}) == ["c", "a", "b"]


def test_what_others_mention_comes_first_where_needs_allow_it() -> None:
    needs = {"server": ["wire"], "wire": ["client"]}
    mentions = {"client": ["server", "codec"], "codec": []}
    members = ["client", "codec", "server", "wire"]
    assert in_order(members, needs, mentions) == ["codec", "client", "wire", "server"]


def test_a_cycle_is_broken_where_the_fewest_needs_are_not_met() -> None:
    needs = {"a": ["b", "c"], "b": ["a"], "c": ["b"], "user": ["a"]}
    assert in_order(["user", "a", "b", "c"], needs) == ["b", "c", "a", "user"]


def test_what_depends_on_a_cycle_comes_after_all_of_it() -> None:
    needs = {"first": ["x"], "x": ["y", "z"], "y": ["x", "z"], "z": ["x", "y"]}
    assert in_order(["first", "x", "y", "z"], needs)[-1] == "first"


def test_needs_of_strangers_and_of_oneself_are_ignored() -> None:
    assert in_order(["a", "b"], {"a": ["a", "stranger"], "stranger": ["b"]}) == ["a", "b"]


def test_a_chain_of_ten_thousand_needs_no_recursion() -> None:
    members = list(range(10_000))
    needs = {place: [place + 1] for place in members}
    assert in_order(members, needs) == members[::-1]


@given(GRAPHS, GRAPHS)
def test_only_needs_within_a_cycle_are_not_met(needs: Graph, mentions: Graph) -> None:
    members = list(range(10))
    order = in_order(members, needs, mentions)
    assert sorted(order) == members
    reached = {member: reached_from(member, needs) for member in members}
    for member in members:
        for other in needs.get(member, set()) & set(members):
            if member not in reached[other]:
                assert order.index(other) < order.index(member)


@given(GRAPHS)
def test_cycles_are_not_interrupted(needs: Graph) -> None:
    members = list(range(10))
    order = in_order(members, needs)
    reached = {member: reached_from(member, needs) for member in members}
    for member in members:
        cycle = {other for other in reached[member] if member in reached[other]} | {member}
        places = sorted(order.index(other) for other in cycle)
        assert places == list(range(places[0], places[0] + len(cycle)))


def reached_from(member: int, needs: Graph) -> set[int]:
    """Return all members of 0 to 9 that a path of needs leads to."""
    found, waiting = set[int](), [member]
    while waiting:
        for other in needs.get(waiting.pop(), ()):
            if other < 10 and other not in found:
                found.add(other)
                waiting.append(other)
    return found
