"""A writer of the store that is killed at each of its steps, and the crawl that follows."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.inputs import read_inputs
from corpus.progress import Silent
from corpus.reasons import Reason, Reject, Stage
from corpus.store import Archive, ArchiveStore, RejectedArchive
from corpus.store.index import Index
from crawler.items import NO_DETAILS
from crawler.plan import Planner
from crawler.registry import PackageReleases, Release
from crawler.versions import Selection

FIRST, REFUSED, LAST = b"as it was first", b"under another licence", b"as it is now"
FOLDERS = ("archives", "rejects", "superseded", "index")
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.chmod"}
"""What Python tells an audit hook of a writer's steps; a write is between two of them."""


def row(body: bytes) -> Archive:
    return Archive(
        source="hex",
        name="alpha",
        version="1.0.0",
        url="https://repo.example/tarballs/alpha-1.0.0.tar",
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        licenses=("MIT",),
        requirements=(),
        links=(),
        published_at=None,
        retirement=None,
        advisories=(),
        fetched_at="2026-11-22T10:00:00Z",
    )


def other(name: str) -> Archive:
    return replace(row(FIRST), name=name, sha256=hashlib.sha256(name.encode()).hexdigest(), bytes=4)


def refusal(name: str) -> RejectedArchive:
    return RejectedArchive(
        source="hex",
        name=name,
        version="1.0.0",
        url="https://repo.example/tarballs/alpha-1.0.0.tar",
        reject=Reject(Stage.LICENSE, Reason.LICENSE_NOT_PERMITTED, "GPL-3.0-only"),
        recorded_at="2026-11-22T10:00:00Z",
    )


def prepared(root: Path, before: tuple[str, ...]) -> ArchiveStore:
    store = ArchiveStore(root)
    store.put(other("beta"), b"beta")
    store.reject(refusal("gamma"))
    if "stored" in before:
        store.put(row(FIRST), FIRST)
    if "refused" in before:
        store.reject(refusal("alpha"))
    if "packed" in before:
        Index(root, "archives").pack()
        Index(root, "rejects").pack()
    return store


class Killed(BaseException):
    """Stands for the end of a process: from then on it changes nothing more."""


class Killing:
    """Lets a writer of a folder take so many steps, and none after them."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.left = 0
        sys.addaudithook(self.audit)  # for as long as Python runs

    def audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.root is None or event not in STEPS or str(self.root) not in str(arguments[0]):
            return
        self.left -= 1
        if self.left < 0:
            raise Killed

    def kills(self, store: ArchiveStore, body: bytes, steps: int) -> bool:
        """Store `body`, and say whether the writer was killed before its end."""
        self.root, self.left = store.root, steps
        try:
            store.put(row(body), body)
        except Killed:
            return True
        finally:
            self.root = None
        return False


@pytest.fixture(scope="module")
def killing() -> Killing:
    return Killing()


def crawl(store: ArchiveStore, body: bytes) -> None:
    """Do what a crawl does that finds `body` published."""
    store.sweep()
    planner = Planner(url="https://repo.example", store=store, selection=Selection(count=None))
    release = Release(version="1.0.0", outer_checksum=row(body).sha256)
    refused = {"1.0.0": row(REFUSED).sha256}
    plan = planner.plan(PackageReleases(name="alpha", releases=(release,)), refused)
    assert plan.refuse == []
    assert plan.still_refused == {}
    for wanted in plan.stored:
        planner.update(wanted, NO_DETAILS)
    for _ in plan.fetch:
        store.put(row(body), body)


def contents(store: ArchiveStore) -> list[object]:
    inputs = read_inputs(store, Silent())
    every = (*store.archives(), *store.superseded())
    return [store.table().to_pylist(), store.rejects(), inputs, list(map(store.read, every))]


@pytest.mark.parametrize(
    "before",
    [
        (),
        ("stored",),
        ("stored", "packed"),
        ("refused",),
        ("stored", "refused"),
        ("stored", "refused", "packed"),
    ],
    ids="-".join,
)
def test_wherever_a_writer_is_killed_the_next_crawl_mends_the_store(
    tmp_path: Path, killing: Killing, before: tuple[str, ...]
) -> None:
    whole = prepared(tmp_path / "whole", before)
    whole.put(row(LAST), LAST)
    expected = contents(whole)
    assert [each.sha256 for each in whole.superseded()] == (
        [row(FIRST).sha256] if "stored" in before else []
    )
    step = 0
    while killing.kills(store := prepared(tmp_path / f"{step}", before), LAST, step):
        store = ArchiveStore(store.root)
        for each in (*store.archives(), *store.superseded()):
            store.read(each)  # a row speaks of the bytes beside it at any moment
        crawl(store, LAST)
        assert contents(store) == expected, f"killed after {step} steps"
        step += 1
    assert step > 12


def test_a_version_that_is_what_it_was_before_is_read_again(tmp_path: Path) -> None:
    store = prepared(tmp_path, ("stored",))
    store.put(row(LAST), LAST)
    crawl(store, FIRST)
    assert [each.sha256 for each in store.superseded()] == [row(LAST).sha256]

    store.reject(refusal("alpha"))  # of a third content, which the registry took back
    assert [each.name for each in read_inputs(store, Silent()).archives] == ["beta"]
    crawl(store, FIRST)
    assert [each.name for each in read_inputs(store, Silent()).archives] == ["alpha", "beta"]
