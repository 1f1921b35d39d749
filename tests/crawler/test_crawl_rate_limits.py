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


def test_a_wait_beyond_the_longest_is_given_up_and_recorded(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/tarballs/p1-1.0.0.tar", 429, times=5, headers={"Retry-After": "86400"})

    assert crawl(RATE_LIMIT_LONGEST_WAIT="0.2").status == 0

    assert crawl.refused() == {"p1 1.0.0": "unavailable"}
    assert len(peer.accesses("/tarballs/p1-1.0.0.tar")) == 1
