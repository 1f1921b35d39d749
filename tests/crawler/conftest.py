from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from tests.crawler.crawling import Crawl, GitHubCrawl
from tests.peers.github_server import GitHubServer, serving_github
from tests.peers.hex_repository_server import HexRepositoryServer, serving


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def peer(key: RSAPrivateKey) -> Iterator[HexRepositoryServer]:
    with serving(HexRepositoryServer(key)) as peer:
        yield peer


@pytest.fixture
def crawl(peer: HexRepositoryServer, tmp_path: Path) -> Crawl:
    return Crawl(peer, tmp_path)


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with serving_github(GitHubServer()) as peer:
        yield peer


@pytest.fixture
def github_crawl(github: GitHubServer, tmp_path: Path) -> GitHubCrawl:
    return GitHubCrawl(github, tmp_path)
