from dataclasses import replace
from pathlib import Path

import pytest

from corpus.inputs import UNDATED, read_inputs
from corpus.packages import Requirement
from corpus.progress import Silent
from corpus.reasons import Reason, Reject, Stage
from corpus.sources import snapshot
from corpus.store import ArchiveStore, Link, RejectedArchive
from demo.github_archive import Tree, packed
from tests.stores import add, at_commit, module


@pytest.mark.parametrize(
    ("stage", "reason", "stays"),
    [
        (Stage.LICENSE, Reason.LICENSE_NOT_PERMITTED, False),
        (Stage.UNPACK, Reason.MALFORMED_METADATA, False),
        (Stage.CRAWL, Reason.UNAVAILABLE, True),
    ],
)
def test_an_archive_whose_new_content_was_refused_is_not_read(
    tmp_path: Path, stage: Stage, reason: Reason, stays: bool
) -> None:
    store = ArchiveStore(tmp_path)
    archive = add(store, "shop", {"lib/a.ex": module("A", "alpha")})
    reject = RejectedArchive(
        source="hex",
        name="shop",
        version="1.0.0",
        url=archive.url,
        reject=Reject(stage, reason, "the new content"),
        recorded_at="2026-11-23T08:00:00Z",
    )
    store.reject(reject)
    inputs = read_inputs(store, Silent())
    assert inputs.archives == ((archive,) if stays else ())
    assert inputs.refused == (() if stays else (reject,))


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("2024-03-01T10:00:00Z", "2015-03-01T10:00:00.000000Z"),
        (None, "2015-03-01T10:00:00Z"),
        ("no time", "2015-03-01T10:00:00Z"),
        ("2015-03-01T10:00:00+00:00", "2015-03-01T10:00:00+02:00"),
    ],
)
def test_of_the_same_bytes_the_package_that_was_published_first_is_read(
    tmp_path: Path, copy: str | None, original: str
) -> None:
    store = ArchiveStore(tmp_path)
    web = add(store, "web", {"lib/web.ex": module("Web", "alpha")}, published_at=original)
    body = store.path(web).read_bytes()
    add(store, "aaa_web", {}, body=body, published_at=copy)
    inputs = read_inputs(store, Silent())
    assert inputs.archives == (web,)
    assert [(row.name, row.reject.reason) for row in inputs.refused] == [
        ("aaa_web", Reason.DUPLICATE_ARCHIVE)
    ]


def test_a_package_is_as_old_as_its_first_version_in_the_store_read_or_not(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    add(store, "web", {"a.ex": module("A", "alpha")}, published_at="2026-01-01T00:00:00Z")
    files = {"a.ex": module("A", "older")}
    old = add(store, "web", files, version="0.1.0", published_at="1970-01-01T00:00:01Z")
    store.path(old).unlink()
    inputs = read_inputs(store, Silent())
    assert [item.version for item in inputs.archives] == ["1.0.0"]
    assert inputs.published == {("hex", "web"): 1_000_000}


def test_a_package_stays_as_old_as_it_was_when_its_only_version_is_published_again(
    tmp_path: Path,
) -> None:
    store = ArchiveStore(tmp_path)
    add(store, "web", {"a.ex": module("A", "alpha")}, published_at="1970-01-01T00:00:01Z")
    add(store, "web", {"a.ex": module("A", "again")}, published_at="2026-01-01T00:00:00Z")
    inputs = read_inputs(store, Silent())
    assert [item.published_at for item in inputs.archives] == ["2026-01-01T00:00:00Z"]
    assert inputs.published == {("hex", "web"): 1_000_000}


def test_of_packages_of_unknown_time_the_one_that_more_require_comes_first(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    for name, requires in (("web", ()), ("copy", ()), ("a", ("web",)), ("b", ("web", "copy"))):
        archive = add(store, name, {"a.ex": module("A", name)})
        needed = tuple(Requirement(each, "~> 1.0", False) for each in requires)
        store.amend(replace(archive, requirements=needed))
    published = read_inputs(store, Silent()).published
    assert set(published) == {("hex", "web"), ("hex", "copy")}
    assert UNDATED > published["hex", "copy"] > published["hex", "web"]


def test_a_package_is_as_old_as_the_registry_says_of_its_first_version(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    add(
        store,
        "web",
        {"a.ex": module("A", "alpha")},
        published_at="2026-01-01T00:00:00Z",
        first_published_at="1970-01-01T00:00:02Z",
    )
    assert read_inputs(store, Silent()).published == {("hex", "web"): 2_000_000}


@pytest.mark.parametrize(
    ("link", "read"),
    [("https://github.com/zoe/shop", "zoe/shop"), ("https://shop.example", "bob/shop")],
)
def test_of_two_repositories_with_the_same_files_the_one_that_a_package_links_to_is_read(
    tmp_path: Path, link: str, read: str
) -> None:
    store = ArchiveStore(tmp_path)
    add(store, "shop", {"lib/a.ex": module("A", "alpha")}, links=(Link("GitHub", link),))
    commit = "c0ffee" + "0" * 34
    body = snapshot(packed(Tree(files={"a.ex": b"1"}), commit, folder="x"), commit).body
    for number, name in enumerate(("ada/shop", "bob/shop", "zoe/shop")):
        created = f"{2020 + number}-01-01T00:00:00Z"
        is_fork = name == "ada/shop"
        store.put(
            at_commit(name, commit, body, id=number, created_at=created, is_fork=is_fork), body
        )
    inputs = read_inputs(store, Silent())
    assert [each.name for each in inputs.archives] == [read, "shop"]
    assert [row.reject.detail for row in inputs.refused] == [
        f"the same bytes as github {read} {commit}"
    ] * 2
