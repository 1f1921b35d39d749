"""The crawler's queries against the schema that GitHub publishes, where it is at hand.

`make github-schema` fetches it. It is GitHub's text, so it is no part of this repository; the other
tests use a small schema of our own, which is held against it here.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    parse,
    validate,
)

from crawler.github.api import COUNT, NAMED, SEARCH, TAGS, payload, read_answer, read_search
from tests.peers.github_server import OWN_SCHEMA, Budget, GitHubServer, schema_at
from tests.project import PROJECT

PUBLISHED = PROJECT / "build" / "github-schema" / "schema.graphql"
QUERIES = (SEARCH, COUNT, NAMED, TAGS)

published = pytest.mark.skipif(
    not PUBLISHED.exists(), reason="needs GitHub's published schema: make github-schema"
)


def problems(schema: Path) -> list[str]:
    return [
        error.message for query in QUERIES for error in validate(schema_at(schema), parse(query))
    ]


def test_the_queries_are_valid_against_the_schema_of_the_peer() -> None:
    assert problems(OWN_SCHEMA) == []


@published
def test_the_queries_are_valid_against_the_schema_that_github_publishes() -> None:
    assert problems(PUBLISHED) == []


@published
def test_the_schema_of_the_peer_is_a_part_of_the_one_that_github_publishes() -> None:
    own, whole = schema_at(OWN_SCHEMA), schema_at(PUBLISHED)
    for name, kind in own.type_map.items():
        if name.startswith("__"):
            continue
        found = whole.type_map[name]
        assert type(found) is type(kind), name
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(found, GraphQLObjectType | GraphQLInterfaceType)
            for field, told in kind.fields.items():
                assert str(found.fields[field].type) == str(told.type), f"{name}.{field}"
                for argument, asked in told.args.items():
                    there = found.fields[field].args[argument]
                    assert str(there.type) == str(asked.type), f"{name}.{field}({argument})"
        elif isinstance(kind, GraphQLUnionType):
            assert isinstance(found, GraphQLUnionType)
            assert {each.name for each in kind.types} <= {each.name for each in found.types}
        elif isinstance(kind, GraphQLEnumType):
            assert isinstance(found, GraphQLEnumType)
            assert kind.values.keys() <= found.values.keys()


@published
def test_the_peer_answers_by_the_schema_that_github_publishes_as_by_its_own() -> None:
    answers = []
    for schema in (OWN_SCHEMA, PUBLISHED):
        peer = GitHubServer(schema)
        peer.populate(9, begun=datetime(2020, 1, 1, tzinfo=UTC), step=timedelta(days=1))
        query = payload(SEARCH, query="language:Elixir is:public", size=5, after=None)
        answers.append(read_search(read_answer(peer.graphql(query, Budget()).body)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 7
