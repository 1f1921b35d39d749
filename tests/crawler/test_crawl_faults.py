"""A crawl of 25 packages under each fault: what is stored, what is lost, the status, the idle time.

    python -m pytest -s tests/crawler/test_crawl_faults.py

prints the table. The waits are those of QUICK, hundredths of the default ones.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.crawler.crawling import Crawl
from tests.peers.hex_repository_server import HexRepositoryServer, serving

NAMES = tuple(f"p{number:02}" for number in range(25))
HTML = b"<html>Sign in</html>"


def tarball(name: str) -> str:
    return f"/tarballs/{name}-1.0.0.tar"


def dead(*names: str) -> Callable[[HexRepositoryServer], None]:
    def spoil(peer: HexRepositoryServer) -> None:
        for name in names:
            peer.always(tarball(name), 503)

    return spoil


def limited_once(peer: HexRepositoryServer) -> None:
    peer.answer(tarball("p07"), 429, headers={"Retry-After": "1"})


def out_for_a_while(peer: HexRepositoryServer) -> None:
    for name in NAMES[4:9]:
        peer.answer(tarball(name), 503, headers={"Retry-After": "1"})


def html(peer: HexRepositoryServer) -> None:
    peer.always(tarball("p07"), 200, body=HTML)


def cut(peer: HexRepositoryServer) -> None:
    peer.always(tarball("p07"), 200, body=peer.releases["p07", "1.0.0"].tarball, cut=700)


def limited_api(peer: HexRepositoryServer) -> None:
    peer.always("/api/", 429, headers={"Retry-After": "1"})


def broken_entry(peer: HexRepositoryServer) -> None:
    peer.always("/packages/p07", 500)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and what is right: what is lost, the status, and how long the crawl may idle."""

    name: str
    spoil: Callable[[HexRepositoryServer], None]
    lost: tuple[str, ...] = ()
    status: int = 3
    reason: str | None = "unavailable"
    idle: tuple[float, float] = (0.0, 3.0)
    settings: dict[str, str] = field(default_factory=dict)


P07 = ("p07",)
FAULTS = (
    Fault("none", lambda peer: None, status=0),
    Fault("one address always 503", dead("p07"), P07),
    Fault("three addresses of 25 always 503", dead("p03", "p07", "p20"), ("p03", "p07", "p20")),
    Fault("one address always 500", lambda peer: peer.always(tarball("p07"), 500), P07),
    Fault("an entry of the registry always 500", broken_entry, P07),
    Fault("404", lambda peer: peer.always(tarball("p07"), 404), P07, status=0, reason="gone"),
    Fault("429 once, Retry-After 1", limited_once, status=0, idle=(0.9, 4.0)),
    Fault("the host 503, Retry-After 1", out_for_a_while, status=0, idle=(0.9, 9.0)),
    Fault("connection reset", lambda peer: peer.always(tarball("p07"), 0, reset=True), P07),
    Fault("body cut short", cut, P07, reason="truncated"),
    Fault(
        "a byte now and then",
        lambda peer: peer.always(tarball("p07"), 200, body=bytes(2000), drip=0.05),
        P07,
        idle=(0.0, 5.0),
        settings={"DOWNLOAD_TIMEOUT": "0.5", "RETRY_TIMES": "1"},
    ),
    Fault("another checksum", html, P07, reason="checksum_mismatch"),
    Fault("the API 429, Retry-After 1", limited_api, status=0, idle=(0.0, 12.0)),
    Fault("403 for one address", lambda peer: peer.always(tarball("p07"), 403), P07),
)
ROWS: list[str] = []


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    rows = [f"{'fault':<42}stored  lost  status  seconds idle  next crawl: status, stored"]
    yield rows
    print("\n" + "\n".join(rows))


@pytest.fixture(scope="module")
def filled(key: RSAPrivateKey) -> Iterator[HexRepositoryServer]:
    with serving(HexRepositoryServer(key)) as peer:
        for name in NAMES:
            peer.add(name, "1.0.0")
        yield peer


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_costs_what_it_must_and_the_next_crawl_makes_it_good(
    filled: HexRepositoryServer, tmp_path: Path, table: list[str], fault: Fault
) -> None:
    peer = filled
    peer.forget()
    peer.mend()
    fault.spoil(peer)
    crawl = Crawl(peer, tmp_path)
    api = {"HEX_API_URL": f"{peer.url}/api"} if "API" in fault.name else {}

    outcome = crawl(**fault.settings, **api)

    idle = peer.idle()
    row = (
        f"{fault.name:<42}{len(crawl.stored()):>6}{len(crawl.refused()):>6}"
        f"{outcome.status:>8}{idle:>14.1f}"
    )
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES if name not in fault.lost]
    assert crawl.refused() == {f"{name} 1.0.0": fault.reason for name in fault.lost}
    assert outcome.status == fault.status
    assert fault.idle[0] <= idle <= fault.idle[1]
    assert "Traceback" not in outcome.errors
    assert ("its host is paused" in outcome.errors) == (fault.idle[0] > 0 or "API" in fault.name)
    last = outcome.errors.rstrip().splitlines()[-1]
    assert all(name in last for name in fault.lost), last

    peer.mend()
    peer.forget()
    again = crawl().status
    table.append(f"{row}{again:>20}{len(crawl.stored()):>8}")
    assert again == 0
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]
    assert sorted(peer.asked("/tarballs/")) == [tarball(name) for name in sorted(fault.lost)]


def test_a_repository_that_goes_away_on_the_way_ends_the_crawl_and_the_next_goes_on(
    filled: HexRepositoryServer, tmp_path: Path, table: list[str]
) -> None:
    peer = filled
    peer.forget()
    peer.mend()
    peer.down_after = 16
    crawl = Crawl(peer, tmp_path)

    outcome = crawl(RATE_LIMIT_TIMES="2", RATE_LIMIT_ADDRESSES="3")

    stored = len(crawl.stored())
    row = (
        f"{'the server goes away on the way':<42}{stored:>6}{25 - stored:>6}"
        f"{outcome.status:>8}{peer.idle():>14.1f}"
    )
    assert outcome.status == 3
    assert stored < 25
    assert "does not answer correctly, even after 2 pauses" in outcome.errors
    assert "Crawl ended early: repository_unavailable" in outcome.errors
    assert "were not checked" in outcome.errors.rstrip().splitlines()[-1]
    assert "Traceback" not in outcome.errors
    # 16 are answered; 8 at once are under way before each of the 2 pauses, and at the end.
    assert len(peer.asked()) <= 16 + 3 * 8

    peer.mend()
    peer.forget()
    again = crawl().status
    table.append(f"{row}{again:>20}{len(crawl.stored()):>8}")
    assert again == 0
    assert crawl.stored() == [f"{name} 1.0.0" for name in NAMES]
    shutil.rmtree(tmp_path)


def test_a_host_that_cannot_be_found_ends_the_crawl_in_a_sentence(crawl: Crawl) -> None:
    outcome = crawl(HEX_REPO_URL="http://hex.invalid", RETRY_TIMES="1")

    assert outcome.status == 1
    assert "http://hex.invalid/versions: no connection: " in outcome.errors
    assert "Check HEX_REPO_URL and the network." in outcome.errors
    assert "Traceback" not in outcome.errors


def test_the_api_that_limits_us_does_not_keep_the_repository_waiting(
    peer: HexRepositoryServer, crawl: Crawl
) -> None:
    for name in NAMES:
        peer.add(name, "1.0.0")
    peer.answer("/api/packages?sort=name&page=1", 429, headers={"Retry-After": "2"})
    peer.details["p07"] = {"downloads": {"all": 7, "recent": 3}}

    assert crawl(HEX_API_URL=f"{peer.url}/api").status == 0

    first, second = (access.at for access in peer.accesses("/api/packages?sort=name&page=1"))
    tarballs = [access.at for access in peer.log if access.path.startswith("/tarballs/")]
    assert len(tarballs) == 25
    assert first < min(tarballs)
    assert sum(at < second for at in tarballs) >= 5
    row = crawl.store.get("hex", "p07", "1.0.0")
    assert row
    assert row.downloads
    assert (row.downloads.all, row.downloads.recent) == (7, 3)
