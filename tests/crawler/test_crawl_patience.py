import os
import signal
import time
from itertools import pairwise

from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer

NAMES = tuple(f"p{number}" for number in range(6))


def fill(peer: HexRepositoryServer) -> None:
    for name in NAMES:
        peer.add(name, "1.0.0")


def pause_after(peer: HexRepositoryServer, path: str) -> float:
    """Return the seconds from the first request for `path` to the next request of any kind."""
    return next(next_.at - one.at for one, next_ in pairwise(peer.log) if one.path == path)


def test_a_host_that_asks_for_patience_rests_and_nothing_is_lost(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/packages/p2", 429, headers={"Retry-After": "1"})
    peer.answer("/tarballs/p4-1.0.0.tar", 503)
    last = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
    peer.answer("/packages/p1", 200, body=peer.registry["/packages/p1"], headers=last)

    assert crawl(CONCURRENT_REQUESTS_PER_DOMAIN="1").status == 0

    assert pause_after(peer, "/packages/p2") >= 1.0
    assert len(peer.accesses("/tarballs/p4-1.0.0.tar")) == 2
    assert pause_after(peer, "/packages/p1") >= 1.0
    assert len(peer.accesses("/packages/p2")) == 2
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]


def test_a_wait_beyond_the_longest_ends_the_crawl_and_the_next_goes_on(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/tarballs/p1-1.0.0.tar", 429, headers={"Retry-After": "86400"})

    began = time.monotonic()
    outcome = crawl(CONCURRENT_REQUESTS_PER_DOMAIN="1")

    assert outcome.status == 1
    assert time.monotonic() - began < 30
    assert "It asks to wait for 86,400 s: crawl again after that." in outcome.errors
    assert "Traceback" not in outcome.errors
    assert peer.asked()[-1] == "/tarballs/p1-1.0.0.tar"

    assert crawl().status == 0
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]
    assert crawl.refused() == {}


def test_a_crawl_that_is_interrupted_while_a_host_rests_ends_at_once(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/tarballs/p1-1.0.0.tar", 429, headers={"Retry-After": "300"})
    process = crawl.start(CONCURRENT_REQUESTS_PER_DOMAIN="1")
    while not peer.accesses("/tarballs/p1-1.0.0.tar"):
        time.sleep(0.02)
    time.sleep(0.5)
    assert process.pid
    os.kill(process.pid, signal.SIGINT)
    process.join(30)

    assert process.exitcode == 1
    assert peer.asked()[-1] == "/tarballs/p1-1.0.0.tar"

    assert crawl().status == 0
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]


def test_several_addresses_that_fail_in_a_row_rest_their_host_and_a_success_ends_the_series(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    for name in NAMES[:3]:
        peer.add(name, "1.0.0")
        peer.answer(f"/packages/{name}", 500)

    outcome = crawl(
        RATE_LIMIT_ADDRESSES="3", RATE_LIMIT_FIRST_WAIT="1", CONCURRENT_REQUESTS_PER_DOMAIN="1"
    )

    assert outcome.status == 0
    assert outcome.errors.count("its host is paused for 1 s") == 1
    assert peer.idle(longer_than=0.9) >= 0.9

    peer.forget()
    for name in NAMES[:3]:
        peer.add(name, "1.1.0")
    for name in NAMES[:2]:
        peer.answer(f"/packages/{name}", 500)
        peer.answer(f"/tarballs/{name}-1.1.0.tar", 500)
    outcome = crawl(
        RATE_LIMIT_ADDRESSES="3", RATE_LIMIT_FIRST_WAIT="1", CONCURRENT_REQUESTS_PER_DOMAIN="1"
    )
    assert outcome.status == 0
    assert "its host is paused" not in outcome.errors


def test_a_503_that_comes_again_for_one_address_rests_nobody_else(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.always("/tarballs/p1-1.0.0.tar", 503, headers={"Retry-After": "1"})

    outcome = crawl(CONCURRENT_REQUESTS_PER_DOMAIN="1", RATE_LIMIT_TIMES="2")

    assert outcome.status == 3
    assert outcome.errors.count("its host is paused") == 1
    assert crawl.refused() == {"p1 1.0.0": "unavailable"}
    assert len(peer.accesses("/tarballs/p1-1.0.0.tar")) == 3


def test_a_503_beyond_the_longest_wait_costs_its_address_only(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.always("/tarballs/p1-1.0.0.tar", 503, headers={"Retry-After": "86400"})

    outcome = crawl(RATE_LIMIT_LONGEST_WAIT="0.3")

    assert outcome.status == 3
    assert crawl.refused() == {"p1 1.0.0": "unavailable"}
    assert len(crawl.stored()) == 5
