"""Several crawls in one process, one after another and at once."""

import json
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from corpus.store import ArchiveStore
from tests.crawler.crawling import QUICK, Crawl
from tests.peers.hex_repository_server import HexRepositoryServer, serving

PROJECT = Path(__file__).parents[2]
SCRIPT = """
import asyncio, json, os, signal, sys
from scrapy.utils.reactor import install_reactor
install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from twisted.internet import reactor
from crawler.outcome import status

def prepared(given):
    settings = Settings()
    settings.setmodule("crawler.settings")
    settings.setdict(given)
    runner = AsyncCrawlerRunner(settings)
    return runner, runner.create_crawler("hex")

async def run():
    first, second, third = json.loads(sys.argv[1])
    before = dict(os.environ), signal.getsignal(signal.SIGINT)
    crawls = [prepared(first), prepared(second)]
    await asyncio.gather(*(runner.crawl(crawler) for runner, crawler in crawls))
    crawls.append(prepared(third))
    await crawls[-1][0].crawl(crawls[-1][1], versions="all")
    after = dict(os.environ), signal.getsignal(signal.SIGINT)
    found = [status(each.stats.get_stats()) for _, each in crawls]
    print(json.dumps([*found, before[0] == after[0], before[1] == after[1]]))

async def main():
    try:
        await run()
    finally:
        reactor.stop()

reactor.callWhenRunning(lambda: asyncio.ensure_future(main()))
reactor.run(installSignalHandlers=False)
"""


def test_crawls_share_nothing_but_the_process(
    key: RSAPrivateKey, peer: HexRepositoryServer, tmp_path: Path
) -> None:
    with serving(HexRepositoryServer(key)) as other:
        peer.add("alpha", "1.0.0")
        peer.add("alpha", "1.1.0")
        other.add("beta", "1.0.0")
        other.add("dead", "1.0.0")
        other.always("/tarballs/dead-1.0.0.tar", 503)
        first, second = Crawl(peer, tmp_path), Crawl(other, tmp_path)
        stores = [str(tmp_path / "one"), str(tmp_path / "two")]
        given = [
            {**QUICK, **crawl.environment(), "ARCHIVE_STORE": store}
            for crawl, store in ((first, stores[0]), (second, stores[1]), (first, stores[0]))
        ]

        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(given)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.stdout, done.stderr
    assert done.returncode == 0
    assert json.loads(done.stdout) == [0, 3, 0, True, True]
    stored = [
        [f"{row.name} {row.version}" for row in ArchiveStore(Path(store)).archives()]
        for store in stores
    ]
    assert stored == [["alpha 1.0.0", "alpha 1.1.0"], ["beta 1.0.0"]]
    assert "Traceback" not in done.stderr
