"""What GitHub serves for a commit becomes an archive that is a function of the commit's files."""

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.reasons import Reason, RejectedFile
from corpus.sources import (
    GITHUB,
    ArchiveError,
    ArchiveLimits,
    Member,
    snapshot,
    source_named,
)
from corpus.sources.tar import Entry, EntryKind, write_tar
from corpus.store import Archive, ArchiveStore
from demo.github_archive import Tree, packed
from tests.executors import LASTING
from tests.stores import MIT, at_commit, module

COMMIT = "5b0f3a90c8d1e7f2a4b6c8d0e2f4a6b8c0d2e4f6"
LIMITS = ArchiveLimits()
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 734003200\n"
)


def contents(tree: Tree) -> dict[str, bytes | Reason]:
    """Return what is given out of a commit, by path: bytes, or the reason why not."""
    body = snapshot(packed(tree, COMMIT, folder="ada-cart-5b0f3a9"), COMMIT).body
    return {
        each.path: each.reject.reason if isinstance(each, RejectedFile) else each.data
        for each in source_named(GITHUB).open(body, LIMITS).members
    }


def test_files_come_without_the_folder_around_them() -> None:
    tree = Tree(files={"mix.exs": b"x", "lib/cart.ex": b"y", "lib/cart/a.ex": b"z"})
    assert contents(tree) == {"lib/cart.ex": b"y", "lib/cart/a.ex": b"z", "mix.exs": b"x"}


def test_links_submodules_and_lfs_pointers_are_recorded_as_what_they_are() -> None:
    tree = Tree(
        files={"data.bin": POINTER, "docs/lfs.md": b"# " + POINTER, ".gitmodules": b"..."},
        links={"README": "docs/lfs.md"},
        submodules=("vendor/other",),
    )
    assert contents(tree) == {
        ".gitmodules": b"...",
        "README": Reason.LINK,
        "data.bin": Reason.LFS_POINTER,
        "docs/lfs.md": b"# " + POINTER,
        "vendor/other": Reason.SUBMODULE,
    }


def test_a_repository_of_submodules_alone_has_them_and_nothing_else() -> None:
    assert contents(Tree(submodules=("a", "b/c"))) == {
        "a": Reason.SUBMODULE,
        "b/c": Reason.SUBMODULE,
    }


def test_what_an_lfs_pointer_stands_for_is_told() -> None:
    body = snapshot(packed(Tree(files={"a.bin": POINTER}), COMMIT, folder="x"), COMMIT).body
    found = source_named(GITHUB).open(body, LIMITS).members[0]
    assert isinstance(found, RejectedFile)
    assert found.reject.detail == "stands for 734003200 bytes that Git LFS keeps elsewhere"
    assert (found.bytes, found.content_id) == (len(POINTER), hashlib.sha256(POINTER).hexdigest())


def test_the_same_files_give_the_same_archive_however_they_were_packed() -> None:
    tree = Tree(files={"lib/ü.ex": b"x" * 5000, "a" * 120: b""}, links={"b": "c"})
    one = packed(tree, COMMIT, folder="ada-cart-5b0f3a9")
    other = packed(tree, COMMIT, folder="ada-cart-5b0f3a90c8", time=1_700_000_000, level=1)
    assert one != other
    assert snapshot(one, COMMIT) == snapshot(other, COMMIT)
    expected = "86d06bbbd412"
    assert snapshot(one, COMMIT).sha256[:12] == expected


def test_an_archive_of_another_commit_is_refused() -> None:
    served = packed(Tree(files={"a": b""}), "f" * 40, folder="x")
    with pytest.raises(ArchiveError, match="an archive of the commit ffff") as told:
        snapshot(served, COMMIT)
    assert told.value.reject.reason is Reason.CHECKSUM_MISMATCH


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (b"", Reason.TRUNCATED),
        (b"<html>", Reason.NOT_A_TARBALL),
        (packed(Tree(files={"a": b"x"}), COMMIT, folder="x")[:-30], Reason.TRUNCATED),
        (packed(Tree(), COMMIT, folder="x"), Reason.EMPTY_ARCHIVE),
        (bytes(LIMITS.compressed + 1), Reason.ARCHIVE_TOO_LARGE),
    ],
    ids=["empty", "a page", "cut", "no file", "large"],
)
def test_what_cannot_be_opened_has_a_reason(served: bytes, reason: Reason) -> None:
    with pytest.raises(ArchiveError) as told:
        snapshot(served, COMMIT)
    assert told.value.reject.reason is reason


def test_a_file_beside_the_folder_is_no_archive_of_a_commit() -> None:
    two = [(Entry(name, EntryKind.FILE, 0), b"") for name in ("x/a", "y/b")]
    for entries in (two, [(Entry("a", EntryKind.FILE, 0), b"")]):
        with pytest.raises(ArchiveError) as told:
            snapshot(gzip.compress(write_tar(entries)), COMMIT)
        assert told.value.reject.reason is Reason.NOT_A_TARBALL


PATHS = st.lists(st.text("abé-~", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.binary(max_size=20), max_size=6), st.integers(0, 2**31))
def test_any_files_give_an_archive_that_opens_to_them(files: dict[str, bytes], time: int) -> None:
    tops = {path for path in files if any(other.startswith(f"{path}/") for other in files)}
    files = {path: data for path, data in files.items() if path not in tops}
    served = packed(Tree(files=files), COMMIT, folder="a-b-1", time=time)
    if not files:
        return
    body = snapshot(served, COMMIT).body
    members = source_named(GITHUB).open(body, LIMITS).members
    assert sorted(each.path for each in members) == sorted(files)
    given_out = {each.path: each.data for each in members if isinstance(each, Member)}
    assert given_out.items() <= files.items()


@given(st.binary(max_size=300))
def test_bytes_that_are_no_archive_end_in_an_error(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        snapshot(data, COMMIT)


def test_documents_of_a_repository_carry_address_commit_stars_and_licence(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {"LICENSE": MIT, "lib/cart.ex": module("Cart", "put take"), "logo.bin": POINTER}
    body = snapshot(packed(Tree(files=files), COMMIT, folder="x"), COMMIT).body
    store.put(archive("Ada/Cart", COMMIT, body), body)

    release = build(store, tmp_path / "out", BuildConfig(), LASTING)
    documents = release.read("documents").to_pylist()

    assert [
        (row["source"], row["package"], row["version"], row["path"], row["repository"])
        for row in documents
    ] == [("github", "Ada/Cart", COMMIT, "lib/cart.ex", "https://github.com/ada/cart")]
    assert (documents[0]["commit"], documents[0]["stars"]) == (COMMIT, 12)
    assert (documents[0]["license_expression"], documents[0]["license_evidence"]) == (
        "MIT",
        "text_only",
    )


def archive(name: str, commit: str, body: bytes) -> Archive:
    return at_commit(name, commit, body, topics=("shop",), license_hint="GPL-3.0")


def test_a_commit_that_another_replaced_is_kept_and_not_read(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    old, new = archive("ada/cart", COMMIT, b"old"), archive("ada/cart", "e" * 40, b"new")
    store.put(old, b"old")
    store.put(new, b"new")
    store.supersede(old, new)
    assert store.archives() == [new]
    (kept,) = store.superseded()
    assert (kept.version, kept.superseded_by, store.read(kept)) == (COMMIT, new.sha256, b"old")
    store.put(old, b"old")  # the branch was set back
    store.supersede(new, old)
    assert [each.version for each in store.archives()] == [COMMIT]
    assert [each.version for each in store.superseded()] == ["e" * 40]
    assert store.archives()[0].repository == old.repository
