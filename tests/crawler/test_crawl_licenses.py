"""The pre-filters by the JSON API and by GitHub's guess, and the last word of the tarball's own
metadata."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.crawler.crawling import Crawl, GitHubCrawl
from tests.peers.github_server import GitHubServer
from tests.peers.hex_repository_server import HexRepositoryServer, serving


def fill(peer: HexRepositoryServer) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("copyleft", "1.0.0", licenses=("GPL-3.0-only",))
    peer.add("unclear", "1.0.0", licenses=())


def with_api(crawl: Crawl, *arguments: str) -> int:
    return crawl(*arguments, HEX_API_URL=f"{crawl.peer.url}/api").status


def test_a_package_that_the_api_rules_out_is_never_fetched(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)

    assert with_api(crawl) == 0

    assert peer.asked("/api/") == ["/api/packages?sort=name&page=1"]
    assert crawl.stored() == ["alpha 1.0.0", "unclear 1.0.0"]
    row = crawl.reject("copyleft")
    assert (row.reject.stage, row.reject.reason) == ("license", "license_not_permitted")
    assert row.reject.detail.startswith("GPL-3.0-only: ")
    assert peer.asked("/packages/copyleft") + peer.asked("/tarballs/copyleft") == []

    peer.forget()
    assert with_api(crawl) == 0
    assert peer.asked() == ["/versions", "/names"]


def test_long_lists_are_read_page_by_page(key: RSAPrivateKey, tmp_path: Path) -> None:
    with serving(HexRepositoryServer(key, page_size=2)) as peer:
        for name in ("alpha", "beta", "copyleft", "delta"):
            peer.add(name, "1.0.0", licenses=("GPL-3.0-only",) if name == "copyleft" else ("MIT",))
        crawl = Crawl(peer, tmp_path)

        assert with_api(crawl) == 0

    assert peer.asked("/api/") == [
        "/api/packages?sort=name&page=1",
        "/api/packages?sort=name&page=2",
    ]
    assert crawl.refused() == {"copyleft 1.0.0": "license_not_permitted"}
    assert crawl.stored() == ["alpha 1.0.0", "beta 1.0.0", "delta 1.0.0"]


def test_a_few_packages_of_many_are_asked_for_one_by_one(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)

    assert with_api(crawl, "packages=copyleft") == 0

    assert peer.asked("/api/") == ["/api/packages/copyleft"]
    assert crawl.refused() == {"copyleft 1.0.0": "license_not_permitted"}


def test_older_releases_are_not_judged_by_the_licence_of_the_latest(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("turned", "1.0.0", licenses=("MIT",))
    peer.add("turned", "2.0.0", licenses=("GPL-3.0-only",))

    assert with_api(crawl, "versions=all") == 0

    assert peer.asked("/api/") == []
    assert crawl.stored() == ["turned 1.0.0"]
    assert crawl.refused() == {"turned 2.0.0": "license_not_permitted"}


def test_a_release_is_not_judged_by_the_licence_of_a_newer_one_that_is_passed_over(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("candidate", "1.0.0", licenses=("MIT",))
    peer.add("candidate", "2.0.0-rc.1", licenses=("GPL-3.0-only",))
    peer.add("copyleft", "1.0.0", licenses=("GPL-3.0-only",))

    assert with_api(crawl) == 0

    assert crawl.stored() == ["candidate 1.0.0"]
    assert crawl.refused() == {"copyleft 1.0.0": "license_not_permitted"}
    assert peer.asked("/tarballs/copyleft") == []


@pytest.mark.parametrize("api", ["", "/api"])
def test_a_licence_that_is_nested_without_end_costs_no_other_package(
    peer: HexRepositoryServer, crawl: Crawl, api: str
) -> None:
    endless = "MIT OR (Apache-2.0 AND (" * 200 + "MIT" + "))" * 200
    for name in ("alpha", "beta", "gamma"):
        peer.add(name, "1.0.0", licenses=(endless,) if name == "beta" else ("MIT",))

    assert crawl(HEX_API_URL=f"{peer.url}{api}" if api else "").status == 0

    assert {"alpha 1.0.0", "gamma 1.0.0"} <= set(crawl.stored())
    assert {*crawl.stored(), *crawl.refused()} == {f"{x} 1.0.0" for x in ("alpha", "beta", "gamma")}


def test_an_api_that_is_out_of_order_costs_downloads_only(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/api/packages?sort=name&page=1", 200, body=b"<html>Down for maintenance</html>")

    assert with_api(crawl) == 0

    assert crawl.stored() == ["alpha 1.0.0", "unclear 1.0.0"]
    assert crawl.refused() == {"copyleft 1.0.0": "license_not_permitted"}
    assert len(peer.asked("/tarballs/")) == 3


def test_the_policy_may_be_a_file(peer: HexRepositoryServer, crawl: Crawl) -> None:
    fill(peer)
    (crawl.folder / "ours.txt").write_text("GPL-3.0-only\n")

    assert crawl(LICENSE_POLICY=str(crawl.folder / "ours.txt")).status == 0

    assert crawl.stored() == ["copyleft 1.0.0", "unclear 1.0.0"]
    assert crawl.refused() == {"alpha 1.0.0": "license_not_permitted"}


def test_github_is_believed_only_where_it_leaves_out(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    copyleft = github.add("ada/copyleft", license="GPL-3.0", salt="copyleft")
    github.add("ada/free", license="MIT", salt="free")
    github.add("ada/unclear", license="NOASSERTION", salt="unclear")
    github.add("ada/untold", license=None, salt="untold")

    outcome = github_crawl("prefilter=yes")

    assert outcome.status == 0, outcome.errors
    names = [row.name for row in github_crawl.store.archives()]
    assert names == ["ada/free", "ada/unclear", "ada/untold"]
    row = github_crawl.store.rejected("github", "ada/copyleft", copyleft.commit)
    assert row
    assert (row.reject.stage, row.reject.reason) == ("license", "license_not_permitted")
    assert row.reject.detail == (
        "GitHub takes its licence to be GPL-3.0, which is not permitted; nothing of it was looked "
        "at (prefilter=yes)"
    )
    assert not [path for path in github.asked("tarball") if "copyleft" in path]

    # Of what is permitted GitHub knows no more than of anything else; and without the option the
    # record holds nothing back.
    github.forget()
    assert github_crawl("repositories=ada/copyleft", "prefilter=no").status == 0
    assert len(github.asked("archive")) == 1
    assert github_crawl.refused() == {}
    github.forget()
    assert github_crawl("prefilter=yes").status == 0
    assert (github.asked("tarball"), github_crawl.refused()) == ([], {})


def test_the_policy_decides_what_github_may_leave_out(
    github: GitHubServer, github_crawl: GitHubCrawl
) -> None:
    github.add("ada/broker", license="MPL-2.0", salt="broker")
    github.add("ada/free", license="MIT", salt="free")
    (github_crawl.folder / "ours.txt").write_text("MIT\n")

    one = github_crawl("prefilter=yes", LICENSE_POLICY=str(github_crawl.folder / "ours.txt"))
    assert one.status == 0, one.errors
    assert [row.name for row in github_crawl.store.archives()] == ["ada/free"]

    assert github_crawl("prefilter=yes", LICENSE_POLICY="file-copyleft").status == 0
    assert [row.name for row in github_crawl.store.archives()] == ["ada/broker", "ada/free"]

    wrong = github_crawl("prefilter=yes", LICENSE_POLICY="gpl")
    assert wrong.status == 2
    assert "LICENSE_POLICY: 'gpl' is no list of licences (blueoak, " in wrong.errors
