"""One crawl of a repository in which nearly everything is wrong: each fault leaves its reason."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from demo.hex_repository import Publication, package_payload, signed
from tests.crawler.crawling import Crawl, Outcome
from tests.peers.hex_repository_server import REPOSITORY, HexRepositoryServer, serving

HTML = b"<!DOCTYPE html><html><body>Sign in to the wireless network</body></html>"
SOUND = ("aaron", "burst", "corrected", "moody", "zebra")
ILL = (
    "badsign",
    "busy",
    "changed",
    "cut",
    "elsewhere",
    "empty",
    "gone",
    "gone_for_good",
    "html",
    "impostor",
    "junk",
    "large",
    "missing",
    "renamed",
    "short",
    "slow",
)


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def crawled(
    key: RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[HexRepositoryServer, Crawl, Outcome]]:
    with serving(HexRepositoryServer(key)) as peer:
        for name in (*SOUND, *ILL):
            peer.add(name, "1.0.0")
        spoil_registry(peer)
        spoil_tarballs(peer)
        crawl = Crawl(peer, tmp_path_factory.mktemp("bad-input"))
        yield peer, crawl, crawl(DOWNLOAD_TIMEOUT="1.5", RETRY_TIMES="1", RATE_LIMIT_TIMES="2")


def spoil_registry(peer: HexRepositoryServer) -> None:
    """Let what the registry says of some packages be wrong, and sign it all the same."""
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    peer.release(Publication(name="junk", version="1.0.0", tarball=b"no tarball at all"))
    other = peer.releases["aaron", "1.0.0"].tarball
    peer.release(Publication(name="renamed", version="1.0.0", tarball=other))

    def payload(name: str, repository: str = REPOSITORY) -> bytes:
        return package_payload(name, [peer.releases[name, "1.0.0"]], repository)

    peer.registry |= {
        "/packages/badsign": signed(payload("badsign"), stranger),
        "/packages/elsewhere": signed(payload("elsewhere", "another"), peer.key),
        "/packages/impostor": signed(payload("aaron"), peer.key),
        "/packages/changed": b"\x1f\x8b not gzip",
    }
    peer.answer("/packages/missing", 404, times=9)


def spoil_tarballs(peer: HexRepositoryServer) -> None:
    """Let some tarballs come damaged, late or not at all."""

    def path(name: str) -> str:
        return f"/tarballs/{name}-1.0.0.tar"

    whole = peer.releases["short", "1.0.0"].tarball
    peer.answer(path("burst"), 429, times=1, headers={"Retry-After": "0"})
    peer.answer(path("burst"), 503, times=1)
    peer.answer(path("busy"), 429, times=9)
    peer.answer(path("corrected"), 200, times=1, body=HTML)
    peer.answer(path("cut"), times=9, cut=700)
    peer.answer(path("empty"), 200, times=9)
    peer.answer(path("gone"), 404, times=9)
    peer.answer(path("gone_for_good"), 410, times=9)
    peer.answer(path("html"), 200, times=9, body=HTML)
    peer.answer(path("large"), 200, times=9, body=bytes(17 * 1024 * 1024))
    peer.answer(path("moody"), 500, times=1)
    peer.answer(path("short"), 200, times=9, body=whole[:2048])
    peer.answer(path("slow"), times=9, delay=2.5)


EXPECTED = {
    "badsign": ("bad_signature", "the signature does not match"),
    "busy": ("unavailable", "the repository answers 429"),
    "changed": ("malformed_registry", "not gzip"),
    "cut": ("truncated", "the connection closed before the whole body had come"),
    "elsewhere": ("wrong_repository", "belongs to the repository 'another', not 'peer'"),
    "empty": ("checksum_mismatch", "an empty body of 0 bytes"),
    "gone": ("gone", "the repository answers 404"),
    "gone_for_good": ("gone", "the repository answers 410"),
    "html": ("checksum_mismatch", "an HTML page of 72 bytes"),
    "impostor": ("wrong_repository", "asked for the package 'impostor', the registry's is 'aaron'"),
    "junk": ("not_a_tarball", ""),
    "large": ("archive_too_large", "larger than download max size (16777216)"),
    "missing": ("gone", "/packages/missing: the repository answers 404"),
    "renamed": ("malformed_metadata", "the tarball calls itself aaron 1.0.0"),
    "short": ("checksum_mismatch", "a truncated tarball of 2048 bytes"),
    "slow": ("unavailable", "too slow: "),
}


@pytest.mark.parametrize("name", ILL)
def test_a_fault_leaves_its_reason(
    crawled: tuple[HexRepositoryServer, Crawl, Outcome], name: str
) -> None:
    reason, words = EXPECTED[name]
    row = crawled[1].reject(name)
    assert row.reject.reason == reason
    assert words in row.reject.detail
    assert row.url == f"{crawled[0].url}/tarballs/{name}-1.0.0.tar"


def test_what_was_right_is_stored_and_the_status_says_that_something_is_missing(
    crawled: tuple[HexRepositoryServer, Crawl, Outcome],
) -> None:
    _, crawl, outcome = crawled
    assert crawl.stored() == [f"{name} 1.0.0" for name in SOUND]
    assert sorted(crawl.refused()) == [f"{name} 1.0.0" for name in ILL]
    assert outcome.status == 3
    assert "Traceback" not in outcome.errors


def test_each_corrupt_tarball_is_fetched_three_times_and_no_more(
    crawled: tuple[HexRepositoryServer, Crawl, Outcome],
) -> None:
    peer = crawled[0]
    assert len(peer.accesses("/tarballs/html-1.0.0.tar")) == 3
    assert len(peer.accesses("/tarballs/corrected-1.0.0.tar")) == 2


def test_the_summary_counts_every_reason(
    crawled: tuple[HexRepositoryServer, Crawl, Outcome],
) -> None:
    lines = {" ".join(line.split()) for line in crawled[2].errors.splitlines()}
    assert {
        "packages listed 21",
        "archives stored 5",
        "archives refused 16",
        "checksum_mismatch 3",
        "gone 3",
        "unavailable 2",
        "wrong_repository 2",
    } <= lines


def test_the_next_crawl_tries_again_what_may_have_been_bad_luck_and_nothing_else(
    crawled: tuple[HexRepositoryServer, Crawl, Outcome],
) -> None:
    peer, crawl, _ = crawled
    peer.forget()
    peer.sign()

    assert crawl().status == 0

    fetched = {path.split("/")[2].split("-")[0] for path in peer.asked("/tarballs/")}
    assert fetched == {
        *("badsign", "busy", "changed", "cut", "elsewhere"),
        *("empty", "gone", "gone_for_good", "html", "impostor", "missing", "short", "slow"),
    }
    assert sorted(crawl.refused()) == [f"{name} 1.0.0" for name in ("junk", "large", "renamed")]
