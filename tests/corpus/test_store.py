import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.reasons import Reason, Reject, Stage
from corpus.store import (
    Advisory,
    Archive,
    ArchiveStore,
    DamagedArchive,
    DamagedRow,
    Link,
    RejectedArchive,
    Requirement,
    UnsafeName,
)
from corpus.tables import ARCHIVES

BODY = b"the archive as it was served"


def archive(name: str = "decimal", version: str = "1.0.0", body: bytes = BODY) -> Archive:
    return Archive(
        source="hex",
        name=name,
        version=version,
        url=f"https://repo.example/tarballs/{name}-{version}.tar",
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        licenses=("Apache-2.0",),
        requirements=(Requirement("ecto", "~> 3.0", True),),
        links=(Link("GitHub", "https://forge.example/décimal"),),
        published_at=None,
        retirement=None,
        advisories=(Advisory("GHSA-1", severity="high"),),
        fetched_at="2026-11-22T10:00:00Z",
    )


def rejected(name: str = "decimal", version: str = "1.0.0") -> RejectedArchive:
    return RejectedArchive(
        source="hex",
        name=name,
        version=version,
        url=f"https://repo.example/tarballs/{name}-{version}.tar",
        reject=Reject(Stage.CRAWL, Reason.GONE, "the server answered 410"),
        recorded_at="2026-11-22T10:00:00Z",
    )


def test_an_archive_is_kept_unchanged_with_its_row_beside_it(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    folder = tmp_path / "archives" / "hex" / "decimal"
    assert sorted(path.name for path in folder.iterdir()) == [
        "decimal-1.0.0.json",
        "decimal-1.0.0.tar",
    ]
    assert store.path(archive()) == folder / "decimal-1.0.0.tar"
    assert store.read(archive()) == BODY
    assert store.get("hex", "decimal", "1.0.0") == archive()


def test_an_empty_store_holds_nothing(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "not there yet")
    assert store.get("hex", "decimal", "1.0.0") is None
    assert store.rejected("hex", "decimal", "1.0.0") is None
    assert (store.archives(), store.rejects(), store.sweep()) == ([], [], 0)


def test_rows_are_sorted_by_source_name_and_version(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    for name, version in (("b", "1.0.0"), ("a", "2.0.0"), ("a", "1.0.0"), ("a_b", "1.0.0")):
        store.put(archive(name, version), BODY)
    found = [(row.name, row.version) for row in store.archives()]
    assert found == [("a", "1.0.0"), ("a", "2.0.0"), ("a_b", "1.0.0"), ("b", "1.0.0")]


def test_the_index_is_a_table(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    table = store.table()
    assert table.schema == ARCHIVES
    row = table.to_pylist()[0]
    assert row["requirements"] == [
        {
            "name": "ecto",
            "requirement": "~> 3.0",
            "optional": True,
            "app": None,
            "repository": None,
        }
    ]
    assert row["advisories"][0]["severity"] == "high"
    assert ArchiveStore(tmp_path / "empty").table().schema == ARCHIVES


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    for store in (ArchiveStore(tmp_path / "one"), ArchiveStore(tmp_path / "two")):
        store.put(archive(), BODY)
    rows = [path.read_bytes() for path in tmp_path.rglob("*.json")]
    assert rows[0] == rows[1]


def test_a_later_body_replaces_an_earlier_one(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    store.put(archive(body=b"published again"), b"published again")
    assert store.read(store.archives()[0]) == b"published again"


def test_what_was_published_again_is_kept_and_says_what_replaced_it(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    again = archive(body=b"published again")
    store.put(again, b"published again")
    store.put(again, b"published again")

    assert store.archives() == [again]
    (old,) = store.superseded()
    assert (old.sha256, old.superseded_by) == (archive().sha256, again.sha256)
    assert store.read(old) == BODY
    assert store.table().column("superseded_by").to_pylist() == [None, again.sha256]


def test_damaged_bytes_are_not_kept_as_superseded(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    store.path(archive()).write_bytes(b"altered")
    store.put(archive(body=b"published again"), b"published again")
    assert store.superseded() == []


def test_rows_of_an_older_store_are_read_as_if_what_came_later_were_unknown(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    path = tmp_path / "archives" / "hex" / "decimal" / "decimal-1.0.0.json"
    row = json.loads(path.read_bytes())
    later = ("first_published_at", "last_published_at", "description", "downloads", "owners")
    for name in (*later, "superseded_by"):
        del row[name]
    row["advisories"] = ["GHSA-1"]
    row["requirements"] = [{"name": "ecto", "requirement": "~> 3.0", "optional": True}]
    path.write_text(json.dumps(row))

    assert store.archives() == [replace(archive(), advisories=(Advisory("GHSA-1"),))]
    assert [store.archives()[0].first_published_at, store.archives()[0].owners] == [None, None]


def test_a_body_that_is_not_what_its_row_says_is_not_stored(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    with pytest.raises(DamagedArchive, match="Fetch the archive again"):
        store.put(archive(), b"something else")
    assert store.archives() == []


def test_an_altered_archive_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    store.path(archive()).write_bytes(b"altered")
    with pytest.raises(DamagedArchive, match=r"decimal-1\.0\.0\.tar: 7 bytes") as raised:
        store.read(archive())
    assert "Move decimal-1.0.0.tar out of the store, then crawl again" in str(raised.value)
    store.path(archive()).rename(tmp_path / "moved")
    assert store.get("hex", "decimal", "1.0.0") is None
    store.put(archive(), BODY)
    assert store.read(archive()) == BODY


def test_a_reject_is_kept_until_the_archive_is_there(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.reject(rejected())
    store.reject(rejected("a"))
    assert store.rejected("hex", "decimal", "1.0.0") == rejected()
    assert store.rejects() == [rejected("a"), rejected()]
    store.put(archive(), BODY)
    assert store.rejects() == [rejected("a")]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b/c", "a\\b", "/a", ".hidden", "a\nb", "é", "a" * 101, "-rf"]
)
def test_a_name_that_could_leave_the_store_is_refused(tmp_path: Path, name: str) -> None:
    store = ArchiveStore(tmp_path)
    with pytest.raises(UnsafeName):
        store.put(archive(name=name), BODY)
    with pytest.raises(UnsafeName):
        store.put(archive(version=name), BODY)
    with pytest.raises(UnsafeName):
        store.get("hex", name, "1.0.0")
    with pytest.raises(UnsafeName):
        store.reject(replace(rejected(), source=name))
    assert list(tmp_path.iterdir()) == []


def test_only_a_name_may_have_an_owner(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    with pytest.raises(UnsafeName):
        store.put(archive(version="a/b"), BODY)
    with pytest.raises(UnsafeName):
        store.get("hex", "decimal", "a/b")
    with pytest.raises(UnsafeName):
        store.reject(replace(rejected(), source="a/b"))
    assert list(tmp_path.iterdir()) == []


def test_names_of_every_source_are_accepted(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    for version in ("1.0.0-rc.1+build.5", "0123456789abcdef0123456789abcdef01234567"):
        store.put(archive("A_name_9", version), BODY)
        assert store.get("hex", "A_name_9", version) == archive("A_name_9", version)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"name": "deci',
        b"[]",
        b'{"name": "decimal"}',
        b"\xff\xfe",
    ],
)
def test_a_torn_or_foreign_row_is_named(tmp_path: Path, content: bytes) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    store.reject(rejected("other"))
    store.path(archive()).with_suffix(".json").write_bytes(content)
    (tmp_path / "rejects" / "hex" / "other" / "other-1.0.0.json").write_bytes(content)
    with pytest.raises(DamagedRow, match=r"decimal-1\.0\.0\.json: not a complete row"):
        store.archives()
    with pytest.raises(DamagedRow, match=r"other-1\.0\.0\.json: not a complete row"):
        store.rejects()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"optional": true', '"optional": true, "more": 1'),
        ('"bytes": 28', '"bytes": "28"'),
        ('"Apache-2.0"', "5"),
        ('"name": "ecto"', '"nom": "ecto"'),
    ],
)
def test_a_row_of_another_shape_is_named(tmp_path: Path, old: str, new: str) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    path = store.path(archive()).with_suffix(".json")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DamagedRow, match=r"decimal-1\.0\.0\.json"):
        store.get("hex", "decimal", "1.0.0")


def test_an_archive_without_a_row_is_not_stored_and_can_be_put(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    store.path(archive()).with_suffix(".json").unlink()
    assert store.archives() == []
    store.put(archive(), BODY)
    assert store.archives() == [archive()]


def test_sweeping_removes_only_temporary_files(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    stale = tmp_path / "archives" / "hex" / "decimal" / ".decimal-1.0.0.tar.x1y2z3_4.tmp"
    foreign = [tmp_path / ".thesis.tmp", stale.with_name(".notes.tmp")]
    for path in (stale, *foreign):
        path.write_bytes(b"half")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / stale.name).write_bytes(b"half")
    assert store.sweep() == 1
    assert store.archives() == [archive()]
    assert not stale.exists()
    assert all(path.exists() for path in (*foreign, tmp_path / "mine" / stale.name))


def test_a_row_is_amended_without_touching_the_archive(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.put(archive(), BODY)
    before = store.path(archive()).stat()
    store.amend(replace(archive(), retirement="security"))
    assert store.archives() == [replace(archive(), retirement="security")]
    assert store.path(archive()).stat() == before


WRITER = """
import hashlib, sys
from itertools import count
from pathlib import Path
from corpus.store import ArchiveStore
from tests.corpus.test_store import archive
store = ArchiveStore(Path(sys.argv[1]))
print("ready", flush=True)
for number in count():
    body = number.to_bytes(4) * 50_000
    store.put(archive(f"package{number % 5}", body=body), body)
"""


def test_a_writer_killed_at_any_moment_leaves_rows_that_are_true(tmp_path: Path) -> None:
    for wait in (0.02, 0.05, 0.11):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        root = Path(__file__).parents[2]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(wait)
            writer.send_signal(signal.SIGKILL)
        store = ArchiveStore(tmp_path)
        store.sweep()
        for row in store.archives():
            assert len(store.read(row)) == 200_000
        assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("packs", [False, True])
def test_a_name_with_an_owner_has_its_own_place(tmp_path: Path, packs: bool) -> None:
    store = ArchiveStore(tmp_path)
    rows = [replace(archive(), name=name) for name in ("acme", "acme/decimal", "decimal")]
    for row in rows:
        store.put(row, BODY)
        store.reject(rejected(row.name, "2.0.0"))
    if packs:
        store._archives.pack()
        store._rejects.pack()
    assert ArchiveStore(tmp_path).archives() == rows
    assert [row.name for row in ArchiveStore(tmp_path).rejects()] == [row.name for row in rows]
    path = tmp_path / "archives" / "hex" / "acme" / "decimal" / "decimal-1.0.0.tar"
    assert ArchiveStore(tmp_path).path(rows[1]) == path
    assert path.is_file()


@given(st.text("ab./\\\0~é"), st.text("a./"))
def test_whatever_a_name_is_an_archive_lies_below_its_store(name: str, version: str) -> None:
    root = Path("/store/archives/hex")
    try:
        path = ArchiveStore(Path("/store")).path(replace(archive(), name=name, version=version))
    except UnsafeName:
        return
    assert path.is_relative_to(root)
    assert ".." not in path.parts
    assert len(path.relative_to(root).parts) == name.count("/") + 2
