from crawler.progress import read, tell
from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer


def test_progress_tells_what_is_done_and_waits_how_fast_it_goes_and_how_long_it_takes() -> None:
    begun = read({"packages/listed": 100, "packages/opened": 5, "archives/wanted": 10}, at=0.0)
    now = read(
        {
            "packages/listed": 100,
            "packages/settled": 40,
            "packages/opened": 10,
            "archives/wanted": 20,
            "archives/stored": 13,
            "archives/refused/retired": 2,
        },
        at=10.0,
    )
    assert tell(now, now) == "15 done, 105 waiting"
    assert tell(begun, now) == "15 done, 105 waiting, 1.5/s, about 0:01:10 left"


def test_without_a_terminal_a_line_tells_how_far_the_crawl_is(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    for number in range(8):
        peer.add(f"p{number}", "1.0.0")
        peer.answer(f"/tarballs/p{number}-1.0.0.tar", delay=0.1)

    outcome = crawl(LOGSTATS_INTERVAL="0.1", CONCURRENT_REQUESTS_PER_DOMAIN="1")

    assert outcome.status == 0
    lines = [line for line in outcome.errors.splitlines() if " done, " in line]
    assert len(lines) >= 3
    assert any("/s, about 0:00:0" in line for line in lines)
