"""Arguments and settings of the spider `github`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.arguments import InvalidArgument
from crawler.github.api import MalformedAnswer, read_answer, read_repository, read_search
from crawler.github.order import Order, read_access, read_order


def test_without_arguments_both_languages_are_searched_for_what_is_public_and_no_copy() -> None:
    assert read_order({}) == Order(
        searches=(
            "language:Elixir is:public mirror:false",
            "language:Erlang is:public mirror:false",
        )
    )


def test_arguments_become_qualifiers() -> None:
    order = read_order(
        {
            "languages": "elixir",
            "min_stars": "10",
            "pushed_after": "2024-01-31",
            "topics": "phoenix, liveview",
            "owners": "ada,erlang-ltd",
            "forks": "yes",
            "archived": "no",
            "mirrors": "yes",
            "templates": "no",
            "limit": "7",
        }
    )
    more = (
        "is:public fork:true archived:false template:false stars:>=10 pushed:>=2024-01-31 "
        "topic:phoenix topic:liveview"
    )
    assert order == Order(
        searches=(f"language:Elixir user:ada {more}", f"language:Elixir user:erlang-ltd {more}"),
        limit=7,
    )


def test_named_repositories_are_owners_and_names() -> None:
    order = read_order({"repositories": "elixir-lang/elixir, erlang/otp,erlang/otp"})
    assert order == Order(named=(("elixir-lang", "elixir"), ("erlang", "otp")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"stars": "5"}, "stars: no such argument"),
        ({"languages": "elixir,rust"}, "expected elixir, erlang or both, found 'rust'"),
        ({"min_stars": "-1"}, "min_stars: expected a whole number from 0"),
        ({"pushed_after": "2024-13-01"}, "pushed_after: expected a day such as 2024-01-31"),
        ({"topics": "a created:2020-01-01..2021-01-01"}, "topics: 'a created"),
        ({"topics": ","}, "topics: give at least one"),
        ({"owners": "ada user:eve"}, "owners: 'ada user:eve' is not valid"),
        ({"owners": "-ada"}, "owners: '-ada' is not valid"),
        ({"repositories": "elixir"}, "repositories: 'elixir' is not OWNER/NAME"),
        ({"repositories": "a/b/c"}, "repositories: 'a/b/c' is not OWNER/NAME"),
        ({"repositories": "a/.."}, "is not OWNER/NAME"),
        ({"repositories": "a/b", "min_stars": "3"}, "min_stars: it narrows a search"),
        ({"forks": "maybe"}, "forks: expected yes or no"),
        ({"limit": "0"}, "limit: expected a whole number from 1"),
    ],
)
def test_an_argument_that_cannot_be_used_is_told(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said.replace(".", r"\.")):
        read_order(arguments)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"GITHUB_TOKEN": "a b"}, "GITHUB_TOKEN: a token has no blank"),
        ({"GITHUB_TOKEN": "a\n"}, None),
        ({"GITHUB_TOKEN": "ä"}, "GITHUB_TOKEN: a key may have only printable ASCII"),
        ({"GITHUB_TOKEN": "x", "GITHUB_PAGE_SIZE": "101"}, "GitHub allows 100"),
        ({"GITHUB_TOKEN": "x", "GITHUB_LARGEST_KB": "much"}, "GITHUB_LARGEST_KB: expected"),
        ({"GITHUB_TOKEN": "x", "GITHUB_API_URL": "api"}, "GITHUB_API_URL: expected an address"),
        ({"GITHUB_APP_ID": "1"}, "GITHUB_APP_PRIVATE_KEY: '' is no private key"),
        ({"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "/none"}, "'/none' is no private key"),
        ({"GITHUB_APP_PRIVATE_KEY": "/none"}, "GITHUB_APP_ID: expected the id"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(settings: dict[str, str], said: str | None) -> None:
    if said is None:
        assert read_access(settings).tokens == ("a",)
        return
    with pytest.raises(InvalidArgument, match=said):
        read_access(settings)


def test_tokens_are_in_no_text_of_what_was_read(tmp_path: Path) -> None:
    access = read_access({"GITHUB_TOKEN": "ghp_one,ghp_two,ghp_one"})
    assert access.tokens == ("ghp_one", "ghp_two")
    assert "ghp_" not in repr(access)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("search", "nodes", "repositoryCount", "pageInfo", "endCursor", "hasNextPage"),
                    *("defaultBranchRef", "target", "oid", "databaseId", "nameWithOwner", "data"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_an_answer_of_any_shape_is_read_or_refused(told: object) -> None:
    from json import dumps

    try:
        answer = read_answer(dumps({"data": told, "errors": [told]}).encode())
        count, results, _ = read_search(answer)
    except MalformedAnswer:
        return
    assert count >= 0
    assert all(each is None or each.id >= 0 for each in results)


@given(JSON)
def test_a_repository_of_any_shape_is_refused(told: object) -> None:
    with pytest.raises(MalformedAnswer):
        read_repository(told)
