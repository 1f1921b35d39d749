"""Keys, mirrors and what the environment says."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crawler.arguments import InvalidArgument, read_repository
from demo.hex_repository import publish
from tests.crawler.crawling import Crawl
from tests.crawler.test_arguments import SETTINGS
from tests.peers.hex_repository_server import HexRepositoryServer, serving

KEY = "s3cr3t-k3y"
API_KEY = "an0ther-k3y"


def test_a_private_repository_and_its_api_are_shown_their_keys_which_are_kept_nowhere(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.key_of = {"/api/": API_KEY, "/": KEY}

    outcome = crawl(
        HEX_REPOS_KEY=KEY,
        HEX_API_KEY=API_KEY,
        HEX_API_URL=f"{peer.url}/api",
        LOG_LEVEL="DEBUG",
    )

    assert outcome.status == 0
    assert crawl.stored() == ["alpha 1.0.0"]
    assert {(each.path.startswith("/api/"), each.authorization) for each in peer.log} == {
        (True, API_KEY),
        (False, KEY),
    }
    written = [path.read_bytes() for path in crawl.store.root.rglob("*") if path.is_file()]
    assert not any(key.encode() in body for key in (KEY, API_KEY) for body in written)
    assert KEY not in outcome.errors
    assert API_KEY not in outcome.errors


def test_without_a_key_the_end_says_which_setting_is_missing(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.key_of = {"/": KEY}

    without = crawl()
    wrong = crawl(HEX_REPOS_KEY="wr0ng")

    assert (without.status, wrong.status) == (1, 1)
    assert "/versions: the repository answers 401: it wants a key" in without.errors
    assert "Set HEX_REPOS_KEY to a key" in without.errors
    assert "answers 403: the key in HEX_REPOS_KEY is wrong, out of date or not" in wrong.errors
    assert "wr0ng" not in wrong.errors
    assert len(peer.asked("/versions")) == 2


def test_packages_that_let_nobody_in_end_the_crawl_after_a_few(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    for number in range(30):
        peer.add(f"p{number:02}", "1.0.0")
    peer.key_of = {"/packages/": KEY}

    outcome = crawl()

    assert outcome.status == 1
    assert "Set HEX_REPOS_KEY to a key" in outcome.errors
    assert len(peer.asked("/packages/")) < 20
    assert "Traceback" not in outcome.errors


def test_a_mirror_is_asked_in_the_place_of_the_repository_and_never_shown_a_key(
    peer: HexRepositoryServer, crawl: Crawl, key: RSAPrivateKey
) -> None:
    with serving(HexRepositoryServer(key)) as mirror:
        mirror.add("alpha", "1.0.0")

        assert crawl(HEX_MIRROR=mirror.url, HEX_REPOS_KEY=KEY).status == 0

        assert peer.log == []
        assert {access.authorization for access in mirror.log} == {None}
        (row,) = crawl.store.archives()
        assert row.url == f"{mirror.url}/tarballs/alpha-1.0.0.tar"

        mirror.key_of = {"/": KEY}
        refused = crawl(HEX_MIRROR=mirror.url, HEX_REPOS_KEY=KEY)
        assert refused.status == 1
        assert "it does not let us in, and a mirror is never sent a key" in refused.errors


def test_an_api_that_wants_a_key_costs_downloads_only_and_says_which_setting_is_missing(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.key_of = {"/api/": API_KEY}

    outcome = crawl(HEX_API_URL=f"{peer.url}/api")

    assert outcome.status == 0
    assert "Set HEX_API_KEY to a key" in outcome.errors


@pytest.mark.parametrize("key", ["two\nlines", "ключ", "tab\tbed", "\x00"])
def test_what_cannot_be_a_key_is_told_without_repeating_it(key: str) -> None:
    with pytest.raises(InvalidArgument, match="HEX_REPOS_KEY: a key may have") as raised:
        read_repository({**SETTINGS, "HEX_REPOS_KEY": key + "x"})
    assert key not in str(raised.value)


def test_a_repository_does_not_show_its_keys() -> None:
    given = {**SETTINGS, "HEX_REPOS_KEY": KEY, "HEX_API_KEY": API_KEY}
    assert KEY not in repr(read_repository(given))
    assert API_KEY not in repr(read_repository(given))


def test_an_organisation_of_hex_pm_has_an_api_of_its_own_where_there_is_a_key() -> None:
    acme = {**SETTINGS, "HEX_REPO_URL": "https://repo.hex.pm/repos/acme"}
    assert read_repository(acme).api_url is None
    with_key = read_repository({**acme, "HEX_API_KEY": API_KEY})
    assert with_key.api_url == "https://hex.pm/api/repos/acme"


def test_a_description_is_kept_up_to_a_length(peer: HexRepositoryServer, crawl: Crawl) -> None:
    for name, description in (("alpha", "Counts."), ("beta", "long " * 10_000), ("gamma", "")):
        metadata = {"name": name, "version": "1.0.0", "licenses": ["MIT"]}
        peer.release(publish({**metadata, "description": description}, {"lib/a.ex": name.encode()}))

    assert crawl().status == 0

    found = [row.description for row in crawl.store.archives()]
    assert found == ["Counts.", "long " * 2_000, None]


def test_what_the_api_says_is_kept(peer: HexRepositoryServer, crawl: Crawl, tmp_path: Path) -> None:
    peer.add("alpha", "1.0.0", published_at=1_700_000_000)
    peer.add("alpha", "1.1.0", published_at=1_710_000_000)
    peer.add("beta", "1.0.0")
    peer.details["alpha"] = {
        "downloads": {"all": 43, "recent": 20, "week": 14, "day": 2},
        "owners": [{"username": "zoe", "email": "z@home.test"}, {"username": "ann"}],
        "inserted_at": "2014-04-23T18:58:52.000000Z",
    }
    peer.details["beta"] = {
        "downloads": {"all": "many"},
        "owners": "me",
        "inserted_at": "once",
        "releases": [{"inserted_at": "2024-06-20T13:57:58.725910Z"}, {"inserted_at": 7}, "x"],
    }

    assert crawl(HEX_API_URL=f"{peer.url}/api").status == 0

    alpha, beta = crawl.store.archives()
    assert alpha.version == "1.1.0"
    assert alpha.downloads
    assert (alpha.downloads.all, alpha.downloads.recent) == (43, 20)
    assert alpha.owners == ("ann", "zoe")
    assert alpha.first_published_at == "2014-04-23T18:58:52Z"
    assert alpha.last_published_at == "2024-03-09T16:00:00Z"
    assert (beta.downloads, beta.owners, beta.first_published_at) == (None, None, None)
    assert beta.last_published_at == "2024-06-20T13:57:58Z"
