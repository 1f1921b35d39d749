from dataclasses import replace

from demo.hex_repository import signed, versions_payload
from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import REPOSITORY, HexRepositoryServer

UNUSABLE_NAME = "unusable-fb95d923ad5aa05dadf6f19cca8e81a8"
UNUSABLE_VERSION = "unusable-876a2a85eacbfe4c54a1f41317bdae74"


def list_as(peer: HexRepositoryServer, names: dict[str, list[str]]) -> None:
    """Let the index of versions list packages and versions that no sound registry has."""
    sound = peer.releases["alpha", "1.0.0"]
    packages = {
        name: [replace(sound, name=name, version=version) for version in versions]
        for name, versions in names.items()
    }
    peer.registry["/versions"] = signed(versions_payload(packages, REPOSITORY), peer.key)


def test_names_that_cannot_become_paths_are_recorded_and_counted_and_the_crawl_goes_on(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    list_as(peer, {"../alpha": ["1.0.0", "0.9.0"], "alpha": ["../1.0.0", "1.0.0"]})

    outcome = crawl()

    assert outcome.status == 0
    assert crawl.stored() == ["alpha 1.0.0"]
    assert crawl.refused() == {
        f"alpha {UNUSABLE_VERSION}": "unusable_name",
        f"{UNUSABLE_NAME} 1.0.0": "unusable_name",
    }
    row = crawl.reject(UNUSABLE_NAME)
    assert row.reject.detail == "the registry lists '../alpha', version '1.0.0'"
    assert row.url == f"{peer.url}/versions"
    detail = crawl.reject("alpha", UNUSABLE_VERSION).reject.detail
    assert detail == "the registry lists 'alpha', version '../1.0.0'"
    lines = {" ".join(line.split()) for line in outcome.errors.splitlines()}
    assert {"packages listed 2", "archives refused 2", "unusable_name 2"} <= lines
    assert all(".." not in path for path in peer.asked())


def test_a_version_too_long_for_a_file_name_is_recorded_and_the_record_stays_short(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    long = "1.0.0-" + "a" * 250
    list_as(peer, {"alpha": ["1.0.0", long]})

    assert crawl("versions=all", "prereleases=yes").status == 0

    assert crawl.stored() == ["alpha 1.0.0"]
    (row,) = crawl.store.rejects()
    assert row.reject.reason == "unusable_name"
    assert row.reject.detail == f"the registry lists 'alpha', version '{long[:200]}'..."


def test_an_unchanged_registry_is_read_once_and_what_it_cannot_name_is_counted_again(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    list_as(peer, {"Alpha": ["1.0.0"], "alpha": ["1.0.0"]})
    assert crawl().status == 0
    peer.forget()

    outcome = crawl()

    assert outcome.status == 0
    assert peer.asked() == ["/versions", "/names"]
    assert " unusable_name" in outcome.errors


def test_capitals_after_the_first_letter_are_as_good_as_any(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alphaBeta", "1.0.0")

    assert crawl("packages=alphaBeta").status == 0

    assert crawl.stored() == ["alphaBeta 1.0.0"]
