"""What authors opted out is not fetched: by package, and by owner and repository once known."""

from datetime import date

import pytest

from corpus.optout.ledger import Kind, add, removal
from corpus.store import Link
from demo.github_archive import Tree
from demo.hex_repository import publish
from demo.hex_tarball import Term
from tests.crawler.crawling import Crawl, Crawling, GitHubCrawl
from tests.peers.github_server import GitHubServer
from tests.peers.hex_repository_server import HexRepositoryServer
from tests.stores import MIT
from tests.stores import add as store_archive

DAY = date(2026, 11, 30)


def opted_out(crawl: Crawling, kind: str, value: str) -> str:
    """Add to the ledger of a crawl and return its path."""
    path = crawl.folder / "optout.jsonl"
    add(path, [removal(Kind(kind), value, "asked")], DAY)
    return str(path)


def linked(peer: HexRepositoryServer, name: str, url: str, version: str = "1.0.0") -> None:
    metadata: dict[str, Term] = {"name": name, "version": version, "licenses": ["MIT"]}
    metadata["links"] = {"GitHub": url}
    peer.release(publish(metadata, {"lib/a.ex": name.encode()}))


def test_nothing_of_a_package_that_is_opted_out_is_requested(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    ledger = opted_out(crawl, "package", "beta")

    assert crawl(OPTOUT_LEDGER=ledger).status == 0

    assert crawl.stored() == ["alpha 1.0.0"]
    row = crawl.reject("beta")
    assert (row.reject.stage, row.reject.reason) == ("opt_out", "opted_out")
    assert row.reject.detail == "entry 1 of 2026-11-30: asked"
    assert peer.asked("/packages/beta") + peer.asked("/tarballs/beta") == []

    peer.forget()
    peer.add("beta", "1.1.0")
    assert crawl(OPTOUT_LEDGER=ledger).status == 0
    assert peer.asked("/packages/beta") + peer.asked("/tarballs/beta") == []
    assert crawl.reject("beta", "1.1.0").reject.reason == "opted_out"


def test_what_is_stored_already_stays_and_is_not_fetched_again(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    linked(peer, "shop", "https://github.com/acme/shop")
    assert crawl().status == 0
    linked(peer, "shop", "https://github.com/acme/shop", "1.1.0")
    peer.forget()

    assert crawl(OPTOUT_LEDGER=opted_out(crawl, "owner", "github.com:acme")).status == 0

    assert crawl.stored() == ["shop 1.0.0"]
    assert crawl.refused() == {"shop 1.1.0": "opted_out"}
    assert peer.asked("/packages/shop") + peer.asked("/tarballs/shop") == []


def test_owners_are_known_from_the_api(peer: HexRepositoryServer, crawl: Crawl) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    peer.details["beta"] = {"owners": [{"username": "ann"}, {"username": "bob"}]}
    ledger = opted_out(crawl, "owner", "hex:bob")

    assert crawl(HEX_API_URL=f"{peer.url}/api", OPTOUT_LEDGER=ledger).status == 0

    assert crawl.stored() == ["alpha 1.0.0"]
    assert crawl.refused() == {"beta 1.0.0": "opted_out"}
    assert peer.asked("/packages/beta") + peer.asked("/tarballs/beta") == []


def test_a_tarball_whose_repository_is_opted_out_is_not_stored(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    linked(peer, "shop", "https://github.com/Acme/Shop")
    linked(peer, "till", "https://github.com/acme/till")
    ledger = opted_out(crawl, "repository", "https://github.com/acme/shop")

    assert crawl(OPTOUT_LEDGER=ledger).status == 0

    assert crawl.stored() == ["till 1.0.0"]
    assert crawl.refused() == {"shop 1.0.0": "opted_out"}


@pytest.mark.parametrize("content", ["{}\n", "x", None])
def test_a_ledger_that_cannot_be_read_ends_the_crawl_before_anything_is_fetched(
    peer: HexRepositoryServer, crawl: Crawl, content: str | None
) -> None:
    path = crawl.folder / "optout.jsonl"
    if content is not None:
        path.write_text(content)

    outcome = crawl(OPTOUT_LEDGER=str(path))

    assert outcome.status == 2
    assert "optout.jsonl" in outcome.errors
    assert "Traceback" not in outcome.errors
    assert peer.asked() == []


def about(peer: GitHubServer, name: str) -> list[str]:
    """Return the kinds of requests that name a repository, in any letters."""
    found = []
    for access in peer.log:
        asked = f"/{access.variables.get('owner')}/{access.variables.get('name')}/"
        if f"/{name}/".lower() in f"{access.path}{asked}".lower():
            found.append(access.kind)
    return found


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("owner", "github.com:acme"),
        ("repository", "https://github.com/acme/shop"),
        ("package", "Acme/Shop"),
    ],
)
def test_nothing_of_a_repository_that_is_opted_out_is_fetched_from_github(
    github: GitHubServer, github_crawl: GitHubCrawl, kind: str, value: str
) -> None:
    shop = github.add("Acme/Shop")
    github.add("ada/cart", salt="cart")
    ledger = opted_out(github_crawl, kind, value)

    outcome = github_crawl(OPTOUT_LEDGER=ledger)

    assert outcome.status == 0, outcome.errors
    assert [row.name for row in github_crawl.store.archives()] == ["ada/cart"]
    row = github_crawl.store.rejected("github", "Acme/Shop", shop.commit)
    assert row
    assert (row.reject.stage, row.reject.reason) == ("opt_out", "opted_out")
    assert row.reject.detail == "entry 1 of 2026-11-30: asked"
    assert about(github, "Acme/Shop") == []
    assert about(github, "ada/cart") == ["tarball", "archive"]

    github.change("Acme/Shop", salt="another commit")
    assert github_crawl(OPTOUT_LEDGER=ledger).status == 0
    assert about(github, "Acme/Shop") == []
    (again,) = github_crawl.store.rejects("github")
    assert again.version == github.repositories["acme/shop"].commit

    # Without the ledger nothing holds it back: the record is no answer for good.
    assert github_crawl().status == 0
    assert about(github, "Acme/Shop") == ["tarball", "archive"]
    assert github_crawl.store.rejects("github") == []


def test_a_named_repository_that_is_opted_out_is_not_asked_for(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    github.add("acme/shop")
    github.add("ada/cart")
    ledger = opted_out(github_crawl, "repository", "https://github.com/acme/shop")

    assert github_crawl("repositories=Acme/Shop,ada/cart", OPTOUT_LEDGER=ledger).status == 0

    assert github_crawl.refused() == {"Acme/Shop no-commit": "opted_out"}
    assert about(github, "acme/shop") == []
    assert about(github, "ada/cart") == ["graphql", "tarball", "archive"]


def test_a_repository_that_is_renamed_stays_opted_out_and_what_is_stored_stays(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    shop = github.add("acme/shop")
    assert github_crawl().status == 0
    ledger = opted_out(github_crawl, "owner", "github.com:acme")
    github.rename("acme/shop", "grace/basket")
    github.forget()

    assert github_crawl(OPTOUT_LEDGER=ledger).status == 0
    assert github_crawl.stored() == [f"acme/shop {shop.commit}"]
    assert github_crawl.refused() == {}

    changed = github.change("grace/basket", salt="another commit")
    assert github_crawl(OPTOUT_LEDGER=ledger).status == 0
    assert github_crawl.stored() == [f"acme/shop {shop.commit}"]
    assert github_crawl.refused() == {f"grace/basket {changed.commit}": "opted_out"}
    assert {access.kind for access in github.log} == {"graphql"}


def test_an_opt_out_by_the_name_of_today_holds_for_what_was_stored_under_an_earlier_one(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    shop = github.add("acme/shop", tags={"v1.0.0": Tree(files={"LICENSE": MIT})})
    links = (Link("GitHub", "https://github.com/acme/shop"),)
    store_archive(github_crawl.store, "shop", {"LICENSE": MIT}, version="1.0.0", links=links)
    assert github_crawl("tags=yes").status == 0
    (tag,) = github_crawl.store.tags()
    github.rename("acme/shop", "grace/basket")
    ledger = opted_out(github_crawl, "repository", "https://github.com/grace/basket")
    github.forget()

    assert github_crawl(OPTOUT_LEDGER=ledger).status == 0

    assert [row.name for row in github_crawl.store.archives("github")] == ["grace/basket"]
    (moved,) = github_crawl.store.tags()
    assert (moved.name, moved.version, moved.sha256) == ("grace/basket", tag.version, tag.sha256)
    assert github_crawl.store.read(moved)
    assert github_crawl.store.archives("github")[0].version == shop.commit
    assert {access.kind for access in github.log} == {"graphql"}


def test_an_opt_out_by_an_earlier_name_holds_for_a_repository_that_was_renamed_between_crawls(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    github.add("acme/shop")
    assert github_crawl().status == 0
    github.rename("acme/shop", "grace/basket")
    assert github_crawl().status == 0
    changed = github.change("grace/basket", salt="another commit")
    ledger = opted_out(github_crawl, "repository", "https://github.com/acme/shop")
    github.forget()

    assert github_crawl(OPTOUT_LEDGER=ledger).status == 0

    assert github_crawl.refused() == {f"grace/basket {changed.commit}": "opted_out"}
    assert {access.kind for access in github.log} == {"graphql"}


def test_an_edited_ledger_ends_a_crawl_of_github_before_anything_is_asked_for(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    path = github_crawl.folder / "optout.jsonl"
    path.write_text("{}\n")

    outcome = github_crawl(OPTOUT_LEDGER=str(path))

    assert outcome.status == 2
    assert "optout.jsonl" in outcome.errors
    assert github.log == []
