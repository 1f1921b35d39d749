"""The same version with other bytes, and a tarball that is not there at first."""

import os
import signal
import time

import pytest

from corpus.inputs import read_inputs
from corpus.progress import Silent
from demo.hex_repository import publish
from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer


def publish_again(peer: HexRepositoryServer, name: str, *, licenses: tuple[str, ...]) -> None:
    """Publish version 1.0.0 of a package with other bytes."""
    metadata = {"name": name, "version": "1.0.0", "licenses": list(licenses)}
    peer.release(publish(metadata, {"lib/other.ex": b"defmodule Other do\nend\n"}))


@pytest.mark.parametrize("names", [True, False], ids=["told by the names", "told by nothing"])
def test_a_version_that_was_published_again_is_stored_and_the_old_marked(
    peer: HexRepositoryServer, crawl: Crawl, names: bool
) -> None:
    peer.names = names
    for name in ("alpha", "beta"):
        peer.add(name, "1.0.0")
    assert crawl().status == 0
    old = crawl.store.get("hex", "alpha", "1.0.0")
    assert old
    before = crawl.store.read(old)
    publish_again(peer, "alpha", licenses=("MIT",))
    peer.forget()

    assert crawl().status == 0

    new = crawl.store.get("hex", "alpha", "1.0.0")
    assert new
    assert crawl.store.read(new) == peer.releases["alpha", "1.0.0"].tarball
    (kept,) = crawl.store.superseded()
    assert (kept.sha256, kept.superseded_by) == (old.sha256, new.sha256)
    assert crawl.store.read(kept) == before
    assert peer.asked("/tarballs/") == ["/tarballs/alpha-1.0.0.tar"]
    asked = [(access.path, access.status) for access in peer.log if "packages" in access.path]
    unchanged = [] if names else [("/packages/beta", 304)]
    assert sorted(asked) == [("/packages/alpha", 200), *unchanged]
    built = read_inputs(crawl.store, Silent()).archives
    assert [archive.sha256 for archive in built if archive.name == "alpha"] == [new.sha256]

    peer.forget()
    outcome = crawl()
    assert outcome.status == 0
    assert peer.asked("/tarballs/") == []
    lines = {" ".join(line.split()) for line in outcome.errors.splitlines()}
    assert "unchanged since an earlier crawl 2" in lines


def test_a_repository_without_an_index_of_names_is_crawled_all_the_same(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.always("/names", 404)
    assert crawl().status == 0
    publish_again(peer, "alpha", licenses=("MIT",))

    outcome = crawl()

    assert outcome.status == 0
    assert len(crawl.store.superseded()) == 1
    assert "Every package is asked for." in outcome.errors


def test_a_version_that_was_refused_and_is_published_again_under_another_licence_is_stored(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0", licenses=("GPL-3.0-only",))
    assert crawl().status == 0
    publish_again(peer, "alpha", licenses=("MIT",))

    assert crawl().status == 0

    assert crawl.stored() == ["alpha 1.0.0"]
    assert crawl.refused() == {}


@pytest.mark.parametrize("license", ["MIT", "GPL-3.0-only"])
def test_a_crawl_killed_before_the_new_bytes_came_leaves_them_to_the_next(
    peer: HexRepositoryServer, crawl: Crawl, license: str
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    publish_again(peer, "alpha", licenses=(license,))
    peer.forget()
    peer.answer("/tarballs/alpha-1.0.0.tar", delay=5)

    process = crawl.start()
    deadline = time.monotonic() + 20
    while not peer.asked("/tarballs/"):  # the new entry of the registry is kept by then
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()

    assert crawl().status == 0
    if license == "MIT":
        assert (
            crawl.store.read(crawl.store.archives()[0]) == peer.releases["alpha", "1.0.0"].tarball
        )
        assert len(crawl.store.superseded()) == 1
    else:
        assert crawl.refused() == {"alpha 1.0.0": "license_not_permitted"}


def test_while_the_new_bytes_cannot_be_had_the_old_stay(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    old = peer.releases["alpha", "1.0.0"].tarball
    publish_again(peer, "alpha", licenses=("MIT",))
    peer.always("/tarballs/alpha-1.0.0.tar", 503)

    assert crawl().status == 3
    assert crawl.store.read(crawl.store.archives()[0]) == old
    assert crawl.store.superseded() == []

    peer.mend()
    assert crawl().status == 0
    assert crawl.store.read(crawl.store.archives()[0]) != old
    assert len(crawl.store.superseded()) == 1


def test_a_tarball_that_was_not_there_once_is_stored_when_it_is(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    peer.always("/tarballs/alpha-1.0.0.tar", 404)

    outcome = crawl()

    assert outcome.status == 0
    assert crawl.refused() == {"alpha 1.0.0": "gone"}
    last = outcome.errors.rstrip().splitlines()[-1]
    assert "1 archive of the registry answered 404 or 410: alpha 1.0.0" in last

    peer.mend()
    peer.forget()
    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.0.0", "beta 1.0.0"]
    assert crawl.refused() == {}
    assert peer.asked("/tarballs/") == ["/tarballs/alpha-1.0.0.tar"]


def test_what_is_missing_for_long_enough_is_not_asked_for_again(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.always("/tarballs/alpha-1.0.0.tar", 404)
    assert crawl(GONE_AFTER_DAYS="0").status == 0
    peer.forget()

    assert crawl(GONE_AFTER_DAYS="0").status == 0

    assert peer.asked("/tarballs/") == []
    assert crawl.refused() == {"alpha 1.0.0": "gone"}
