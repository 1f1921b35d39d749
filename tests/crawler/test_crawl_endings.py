"""Crawls that cannot go on, and crawls that were cut short."""

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from corpus.locking import claim
from corpus.store.index import Index
from demo.hex_repository import signed, versions_payload
from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer


def index_of_a_stranger(peer: HexRepositoryServer) -> None:
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    peer.registry["/versions"] = signed(versions_payload({}, "peer"), stranger)


def no_index(peer: HexRepositoryServer) -> None:
    del peer.registry["/versions"]


@pytest.fixture
def unused_port() -> int:
    """Return a port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (index_of_a_stranger, "the signature does not match"),
        (no_index, "the repository answers 404"),
    ],
)
def test_without_a_trusted_index_nothing_is_fetched_and_the_status_says_so(
    peer: HexRepositoryServer,
    crawl: Crawl,
    spoil: Callable[[HexRepositoryServer], None],
    words: str,
) -> None:
    peer.add("alpha", "1.0.0")
    spoil(peer)

    outcome = crawl()

    assert outcome.status == 1
    assert words in outcome.errors
    assert "Check HEX_REPO_URL" in outcome.errors
    assert "Traceback" not in outcome.errors
    assert peer.asked("/packages") == []


def test_an_index_out_of_reach_is_told_in_one_sentence(crawl: Crawl, unused_port: int) -> None:
    outcome = crawl(HEX_REPO_URL=f"http://127.0.0.1:{unused_port}", RETRY_TIMES="0")

    assert outcome.status == 1
    assert "/versions: no connection: Connection was refused by other side" in outcome.errors
    assert "refused. Check HEX_REPO_URL and the network." in outcome.errors
    assert "Crawl ended early: registry_unavailable" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_an_index_that_comes_too_late_is_told_in_one_sentence(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.answer("/versions", times=9, delay=2.0)

    outcome = crawl(DOWNLOAD_TIMEOUT="0.3", RETRY_TIMES="1")

    assert outcome.status == 1
    assert len(peer.asked("/versions")) == 2
    assert "/versions: too slow: " in outcome.errors
    assert "seconds. Check HEX_REPO_URL and the network." in outcome.errors
    assert "Crawl ended early: registry_unavailable" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_a_crawl_killed_in_the_middle_resumes_without_refetching_what_was_stored(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    names = [f"p{number:02}" for number in range(16)]
    for name in names:
        peer.add(name, "1.0.0")
        peer.answer(f"/tarballs/{name}-1.0.0.tar", delay=0.15)

    process = crawl.start(CONCURRENT_REQUESTS_PER_DOMAIN="3")
    wait_until(lambda: len(crawl.stored()) >= 5)
    process.kill()
    process.join(timeout=10)
    survivors = crawl.stored()
    assert 5 <= len(survivors) < len(names)
    assert all(crawl.store.read(row) for row in crawl.store.archives())

    peer.forget()
    assert crawl().status == 0

    assert crawl.stored() == [f"{name} 1.0.0" for name in names]
    fetched = {path.removeprefix("/tarballs/").removesuffix(".tar") for path in peer.asked("/tarb")}
    assert fetched == {f"{name}-1.0.0" for name in names if f"{name} 1.0.0" not in survivors}
    assert list(crawl.store.root.rglob("*.tmp")) == []


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_a_store_that_cannot_be_written_ends_the_crawl_with_advice(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    for name in ("alpha", "beta", "gamma"):
        peer.add(name, "1.0.0")
    (crawl.store.root / "archives").mkdir(parents=True)
    (crawl.store.root / "archives" / "hex").write_text("a file where a folder must be")

    outcome = crawl()

    assert outcome.status == 1
    assert "The archive store cannot be written" in outcome.errors
    assert outcome.errors.count("Move away the file that stands where a folder must be, or") == 1
    assert "Make room" not in outcome.errors
    assert "Traceback" not in outcome.errors

    (crawl.store.root / "archives" / "hex").unlink()
    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.0.0", "beta 1.0.0", "gamma 1.0.0"]


def test_two_crawls_do_not_write_to_one_store(peer: HexRepositoryServer, crawl: Crawl) -> None:
    peer.add("alpha", "1.0.0")
    with claim(crawl.store.root, "crawl"):
        outcome = crawl()

    assert outcome.status == 1
    assert "another crawl is writing here" in outcome.errors
    assert peer.log == []


def test_damage_to_what_was_remembered_costs_a_request_and_nothing_else(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    memory = crawl.store.root / "registry" / "peer"
    damage(memory / "versions", memory / "settled" / "alpha.json", memory / "packages" / "alpha")
    peer.forget()

    assert crawl().status == 0

    assert [(access.path, access.status) for access in peer.log] == [
        ("/versions", 200),
        ("/names", 304),
        ("/packages/alpha", 200),
    ]


def damage(*files: Path) -> None:
    """Cut files in half."""
    for file in files:
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])


def test_a_store_takes_one_repository_because_names_mean_other_packages_in_another(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    before = crawl.store.archives()
    shutil.rmtree(crawl.store.root / "registry")

    outcome = crawl(HEX_REPOSITORY_NAME="acme")

    assert outcome.status == 1
    assert "has archives of" in outcome.errors
    assert "Set ARCHIVE_STORE to another folder." in outcome.errors
    assert "Traceback" not in outcome.errors
    assert crawl.store.archives() == before


def test_an_index_that_asks_for_patience_beyond_ours_says_when_to_come_back(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.answer("/versions", 503, times=3, headers={"Retry-After": "3600"})

    outcome = crawl(RATE_LIMIT_LONGEST_WAIT="0.2")

    assert outcome.status == 1
    assert "It asks to wait for 3,600 s: crawl again after that." in outcome.errors


def test_a_version_that_an_old_copy_of_the_package_lacks_is_recorded(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    old = peer.registry["/packages/alpha"]
    peer.add("alpha", "1.1.0")
    new = peer.registry["/packages/alpha"]
    peer.registry["/packages/alpha"] = old

    assert crawl().status == 3
    assert crawl.refused() == {"alpha 1.1.0": "unavailable"}
    assert "an old copy" in crawl.reject("alpha", "1.1.0").reject.detail

    peer.registry["/packages/alpha"] = new
    assert crawl().status == 0
    assert "alpha 1.1.0" in crawl.stored()
    assert crawl.refused() == {}


def test_a_304_for_an_index_that_was_never_had_ends_the_crawl_in_a_sentence(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.answer("/versions", 304)

    outcome = crawl()

    assert outcome.status == 1
    assert "/versions: the repository answers 304 to a request for everything." in outcome.errors
    assert "Crawl ended early: registry_unavailable" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_a_304_for_a_package_that_was_never_had_is_recorded_and_the_next_crawl_asks_again(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    peer.answer("/packages/alpha", 304)

    outcome = crawl()

    assert outcome.status == 3
    assert "Traceback" not in outcome.errors
    assert crawl.stored() == ["beta 1.0.0"]
    assert crawl.reject("alpha").reject.reason == "unavailable"
    assert "answers 304 to a request for everything" in crawl.reject("alpha").reject.detail

    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.0.0", "beta 1.0.0"]
    assert crawl.refused() == {}


def test_a_release_without_a_checksum_is_refused_for_good_until_it_has_one(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.names = False
    peer.add("alpha", "1.0.0")
    peer.add("beta", "1.0.0")
    peer.change("beta", "1.0.0", has_outer_checksum=False)

    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.0.0"]
    assert crawl.refused() == {"beta 1.0.0": "no_checksum"}
    peer.forget()
    assert crawl().status == 0
    assert sorted((access.path, access.status) for access in peer.log[2:]) == [
        ("/packages/alpha", 304),
        ("/packages/beta", 304),
    ]

    peer.change("beta", "1.0.0", has_outer_checksum=True)
    assert crawl().status == 0
    assert crawl.stored() == ["alpha 1.0.0", "beta 1.0.0"]
    assert crawl.refused() == {}


def test_an_altered_segment_of_the_index_ends_the_crawl_and_its_advice_mends_the_store(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    before = crawl.store.archives()[0].sha256
    Index(crawl.store.root, "archives").pack()
    segment = crawl.store.root / "index" / "archives-000001.rows"
    segment.write_bytes(b"no line of a segment\n" + segment.read_bytes())

    outcome = crawl()

    assert outcome.status == 1
    assert "Crawl ended early: store_unusable" in outcome.errors
    assert "archives-000001.rows: the index of archives was altered" in outcome.errors
    assert "Traceback" not in outcome.errors
    assert "move it out of the store" in outcome.errors
    segment.rename(crawl.folder / "moved")
    assert crawl().status == 0
    assert [row.sha256 for row in crawl.store.archives()] == [before]


def test_a_crawl_into_the_folder_above_a_store_begins_no_second_one(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    peer.add("alpha", "1.0.0")
    assert crawl().status == 0
    before = sorted(path.name for path in crawl.folder.iterdir())

    outcome = crawl(ARCHIVE_STORE=str(crawl.folder))

    assert outcome.status == 1
    assert "Crawl ended early: store_unusable" in outcome.errors
    assert f"holds one: {crawl.store.root}. Name that store" in outcome.errors
    assert sorted(path.name for path in crawl.folder.iterdir()) == before
