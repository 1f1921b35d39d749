import time
from email.utils import formatdate
from itertools import pairwise

from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer

NAMES = tuple(f"p{number}" for number in range(8))


def fill(peer: HexRepositoryServer) -> None:
    for name in NAMES:
        peer.add(name, "1.0.0")


def pauses(peer: HexRepositoryServer) -> list[float]:
    """Return the seconds that passed between one request and the next."""
    times = [access.at for access in peer.log]
    return [after - before for before, after in pairwise(times)]


def test_retry_after_rests_the_whole_host_and_loses_nothing(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/packages/p3", 429, headers={"Retry-After": "1"})

    assert crawl(CONCURRENT_REQUESTS_PER_DOMAIN="1").status == 0

    turned_away = next(n for n, access in enumerate(peer.log) if access.status == 429)
    assert pauses(peer)[turned_away] >= 1.0
    assert max(pauses(peer)[:turned_away] + pauses(peer)[turned_away + 1 :]) < 0.9
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]


def test_retry_after_may_be_a_date(peer: HexRepositoryServer, crawl: Crawl) -> None:
    fill(peer)
    headers = {"Retry-After": formatdate(time.time() + 3, usegmt=True)}
    peer.answer("/tarballs/p1-1.0.0.tar", 503, headers=headers)

    assert crawl(CONCURRENT_REQUESTS_PER_DOMAIN="1").status == 0

    assert max(pauses(peer)) >= 1.0
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]


def test_a_host_whose_limit_is_used_up_rests_until_the_reset(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 4)}
    body = peer.registry["/packages/p2"]
    peer.answer("/packages/p2", 200, body=body, headers=headers)

    assert crawl(CONCURRENT_REQUESTS_PER_DOMAIN="1").status == 0

    assert max(pauses(peer)) >= 1.0
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]


def test_a_wait_beyond_the_longest_is_given_up_and_recorded(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    fill(peer)
    peer.answer("/tarballs/p1-1.0.0.tar", 429, times=5, headers={"Retry-After": "86400"})

    assert crawl(RATE_LIMIT_LONGEST_WAIT="0.2").status == 0

    assert crawl.refused() == {"p1 1.0.0": "unavailable"}
    assert len(peer.accesses("/tarballs/p1-1.0.0.tar")) == 1
