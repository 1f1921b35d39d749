"""`scrapy crawl github` against the peer: what is fetched, once, and what a second crawl does."""

import gzip
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.store import Link
from demo.github_archive import Tree, packed
from tests.crawler.crawling import GitHubCrawl
from tests.executors import LASTING
from tests.peers.github_server import SMALL, TOKEN, GitHubServer
from tests.stores import MIT, module
from tests.stores import add as publish

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 99\n" % 0
CART = Tree(
    files={
        "LICENSE": MIT,
        "README.md": b"# Cart\n",
        "lib/cart.ex": module("Cart", "put take"),
        "lib/gpl.ex": b"# SPDX-License-Identifier: GPL-3.0-only\n" + module("Gpl", "dragon"),
        "priv/model.bin": POINTER,
    },
    links={"docs": "README.md"},
    submodules=("vendor/other",),
)


def shop(peer: GitHubServer) -> None:
    """Fill a peer with a repository of each kind."""
    peer.add("Ada/Cart", stars=7, topics=("shop", "otp"), license="GPL-3.0", tree=CART)
    peer.add("ada/empty", tree=None)
    peer.add("erl/otp", language="Erlang", kinds=frozenset({"archived"}))
    peer.add("ada/fork", kinds=frozenset({"fork"}))
    peer.add("ada/mirror", kinds=frozenset({"mirror"}))
    peer.add("ada/secret", kinds=frozenset({"private"}))
    peer.add("ada/off", kinds=frozenset({"disabled"}))
    peer.add("ada/blocked", answers=451, message="Repository access blocked")
    peer.add("ada/huge", kilobytes=2_000_000)
    peer.add("ada/.dotfiles")
    peer.add("go/lang", language="Go")


def names(crawl: GitHubCrawl) -> list[str]:
    return [row.name for row in crawl.store.archives()]


def reasons(crawl: GitHubCrawl) -> dict[str, str]:
    return {row.name.partition("-")[0]: row.reject.reason for row in crawl.store.rejects()}


def test_a_search_fetches_each_repository_once_and_a_second_one_only_what_changed(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    shop(github)
    cart = github.repositories["ada/cart"]
    outcome = github_crawl()

    assert outcome.status == 0, outcome.errors
    assert names(github_crawl) == ["Ada/Cart", "erl/otp"]
    assert reasons(github_crawl) == {
        "ada/blocked": "blocked",
        "ada/empty": "empty_repository",
        "ada/huge": "archive_too_large",
        "ada/off": "blocked",
        "unusable": "unusable_name",
    }
    row = github_crawl.store.get("github", "Ada/Cart", cart.commit)
    assert row
    assert row.url == f"{github.url}/repos/Ada/Cart/tarball/{cart.commit}"
    assert (row.licenses, row.links[0].url) == ((), "https://github.com/Ada/Cart")
    assert row.repository
    assert (row.repository.stars, row.repository.topics) == (7, ("shop", "otp"))
    assert (row.repository.default_branch, row.repository.license_hint) == ("main", "GPL-3.0")
    assert (row.first_published_at, row.published_at) == (
        "2020-01-01T00:00:00Z",
        "2026-10-01T00:00:00Z",
    )
    assert "Crawl finished" in outcome.errors
    assert "6 of 6 results in 1 range" in outcome.errors
    assert len(github.asked("archive")) == 2

    github.forget()
    github.change("erl/otp", salt="another commit", stars=99)
    github.change("ada/cart", stars=8)  # no reason to fetch anything
    again = github_crawl()
    assert again.status == 0, again.errors
    assert [path.partition("/legacy")[0] for path in github.asked("archive")] == ["/erl/otp"]
    assert names(github_crawl) == ["Ada/Cart", "erl/otp"]
    (old,) = github_crawl.store.superseded()
    current = next(each for each in github_crawl.store.archives() if each.name == "erl/otp")
    assert old.superseded_by == current.sha256
    # The same files, so the same digest, though GitHub packed them in other bytes.
    assert (old.version == current.version, old.sha256 == current.sha256) == (False, True)

    github.forget()
    github.rename("ada/cart", "grace/basket")
    moved = github_crawl()
    assert moved.status == 0, moved.errors
    assert github.asked("archive") == []
    assert names(github_crawl) == ["erl/otp", "grace/basket"]
    assert github_crawl.store.get("github", "grace/basket", cart.commit)


def test_the_token_is_sent_to_the_api_only_and_kept_nowhere(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    shop(github)
    outcome = github_crawl("forks=yes", "mirrors=yes", LOG_LEVEL="DEBUG")
    assert names(github_crawl) == ["Ada/Cart", "ada/fork", "ada/mirror", "erl/otp"]
    sent = {(access.kind, access.authorization) for access in github.log}
    bearer = f"Bearer {TOKEN}"
    assert sent == {("graphql", bearer), ("tarball", bearer), ("archive", None)}
    assert TOKEN not in outcome.errors
    kept = [path for path in github_crawl.store.root.rglob("*") if path.is_file()]
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []
    assert {access.user_agent for access in github.log if access.user_agent} != set()
    assert all((access.user_agent or "").startswith("elixir-corpus/") for access in github.log)


def test_repositories_are_named_and_found_under_the_names_that_they_have_now(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    shop(github)
    github.rename("erl/otp", "erlang/OTP")
    outcome = github_crawl("repositories=erl/otp,go/lang,ada/nothing,ada/.github")
    assert outcome.status == 0, outcome.errors
    assert names(github_crawl) == ["erlang/OTP", "go/lang"]
    assert reasons(github_crawl) == {"ada/nothing": "gone", "unusable": "gone"}
    assert "erl/otp is erlang/OTP now" in outcome.errors


def test_a_repository_that_is_renamed_or_vanishes_while_it_is_crawled(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    moved = github.add("ada/moved")
    github.add("ada/gone", answers=404)
    # The search has the old name still, and the address of its archive leads to the new one.
    github.put(replace(moved, name="grace/moved"))
    github.moved["ada/moved"] = "grace/moved"
    outcome = github_crawl("languages=elixir", "owners=ada")
    assert outcome.status == 0, outcome.errors
    assert reasons(github_crawl) == {"ada/gone": "gone"}
    assert "/repositories/1/tarball/" in " ".join(github.asked("tarball"))


def test_a_crawl_that_is_killed_goes_on_and_fetches_nothing_twice(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    for number in range(20):
        github.add(f"ada/r{number}", salt=str(number))
    github.slow_after = 8
    process = github_crawl.start("languages=elixir")
    deadline = time.monotonic() + 60
    while len(list(github_crawl.store.root.rglob("r*.json"))) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert len(github_crawl.store.archives()) == 8
    github.slow_after = None
    outcome = github_crawl("languages=elixir")
    assert outcome.status == 0, outcome.errors
    assert len(names(github_crawl)) == 20
    assert re.search(r"unchanged since an earlier crawl +8 ", outcome.errors)
    fetched = github.asked("archive")
    # Those that were on their way when the crawl was killed come again, and no others.
    assert len(fetched) - len(set(fetched)) <= 2
    for archive in github_crawl.store.archives():
        github_crawl.store.read(archive)


def test_thousands_are_counted_over_http_without_fetching_any(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    begun = datetime(2012, 1, 1, tzinfo=UTC)
    github.populate(2_400, begun=begun, step=timedelta(hours=40))
    outcome = github_crawl("fetch=no", "languages=elixir", GITHUB_PAGE_SIZE="100")
    assert outcome.status == 0, outcome.errors
    assert "2057 repositories are not in the store" in outcome.errors
    assert {access.kind for access in github.log} == {"graphql"}
    assert {access.in_flight for access in github.log} == {1}
    assert not any(access.is_over for access in github.log)


def test_a_limit_ends_a_search_early(github: GitHubServer, github_crawl: GitHubCrawl) -> None:
    for number in range(9):
        github.add(f"ada/r{number}", salt=str(number))
    outcome = github_crawl("limit=4")
    assert outcome.status == 0, outcome.errors
    assert len(names(github_crawl)) == 4


def test_a_release_from_a_crawl_carries_repository_commit_stars_and_licence(
    github: GitHubServer, github_crawl: GitHubCrawl, tmp_path: Path
) -> None:
    github.add("Ada/Cart", stars=7, license="GPL-3.0", tree=CART)
    assert github_crawl().status == 0
    release = build(github_crawl.store, tmp_path / "out", BuildConfig(), LASTING)
    (row,) = release.read("documents").to_pylist()
    commit = github.repositories["ada/cart"].commit
    assert (row["source"], row["package"], row["version"]) == ("github", "Ada/Cart", commit)
    assert (row["path"], row["commit"], row["stars"]) == ("lib/cart.ex", commit, 7)
    assert row["repository"] == "https://github.com/ada/cart"
    # GitHub's own guess, which is wrong here, is no evidence.
    assert (row["license_expression"], row["license_evidence"]) == ("MIT", "text_only")
    dropped = {each["path"]: each["reason"] for each in release.read("rejects").to_pylist()}
    assert dropped == {
        "LICENSE": "not_source_code",
        "README.md": "too_short",
        "docs": "link",
        "lib/gpl.ex": "file_license_not_permitted",
        "priv/model.bin": "lfs_pointer",
        "vendor/other": "submodule",
    }


def test_two_crawls_of_the_same_commits_build_the_same_release(
    github: GitHubServer, tmp_path: Path
) -> None:
    github.add("Ada/Cart", tree=CART)
    manifests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        crawl = GitHubCrawl(github, tmp_path / name)
        assert crawl().status == 0
        release = build(crawl.store, tmp_path / name / "out", BuildConfig(), LASTING)
        manifests.append((release.path / "manifest.json").read_bytes())
    one, two = github.asked("archive")
    assert one == two
    assert manifests[0] == manifests[1]


def test_the_peer_packs_a_commit_in_other_bytes_each_time(github: GitHubServer) -> None:
    cart = github.add("Ada/Cart", tree=CART)
    path = f"/Ada/Cart/legacy.tar.gz/{cart.commit}"
    one, two = (github.archive(path).body for _ in range(2))
    assert one != two
    assert gzip.decompress(one) != gzip.decompress(two)
    assert packed(CART, cart.commit, folder="x") != one


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the environment of the tests may have."""
    for name in ("GITHUB_TOKEN", "GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_tag_of_a_version_in_the_store_is_fetched_once_and_says_its_commit(
    github: GitHubServer, github_crawl: GitHubCrawl, tmp_path: Path
) -> None:
    released = {"LICENSE": MIT, "lib/cart.ex": module("Cart", "put take count")}
    later = Tree(files={**released, "lib/cart.ex": module("Cart", "push pull"), "README.md": b"x"})
    others = {f"nightly-{number}": SMALL for number in range(120)}
    tags = {"v2.0.0": later, **others, "v1.0.0": Tree(files=released), "v0.9.0": SMALL}
    cart = github.add("Ada/Cart", tree=later, tags=tags)
    github.add("bob/tool", tags={"v1.0.0": SMALL})
    links = (Link("GitHub", "https://github.com/ada/cart"),)
    publish(github_crawl.store, "cart", released, version="1.0.0", links=links)

    outcome = github_crawl("tags=yes")

    assert outcome.status == 0, outcome.errors
    released_at = cart.commit_of(tags["v1.0.0"])
    (tag,) = github_crawl.store.tags()
    assert tag.repository
    assert (tag.name, tag.version, tag.repository.tag) == ("Ada/Cart", released_at, "v1.0.0")
    assert [row.version for row in github_crawl.store.archives("github")] == [
        cart.commit,
        github.repositories["bob/tool"].commit,
    ]
    asked = [each.variables for each in github.log if "owner" in each.variables]
    assert asked == [
        {"owner": "Ada", "name": "Cart", "after": None},
        {"owner": "Ada", "name": "Cart", "after": "100"},
    ]

    release = build(github_crawl.store, tmp_path / "out", BuildConfig(), LASTING)
    rows = release.read("documents").to_pylist()
    (row,) = [each for each in rows if each["path"] == "lib/cart.ex" and each["source"] == "hex"]
    assert (row["commit"], row["committed_at"]) == (released_at, tag.repository.committed_at)
    assert released_at not in {each["version"] for each in rows}

    github.forget()
    github.rename("Ada/Cart", "ada/basket")
    assert github_crawl("tags=yes").status == 0
    assert github.asked("tarball") == []
    assert [(row.name, row.version) for row in github_crawl.store.tags()] == [
        ("ada/basket", released_at)
    ]


def test_a_tag_that_cannot_be_fetched_costs_nothing_else(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    released = {"LICENSE": MIT, "lib/cart.ex": module("Cart", "put take count")}
    github.add("ada/cart", tags={"cart-1.0.0": Tree(files=released)})
    links = (Link("GitHub", "https://github.com/ada/cart"),)
    publish(github_crawl.store, "cart", released, version="1.0.0", links=links)
    github_crawl("fetch=yes")
    github.answer("tarball", 451, body=b'{"message": "Repository access blocked"}')

    outcome = github_crawl("tags=yes")

    assert outcome.status == 0, outcome.errors
    assert "the tag cart-1.0.0 of ada/cart: not fetched" in outcome.errors
    assert github_crawl.store.tags() == []
    assert names(github_crawl) == ["ada/cart", "cart"]
    assert github_crawl.store.rejects() == []

    assert github_crawl("tags=yes").status == 0
    assert len(github_crawl.store.tags()) == 1


LINKS = (Link("GitHub", "https://github.com/ada/cart"),)


def test_among_hundreds_of_tags_each_kind_is_followed_to_its_commit_and_a_moved_one_again(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    released = {"LICENSE": MIT, "lib/cart.ex": module("Cart", "put take count")}
    for number in range(4):
        publish(github_crawl.store, "cart", released, version=f"1.{number}.0", links=LINKS)
    trees = [Tree(files={**released, "n": b"%d" % number}) for number in range(4)]
    others = {f"nightly-{number}": SMALL for number in range(596)}
    tags = {**others, **{f"v1.{number}.0": tree for number, tree in enumerate(trees)}}
    kinds = {"v1.1.0": "Tag", "v1.2.0": "Blob", "v1.3.0": "Tree"}
    cart = github.add("ada/cart", tags=tags, kinds_of_tags=kinds)

    outcome = github_crawl("tags=yes")

    assert outcome.status == 0, outcome.errors
    assert len([each for each in github.log if "owner" in each.variables]) == 6
    stored = {
        row.repository.tag: row.version for row in github_crawl.store.tags() if row.repository
    }
    first = {f"v1.{number}.0": cart.commit_of(trees[number]) for number in (0, 1)}
    assert stored == first
    for tag in ("v1.2.0", "v1.3.0"):
        assert f"the tag {tag} of ada/cart: not fetched: it names no commit" in outcome.errors

    moved = Tree(files={**released, "n": b"moved"})
    github.put(replace(cart, tags={**tags, "v1.0.0": moved}))
    github.forget()
    assert github_crawl("tags=yes").status == 0
    assert len(github.asked("tarball")) == 1
    # Its content says which of the two commits a version is from.
    found = [
        (row.repository.tag, row.version) for row in github_crawl.store.tags() if row.repository
    ]
    assert sorted(found) == sorted([*first.items(), ("v1.0.0", cart.commit_of(moved))])


def test_a_crawl_that_is_killed_among_tags_goes_on_and_fetches_none_twice(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    released = {"LICENSE": MIT, "lib/cart.ex": module("Cart", "put take count")}
    tags = {}
    for number in range(16):
        publish(github_crawl.store, "cart", released, version=f"1.{number}.0", links=LINKS)
        tags[f"v1.{number}.0"] = Tree(files={**released, "n": b"%d" % number})
    github.add("ada/cart", tags=tags)
    github.slow_after = 7
    process = github_crawl.start("tags=yes")
    folder = github_crawl.store.root / "tags"
    deadline = time.monotonic() + 60
    while len(list(folder.rglob("*.json"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert len(github_crawl.store.tags()) == 6
    github.slow_after = None

    outcome = github_crawl("tags=yes")

    assert outcome.status == 0, outcome.errors
    fetched = github.asked("archive")
    assert len(fetched) - len(set(fetched)) <= 2
    assert {row.repository.tag for row in github_crawl.store.tags() if row.repository} == set(tags)
    for archive in github_crawl.store.tags():
        github_crawl.store.read(archive)
