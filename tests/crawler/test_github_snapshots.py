"""What becomes of a repository, by what the store has of it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.reasons import Reason, Reject, Stage
from corpus.store import ArchiveStore, RejectedArchive
from corpus.store.index import Index
from crawler.github.api import Found, read_repository
from crawler.github.snapshots import Shelf, archive_row, published_at, refusal_before
from tests.peers.github_server import Repository, node
from tests.stores import add, missing

URL = "https://api.test/repos/ada/cart/tarball/HEAD"
FOUND = replace(
    read_repository(node(Repository(id=7, name="ada/cart"))),
    created_at="2020-01-01T00:00:00Z",
    pushed_at="2026-10-01T00:00:00Z",
)
OTHER = replace(FOUND, commit="e" * 40)


def put(store: ArchiveStore, found: Found, body: bytes) -> None:
    digest = hashlib.sha256(body).hexdigest()
    store.put(archive_row(found, URL, digest, len(body), "2026-11-02T10:00:00Z"), body)


@pytest.mark.parametrize("is_packed", [False, True])
def test_only_the_rows_of_github_are_read(tmp_path: Path, is_packed: bool) -> None:
    store = ArchiveStore(tmp_path)
    put(store, FOUND, b"x")
    add(store, "alpha", {"lib/a.ex": b""})
    missing(store, "beta", Reason.UNAVAILABLE)
    if is_packed:
        Index(tmp_path, "archives").pack()
    assert [each.name for each in store.archives("github")] == ["ada/cart"]
    assert [each.name for each in store.archives()] == ["ada/cart", "alpha"]
    assert (store.rejects("github"), len(store.rejects("hex"))) == ([], 1)


def shelf(root: Path) -> Shelf:
    read = Shelf(ArchiveStore(root))
    read.read()
    return read


@pytest.mark.parametrize("later", [OTHER, replace(FOUND, name="grace/basket")])
def test_what_a_killed_crawl_left_of_an_earlier_commit_or_name_is_superseded(
    tmp_path: Path, later: Found
) -> None:
    store = ArchiveStore(tmp_path)
    put(store, FOUND, b"old")
    put(store, later, b"new")  # and then it was killed
    found = shelf(tmp_path)
    current = found.current(later)
    assert current
    assert (current.name, current.version) == (later.name, later.commit)
    assert found.settle(current) == 1
    assert [(each.name, each.version) for each in store.archives()] == [(later.name, later.commit)]
    assert [store.read(each) for each in store.superseded()] == [b"old"]


def test_an_archive_of_another_size_counts_as_not_stored(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    put(store, FOUND, b"whole")
    (archive,) = store.archives()
    store.path(archive).write_bytes(b"cut")
    found = shelf(tmp_path)
    assert found.current(FOUND) is None
    row = archive_row(OTHER, URL, hashlib.sha256(b"new").hexdigest(), 3, "2026-11-02T10:00:00Z")
    found.put(row, b"new")
    assert store.archives() == [row]
    assert store.superseded() == []


def test_a_refusal_is_replaced_by_that_of_another_commit_and_removed_by_an_archive(
    tmp_path: Path,
) -> None:
    found = shelf(tmp_path)
    for commit in ("a" * 40, "b" * 40):
        why = Reject(Stage.UNPACK, Reason.EMPTY_ARCHIVE, "the commit has no file")
        found.reject(
            RejectedArchive(
                source="github",
                name="ada/cart",
                version=commit,
                url=URL,
                reject=why,
                recorded_at="2026-11-02T10:00:00Z",
            )
        )
    assert [row.version for row in found.store.rejects()] == ["b" * 40]
    again = shelf(tmp_path)
    assert again.is_refused("ada/cart", "b" * 40)
    assert not again.is_refused("ada/cart", "a" * 40)
    again.put(
        archive_row(FOUND, URL, hashlib.sha256(b"x").hexdigest(), 1, "2026-11-02T10:00:00Z"), b"x"
    )
    assert again.store.rejects() == []


@pytest.mark.parametrize(
    ("committed", "expected"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        ("1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("2099-01-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2024-05-01T10:00:00+02:00", "2024-05-01T10:00:00+02:00"),
        ("2024-99-01T10:00:00Z", "2020-01-01T00:00:00Z"),
        (None, "2026-10-01T00:00:00Z"),
    ],
)
def test_a_commit_is_published_between_the_creation_and_the_last_push(
    committed: str | None, expected: str
) -> None:
    assert published_at(replace(FOUND, committed_at=committed)) == expected


@pytest.mark.parametrize(
    ("found", "reason", "name"),
    [
        (FOUND, None, None),
        (replace(FOUND, commit=None), Reason.EMPTY_REPOSITORY, "ada/cart"),
        (replace(FOUND, is_private=True), Reason.BLOCKED, "ada/cart"),
        (replace(FOUND, is_disabled=True), Reason.BLOCKED, "ada/cart"),
        (replace(FOUND, kilobytes=101), Reason.ARCHIVE_TOO_LARGE, "ada/cart"),
        (replace(FOUND, kilobytes=None), None, None),
        (replace(FOUND, name="ada/../x"), Reason.UNUSABLE_NAME, "unusable-"),
        (replace(FOUND, name="ada/x.tar"), Reason.UNUSABLE_NAME, "unusable-"),
    ],
)
def test_what_a_search_tells_may_be_reason_enough(
    found: Found, reason: Reason | None, name: str | None
) -> None:
    refusal = refusal_before(found, URL, 100)
    assert (refusal.reject.reason if refusal else None) is reason
    assert name is None or (refusal is not None and refusal.name.startswith(name))
