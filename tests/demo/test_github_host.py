"""The demo's GitHub against the peer that executes queries, and over HTTP."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from corpus.sources import snapshot
from crawler.github.api import COUNT, NAMED, SEARCH, payload
from demo.github_archive import Tree
from demo.github_host import TOKEN, Repository, answered, port_for, serve_github
from tests.peers import github_server
from tests.peers.github_server import Budget, GitHubServer

SHOP = Repository(
    id=7,
    name="acme/shop",
    description="The repository acme/shop",
    language="Elixir",
    stars=5,
    topics=("otp",),
    created_at="2026-09-01T00:00:00Z",
    pushed_at="2026-09-03T00:00:00Z",
    tree=Tree(files={"lib/shop.ex": b"defmodule Shop do\nend\n"}, submodules=("theme",)),
)
KIOSK = Repository(
    id=8,
    name="acme/kiosk",
    description="The repository acme/kiosk",
    language="Erlang",
    stars=0,
    topics=(),
    created_at="2026-09-02T00:00:00Z",
    pushed_at="2026-09-02T00:00:00Z",
    tree=Tree(files={"src/kiosk.erl": b"-module(kiosk).\n"}),
)
STALL = Repository(
    id=9,
    name="other/stall",
    description="The repository other/stall",
    language="Elixir",
    stars=1,
    topics=(),
    created_at="2026-09-02T12:00:00Z",
    pushed_at="2026-09-02T12:00:00Z",
    tree=Tree(files={"lib/stall.ex": b"defmodule Stall do\nend\n"}),
)
ALL = (SHOP, KIOSK, STALL)


def executed(query: str, variables: Mapping[str, object]) -> object:
    """Return the answer of the peer, which has the fields that the query names."""
    peer = GitHubServer()
    for each in ALL:
        facts = {"language": each.language, "stars": each.stars, "topics": each.topics}
        peer.put(
            github_server.Repository(
                id=each.id,
                name=each.name,
                created=datetime.fromisoformat(each.created_at),
                pushed=datetime.fromisoformat(each.pushed_at),
                kilobytes=1,
                tree=each.tree,
                **facts,  # type: ignore[arg-type]
            )
        )
    return json.loads(peer.graphql(payload(query, **variables), Budget()).body)["data"]


def common(told: object, asked: object) -> object:
    """Return what an answer has of the fields that another one has."""
    if isinstance(asked, dict) and isinstance(told, dict):
        return {key: common(told.get(key), value) for key, value in asked.items()}
    if isinstance(asked, list) and isinstance(told, list) and len(told) == len(asked):
        return [common(*pair) for pair in zip(told, asked, strict=True)]
    return told


OF_NO_INTEREST = {"remaining", "endCursor", "oid"}
"""What a host chooses freely."""


def without(told: object) -> object:
    if isinstance(told, dict):
        return {key: without(each) for key, each in told.items() if key not in OF_NO_INTEREST}
    return [without(each) for each in told] if isinstance(told, list) else told


RANGE = "created:2026-09-01T00:00:00Z..2026-09-02T12:00:00Z"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (COUNT, {"query": f"language:Elixir is:public mirror:false {RANGE}"}),
        (COUNT, {"query": f"language:Elixir user:acme is:public {RANGE}"}),
        (COUNT, {"query": "is:public created:2026-09-02T00:00:00Z..2026-09-02T11:59:59Z"}),
        (SEARCH, {"query": f"is:public {RANGE}", "size": 2, "after": None}),
        (SEARCH, {"query": f"language:Erlang is:public {RANGE}", "size": 50, "after": None}),
        (SEARCH, {"query": f"language:Erlang user:nobody {RANGE}", "size": 50, "after": None}),
        (NAMED, {"owner": "acme", "name": "shop"}),
        (NAMED, {"owner": "acme", "name": "gone"}),
    ],
)
def test_it_answers_as_the_peer_that_executes_queries(
    query: str, variables: dict[str, object]
) -> None:
    asked = executed(query, variables)
    told = json.loads(json.dumps(answered(ALL, variables)["data"]))
    assert without(common(told, asked)) == without(asked)


def test_a_search_goes_on_behind_the_cursor() -> None:
    variables: dict[str, object] = {"query": "is:public", "size": 2, "after": None}
    names = []
    while variables["size"]:
        found = json.loads(json.dumps(answered(ALL, variables)))["data"]["search"]
        names += [each["nameWithOwner"] for each in found["nodes"]]
        info = found["pageInfo"]
        variables = {**variables, "after": info["endCursor"], "size": 2 * info["hasNextPage"]}
    assert names == ["acme/shop", "acme/kiosk", "other/stall"]


def test_an_archive_is_on_another_address_and_of_the_commit() -> None:
    with serve_github(ALL) as url:
        path = f"{url}/repos/acme/shop/tarball/{SHOP.commit}"
        with urlopen(Request(path, headers={"Authorization": f"Bearer {TOKEN}"})) as answer:
            assert not answer.url.startswith(url)
            made = snapshot(answer.read(), SHOP.commit)
    assert made.files == 1


def refused(path: str, token: str, body: bytes | None = None) -> int:
    """Return the status by which a request is refused."""
    with serve_github(ALL) as url:
        request = Request(f"{url}{path}", data=body, headers={"Authorization": token})
        with pytest.raises(HTTPError) as raised:
            urlopen(request)
        with raised.value as error:
            return error.code


@pytest.mark.parametrize("token", ["", "Bearer ghp_another"])
def test_nobody_is_admitted_without_the_token(token: str) -> None:
    assert refused("/graphql", token, payload(COUNT, query="is:public")) == 401


def test_a_commit_that_is_not_there_is_not_found() -> None:
    assert refused(f"/repos/acme/shop/tarball/{KIOSK.commit}", f"Bearer {TOKEN}") == 404


def test_a_folder_has_the_same_address_each_time_unless_it_is_taken(tmp_path: Path) -> None:
    port = port_for(tmp_path)
    with serve_github(ALL, port) as first, serve_github(ALL, port) as meanwhile:
        assert first == f"http://127.0.0.1:{port}" != meanwhile
    with serve_github(ALL, port) as second:
        assert second == first
