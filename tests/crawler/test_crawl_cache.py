from pathlib import Path

from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer

HTML = b"<html>Sign in to the wireless network</html>"
FOR_AN_HOUR = {"Cache-Control": "max-age=3600"}


def test_a_corrupt_tarball_does_not_stay_in_the_http_cache(
    peer: HexRepositoryServer, crawl: Crawl, tmp_path: Path
) -> None:
    peer.add("alpha", "1.0.0")
    path = "/tarballs/alpha-1.0.0.tar"
    peer.answer(path, 200, times=3, body=HTML, headers=FOR_AN_HOUR)
    cache = tmp_path / "cache"

    assert crawl(HTTPCACHE_ENABLED="1", HTTPCACHE_DIR=str(cache)).status == 0
    assert crawl.refused() == {"alpha 1.0.0": "checksum_mismatch"}
    assert len(peer.accesses(path)) == 3
    assert HTML not in [file.read_bytes() for file in cache.rglob("response_body")]

    assert crawl(HTTPCACHE_ENABLED="1", HTTPCACHE_DIR=str(cache)).status == 0
    assert crawl.stored() == ["alpha 1.0.0"]
    assert crawl.refused() == {}


def test_a_304_for_an_index_that_was_never_had_ends_the_crawl_in_a_sentence(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.answer("/versions", 304)

    outcome = crawl()

    assert outcome.status == 1
    assert "/versions: the repository answers 304 to a request for everything." in outcome.errors
    assert "Crawl registry_unavailable" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_a_304_for_a_package_that_was_never_had_is_recorded_and_the_next_crawl_asks_again(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    peer.answer("/packages/alpha", 304)

    outcome = crawl()

    assert outcome.status == 0
    assert "Traceback" not in outcome.errors
    assert crawl.stored() == ["beta 1.0.0"]
    assert crawl.reject("alpha").reason == "unavailable"
    assert "answers 304 to a request for everything" in crawl.reject("alpha").detail

    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.0.0", "beta 1.0.0"]
    assert crawl.refused() == {}
