"""A folder on disk becomes an archive, and an archive a package of a release."""

import hashlib
import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.explain import explain
from corpus.locking import FolderInUse, claim
from corpus.reasons import Reason
from corpus.sources import FOLDER, ArchiveError, ArchiveLimits, Member, UnknownSource, source_named
from corpus.sources.folder import UnusableFolder, add_folder, pack_folder
from corpus.store import ArchiveStore, StoreBelow, UnsafeName
from tests.executors import LASTING
from tests.stores import MIT, add, module

COLUMNS = ["source", "package", "version", "path", "archive_sha256"]
PATHS = st.lists(
    st.text("ab.é-", min_size=1, max_size=8).filter(lambda text: text not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def members(body: bytes, limits: ArchiveLimits | None = None) -> dict[str, bytes]:
    found = source_named(FOLDER).open(body, limits or ArchiveLimits()).members
    return {each.path: each.data for each in found if isinstance(each, Member)}


def reasons(folder: Path, limits: ArchiveLimits | None = None) -> dict[str, Reason]:
    packed = pack_folder(folder, limits or ArchiveLimits())
    return {each.path: each.reject.reason for each in packed.left_out}


def test_a_folder_is_packed_without_what_tools_made_or_fetched(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "mix.exs": b"# mix\n",
            "lib/b.ex": b"b",
            "lib/a.ex": b"a",
            ".formatter.exs": b"[]",
            ".git/config": b"x",
            "_build/dev/lib/a.ex": b"x",
            "deps/plug/mix.exs": b"x",
            "apps/web/assets/node_modules/x.js": b"x",
        },
    )
    packed = pack_folder(folder)
    assert list(members(packed.body).items()) == [
        (".formatter.exs", b"[]"),
        ("lib/a.ex", b"a"),
        ("lib/b.ex", b"b"),
        ("mix.exs", b"# mix\n"),
    ]
    assert (packed.files, packed.left_out) == (4, ())


def test_the_bytes_of_an_archive_follow_from_names_and_contents(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"lib/a.ex": b"a", "é" * 120 + ".ex": b"b"})
    other = write(tmp_path / "other", {"é" * 120 + ".ex": b"b", "lib/a.ex": b"a"})
    os.utime(other / "lib" / "a.ex", (0, 0))
    (other / "lib" / "a.ex").chmod(0o700)
    (other / "empty").mkdir()
    assert pack_folder(one).body == pack_folder(other).body
    (other / "lib" / "a.ex").write_bytes(b"c")
    assert pack_folder(one).body != pack_folder(other).body


def test_the_bytes_of_an_archive_are_these(tmp_path: Path) -> None:
    body = pack_folder(write(tmp_path, {"lib/a.ex": b"a"})).body
    assert hashlib.sha256(body).hexdigest() == (
        "c2789eda7957fc927393bab78dd1ce41c80863dc7816dae05646f01c2c85492f"
    )


def test_links_and_special_files_are_left_out(tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere", {"secret": b"secret"})
    folder = write(tmp_path / "project", {"lib/a.ex": b"a"})
    (folder / "file_link").symlink_to(secret / "secret")
    (folder / "folder_link").symlink_to(secret)
    (folder / "dead_link").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
    assert reasons(folder) == {
        "dead_link": Reason.LINK,
        "file_link": Reason.LINK,
        "folder_link": Reason.LINK,
        "pipe": Reason.SPECIAL_FILE,
        "socket": Reason.SPECIAL_FILE,
    }
    assert members(pack_folder(folder).body) == {"lib/a.ex": b"a"}


def test_names_that_are_unsafe_elsewhere_are_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, {"lib/a.ex": b"a", "a\\b.ex": b"x", "a\nb.ex": b"x", "C:x": b"x"})
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.ex"))).touch()
    assert reasons(folder) == {
        "C:x": Reason.UNSAFE_PATH,
        "a\\nb.ex": Reason.UNSAFE_PATH,
        "a\\b.ex": Reason.UNSAFE_PATH,
        "ÿ.ex": Reason.UNSAFE_PATH,
    }


def test_a_file_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a": b"1234", "b": b"12345"})
    assert reasons(folder, ArchiveLimits(file=4)) == {"b": Reason.OVERSIZED}


@pytest.mark.parametrize("limits", [ArchiveLimits(files=1), ArchiveLimits(expanded=7)])
def test_a_folder_that_is_too_large_is_refused(tmp_path: Path, limits: ArchiveLimits) -> None:
    with pytest.raises(UnusableFolder, match=r"one by one\.$"):
        pack_folder(write(tmp_path, {"a": b"1234", "b": b"1234"}), limits)


def test_a_store_at_a_url_takes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.ex").write_bytes(module("A", "amber"))
    with pytest.raises(UnusableFolder, match="copy-archives STORE memory://a"):
        add_folder(ArchiveStore("memory://a"), tmp_path, name="a", version="1.0.0")


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableFolder, match="no file below it"):
        pack_folder(tmp_path)
    with pytest.raises(UnusableFolder, match="not a folder"):
        pack_folder(tmp_path / "missing")


@given(st.dictionaries(PATHS, st.binary(max_size=700), min_size=1, max_size=4))
def test_any_folder_comes_back_as_it_was(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        written: dict[str, bytes] = {}
        for path, data in files.items():
            try:
                write(Path(name), {path: data})
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                continue
            written[path] = data
        packed = pack_folder(Path(name))
        assert members(packed.body) == written
        assert packed.body == pack_folder(Path(name)).body


@given(st.binary(max_size=2048))
def test_bytes_that_are_no_archive_are_refused(body: bytes) -> None:
    with pytest.raises(ArchiveError):
        source_named(FOLDER).open(b"x" + body, ArchiveLimits())


def test_an_archive_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(ArchiveError, match=r"11 bytes, over 10 \(archive_too_large\)"):
        source_named(FOLDER).open(b"x" * 11, ArchiveLimits(expanded=10))


def test_a_folder_that_is_added_twice_is_the_same_row(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    folder = write(tmp_path / "shop", {"lib/a.ex": b"a"})
    url = "https://git.example/acme/shop"
    first, _ = add_folder(store, folder, name="acme/shop", version="v1.0", url=url)
    again, _ = add_folder(store, folder, name="acme/shop", version="v1.0", url=url)
    assert first == again
    assert store.archives() == [first]
    assert (first.source, first.name, first.version) == ("folder", "acme/shop", "v1.0")
    assert (first.url, first.links[0].url, first.licenses) == (url, url, ())
    assert store.path(first) == tmp_path / "store/archives/folder/acme/shop/shop-v1.0.tar"
    assert hashlib.sha256(store.read(first)).hexdigest() == first.sha256


def test_a_folder_that_changed_supersedes_what_it_was(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    folder = write(tmp_path / "shop", {"lib/a.ex": b"a"})
    before, _ = add_folder(store, folder, name="acme/shop", version="1.0")
    write(folder, {"lib/a.ex": b"b"})
    after, _ = add_folder(store, folder, name="acme/shop", version="1.0")
    assert store.archives() == [after]
    assert [row.sha256 for row in store.superseded()] == [before.sha256]
    assert after.url == "folder:acme/shop"


@pytest.mark.parametrize(
    "name", ["", "..", "a/..", "../a", "/a", "a/", "a/b/c", "a//b", "a/.b", "a\\b", "a/b.tar", "ä"]
)
def test_a_name_that_could_leave_the_store_is_refused(tmp_path: Path, name: str) -> None:
    store = ArchiveStore(tmp_path / "store")
    folder = write(tmp_path / "shop", {"lib/a.ex": b"a"})
    with pytest.raises(UnsafeName):
        add_folder(store, folder, name=name, version="1.0")
    with pytest.raises(UnsafeName):
        add_folder(store, folder, name="shop", version=name or "1/2")
    assert sorted(path.name for path in tmp_path.rglob("*.tar")) == []


@pytest.mark.parametrize("url", ["git@example.org:a", "https://a b", "https://a\n", "ftp://a"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnusableFolder, match="--url"):
        add_folder(ArchiveStore(tmp_path), tmp_path, name="shop", version="1", url=url)


def test_a_store_that_a_crawl_writes_to_is_left_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", {"lib/a.ex": b"a"})
    with claim(tmp_path / "store", "crawl"), pytest.raises(FolderInUse):
        add_folder(ArchiveStore(tmp_path / "store"), folder, name="shop", version="1")


def test_a_release_holds_archives_of_both_sources(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    hex_archive = add(store, "alpha", {"LICENSE": MIT, "lib/alpha.ex": module("Alpha", "anchor")})
    folder = write(
        tmp_path / "shop",
        {
            "LICENSE": MIT,
            "lib/shop.ex": module("Shop", "basket candle"),
            "lib/gpl.ex": b"# SPDX-License-Identifier: GPL-3.0-only\n" + module("Gpl", "dragon"),
        },
    )
    archive, _ = add_folder(store, folder, name="acme/shop", version="main")
    release = build(store, tmp_path / "out", BuildConfig(), LASTING)
    rows = [
        (row["source"], row["package"], row["version"], row["path"], row["archive_sha256"])
        for batch in release.batches(
            "documents", ["source", "package", "version", "path", "archive_sha256"], None, 100
        )
        for row in batch.to_pylist()
    ]
    assert sorted(rows) == [
        ("folder", "acme/shop", "main", "lib/shop.ex", archive.sha256),
        ("hex", "alpha", "1.0.0", "lib/alpha.ex", hex_archive.sha256),
    ]
    found = explain(release, "acme/shop/lib/shop.ex")
    (kept,) = found.kept
    expected = hashlib.sha256(f"{archive.sha256}\0lib/shop.ex".encode()).hexdigest()
    assert (kept.document_id, kept.license_expression) == (expected, "MIT")
    assert kept.license_evidence == "text_only"
    dropped = {row.path: row.reason for row in explain(release, "acme/shop").dropped}
    assert dropped == {"LICENSE": "not_source_code", "lib/gpl.ex": "file_license_not_permitted"}


def test_an_unknown_source_is_named_before_anything_is_read(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    archive = add(store, "alpha", {"LICENSE": MIT, "lib/alpha.ex": module("Alpha", "anchor")})
    store.put(replace(archive, source="forge"), store.read(archive))
    with pytest.raises(UnknownSource, match="'forge', and this version opens only hex, folder"):
        build(store, tmp_path / "out", BuildConfig(), LASTING)


@pytest.mark.parametrize("name", ["archives", "store"])
def test_the_folder_above_a_store_gets_no_second_store(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "shop", {"lib/a.ex": b"defmodule A do\nend\n"})
    store = ArchiveStore(tmp_path / "out" / name)
    add(store, "cart", {"lib/c.ex": module("C", "golf")})
    before = sorted(path for path in (tmp_path / "out").rglob("*"))
    with pytest.raises(StoreBelow, match=f"holds one: .*{name}. Name that store"):
        add_folder(ArchiveStore(tmp_path / "out"), folder, name="shop", version="1")
    assert sorted(path for path in (tmp_path / "out").rglob("*")) == before
    add_folder(store, folder, name="shop", version="1")
