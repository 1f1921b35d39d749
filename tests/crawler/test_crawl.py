from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.packages import Advisory, Requirement
from corpus.store import DamagedArchive
from crawler.registry import Retirement
from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer


def test_archives_land_unchanged_with_what_registry_and_tarball_say_and_no_port_is_opened(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add(
        "alpha",
        "1.0.0",
        licenses=("Apache-2.0",),
        requirements={"beta": {"app": "b", "optional": True, "requirement": "~> 1.0"}},
        advisories=[Advisory("GHSA-aaaa-bbbb-cccc", "Leaks", "high", 7.5, "https://osv.test/g")],
        published_at=1_700_000_000,
    )

    outcome = crawl(LOG_LEVEL="DEBUG", USER_AGENT="elixir-corpus/1 (+mailto:crawl@home.test)")

    assert outcome.status == 0
    (row,) = crawl.store.archives()
    tarball = peer.releases["alpha", "1.0.0"].tarball
    assert crawl.store.read(row) == tarball
    assert row.url == f"{peer.url}/tarballs/alpha-1.0.0.tar"
    assert row.bytes == len(tarball)
    assert row.licenses == ("Apache-2.0",)
    assert row.requirements == (Requirement("beta", "~> 1.0", True, app="b"),)
    assert [(link.name, link.url) for link in row.links] == [("Home", "https://home.test")]
    assert row.published_at == "2023-11-14T22:13:20Z"
    assert row.advisories == (
        Advisory("GHSA-aaaa-bbbb-cccc", "Leaks", "high", 7.5, "https://osv.test/g"),
    )
    assert (row.first_published_at, row.last_published_at) == (row.published_at, row.published_at)
    assert row.retirement is None
    assert row.fetched_at.endswith("Z")
    assert {access.user_agent for access in peer.log} == {
        "elixir-corpus/1 (+mailto:crawl@home.test)"
    }
    assert "Telnet" not in outcome.errors
    assert "RemoteControl" not in outcome.errors


def test_a_contact_given_as_a_setting_goes_along(peer: HexRepositoryServer, crawl: Crawl) -> None:
    peer.add("alpha", "1.0.0")

    assert crawl(CRAWLER_CONTACT="me@home.test").status == 0

    assert all(str(access.user_agent).endswith(" (+me@home.test)") for access in peer.log)


def test_arguments_choose_packages_and_versions_and_do_not_hide_behind_an_earlier_crawl(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0-rc.1"):
        peer.add("alpha", version)
    peer.add("beta", "0.1.0-dev")
    peer.add("gamma", "1.0.0", retirement=Retirement(reason="security", message="leaks"))
    peer.add("gamma", "0.9.0")

    assert crawl("limit=1").status == 0
    assert crawl.stored() == ["alpha 1.10.0"]

    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.10.0", "beta 0.1.0-dev", "gamma 0.9.0"]
    assert crawl.refused() == {"gamma 1.0.0": "retired"}
    assert crawl.reject("gamma").reject.detail == "security: leaks"

    assert crawl("packages=alpha,gamma", "versions=2", "prereleases=yes", "retired=yes").status == 0
    assert crawl.stored() == [
        "alpha 1.10.0",
        "alpha 2.0.0-rc.1",
        "beta 0.1.0-dev",
        "gamma 0.9.0",
        "gamma 1.0.0",
    ]
    assert crawl.refused() == {}
    assert crawl.store.get("hex", "gamma", "1.0.0").retirement == "security: leaks"  # type: ignore[union-attr]

    peer.forget()
    assert crawl("packages=alpha", "versions=all").status == 0
    assert sorted(peer.asked("/tarballs/")) == [
        "/tarballs/alpha-1.0.0.tar",
        "/tarballs/alpha-1.9.0.tar",
    ]


def test_a_second_crawl_of_an_unchanged_repository_asks_for_the_indexes_only(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0", licenses=("GPL-3.0-only",))
    assert crawl().status == 0
    peer.forget()

    outcome = crawl()

    assert outcome.status == 0
    assert [(access.path, access.status) for access in peer.log] == [
        ("/versions", 304),
        ("/names", 304),
    ]
    assert "unchanged since an earlier crawl" in outcome.errors


def test_only_what_changed_is_asked_for_again(peer: HexRepositoryServer, crawl: Crawl) -> None:
    for name in ("alpha", "beta", "gamma"):
        peer.add(name, "1.0.0")
    peer.add("gamma", "1.1.0", licenses=("GPL-3.0-only",))
    assert crawl("versions=all").status == 0
    peer.forget()
    peer.add("beta", "1.1.0")
    peer.add("gamma", "1.2.0")

    assert crawl("versions=all").status == 0

    assert sorted(peer.asked()) == [
        "/names",
        "/packages/beta",
        "/packages/gamma",
        "/tarballs/beta-1.1.0.tar",
        "/tarballs/gamma-1.2.0.tar",
        "/versions",
    ]


def test_a_release_that_is_retired_later_stays_and_its_row_says_so(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    peer.forget()
    peer.change("alpha", "1.0.0", retirement=Retirement(reason="renamed", message="use omega"))

    assert crawl().status == 0

    assert peer.asked("/tarballs/") == []
    assert crawl.store.archives()[0].retirement == "renamed: use omega"
    assert crawl.refused() == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-512]),
        lambda path: path.with_suffix(".json").unlink(),
        lambda path: path.with_suffix(".json").write_bytes(b'{"name": "al'),
    ],
    ids=["no archive", "a truncated archive", "no row", "a torn row"],
)
def test_an_archive_that_is_not_whole_any_more_is_fetched_again_and_no_other_is(
    peer: HexRepositoryServer, crawl: Crawl, damage: Callable[[Path], object]
) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    peer.add("gamma", "1.0.0", licenses=("GPL-3.0-only",))
    assert crawl().status == 0
    damage(crawl.store.path(crawl.store.archives()[0]))
    peer.forget()

    assert crawl().status == 0

    alpha = crawl.store.archives()[0]
    assert crawl.store.read(alpha) == peer.releases["alpha", "1.0.0"].tarball
    assert peer.asked() == [
        *("/versions", "/names", "/packages/alpha", "/tarballs/alpha-1.0.0.tar")
    ]


def test_following_the_advice_on_an_altered_archive_mends_the_store(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    (alpha,) = crawl.store.archives()
    path = crawl.store.path(alpha)
    path.write_bytes(bytes(alpha.bytes))
    with pytest.raises(DamagedArchive, match=r"Move alpha-1\.0\.0\.tar out of the store"):
        crawl.store.read(alpha)
    path.rename(crawl.store.root.parent / "moved")

    assert crawl().status == 0

    assert crawl.store.read(alpha) == peer.releases["alpha", "1.0.0"].tarball


def test_wrong_arguments_and_settings_end_in_one_sentence_before_anything_is_fetched(
    peer: HexRepositoryServer, crawl: Crawl, tmp_path: Path
) -> None:
    wrong = crawl("versions=newest")
    assert wrong.status == 2
    assert (
        "versions: expected latest, all or a whole number from 1, found 'newest'." in wrong.errors
    )
    assert "Traceback" not in wrong.errors

    unreadable = crawl(HEX_PUBLIC_KEY=str(tmp_path / "none.pem"))
    assert unreadable.status == 2
    assert "Set HEX_PUBLIC_KEY to the file" in unreadable.errors

    assert peer.log == []
    assert not crawl.store.root.exists()


def test_a_package_that_the_registry_does_not_have_ends_the_crawl_before_anything_is_fetched(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")

    outcome = crawl("packages=alpha,alhpa")

    assert outcome.status == 1
    assert "Not in the registry: alhpa. Check the spelling, including capital" in outcome.errors
    assert peer.asked() == ["/versions"]
