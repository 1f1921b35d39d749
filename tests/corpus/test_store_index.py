"""Rows are packed into segments without any being lost, whatever moment a writer is killed at."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.build import NothingToBuild, build
from corpus.configuration import BuildConfig
from corpus.store import Archive, ArchiveStore, DamagedRow, UnsafeName
from corpus.store.index import Index
from corpus.store.rows import row_of
from tests.corpus.test_store import BODY, archive, rejected
from tests.executors import LASTING
from tests.stores import small_store

PROJECT = Path(__file__).parents[2]


def loose(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*.json"))


def segments(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*.rows"))


def stored(root: Path, *names: str) -> ArchiveStore:
    store = ArchiveStore(root)
    for name in names:
        store.put(archive(name), BODY)
    return store


def test_packed_rows_are_read_as_loose_ones(tmp_path: Path) -> None:
    store = stored(tmp_path, "a", "b")
    store.reject(rejected("c"))
    before = store.archives()
    Index(tmp_path, "archives").pack()
    Index(tmp_path, "rejects").pack()
    assert loose(tmp_path) == []
    assert segments(tmp_path) == ["archives-000001.rows", "rejects-000001.rows"]
    for again in (store, ArchiveStore(tmp_path)):
        assert again.archives() == before
        assert again.get("hex", "b", "1.0.0") == archive("b")
        assert again.get("hex", "c", "1.0.0") is None
        assert again.rejects() == [rejected("c")]
        assert again.read(archive("a")) == BODY


def test_a_later_row_counts_before_packed_ones(tmp_path: Path) -> None:
    store = stored(tmp_path, "a", "b")
    index = Index(tmp_path, "archives")
    index.pack()
    retired = replace(archive("a"), retirement="security")
    store.amend(retired)
    assert store.archives() == [retired, archive("b")]
    index.pack()
    assert segments(tmp_path) == ["archives-000001.rows", "archives-000002.rows"]
    assert store.archives() == [retired, archive("b")]
    index.merge()
    assert segments(tmp_path) == ["archives-000003.rows"]
    assert store.archives() == [retired, archive("b")]


def test_a_packed_row_can_be_removed(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    store.reject(rejected("a"))
    store.reject(rejected("b"))
    index = Index(tmp_path, "rejects")
    index.pack()
    store.put(archive("a"), BODY)
    for pack in (index.tidy, index.pack, index.merge):
        pack()
        assert store.rejects() == [rejected("b")]
        assert store.rejected("hex", "a", "1.0.0") is None
    store.reject(rejected("a"))
    assert store.rejected("hex", "a", "1.0.0") == rejected("a")


def test_other_bytes_take_the_place_of_a_packed_archive(tmp_path: Path) -> None:
    store = stored(tmp_path, "a")
    Index(tmp_path, "archives").pack()
    again = archive("a", body=b"published again")
    store.put(again, b"published again")
    assert store.archives() == [again]
    assert [each.sha256 for each in store.superseded()] == [archive("a").sha256]


def test_a_row_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    store = stored(tmp_path, "a")
    path = store.path(archive("a")).with_suffix(".json")
    path.write_text(json.dumps({**row_of(archive("a")), "colour": "blue"}))
    assert store.archives() == [archive("a")]


def test_an_older_store_is_packed_before_a_writer_begins(tmp_path: Path) -> None:
    names = [f"p{number:04}" for number in range(1024)]
    for name in names:  # as an older version wrote them: no index, a row a file
        row = archive(name)
        folder = tmp_path / "archives" / "hex" / name
        folder.mkdir(parents=True)
        (folder / f"{name}-1.0.0.json").write_text(json.dumps(row_of(row)))
    store = ArchiveStore(tmp_path)
    assert [row.name for row in store.archives()] == names
    store.sweep()
    assert (loose(tmp_path), segments(tmp_path)) == ([], ["archives-000001.rows"])
    assert [row.name for row in store.archives()] == names


def test_many_segments_become_one_before_a_writer_begins(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    for number in range(9):
        store.put(archive(f"p{number}"), BODY)
        Index(tmp_path, "archives").pack()
    reader = ArchiveStore(tmp_path)
    assert len(reader.archives()) == 9
    store.sweep()
    assert segments(tmp_path) == ["archives-000010.rows"]
    assert reader.get("hex", "p0", "1.0.0") == archive("p0")
    assert len(reader.archives()) == 9


def test_a_torn_row_stays_loose_and_is_named(tmp_path: Path) -> None:
    store = stored(tmp_path, "a", "b")
    store.path(archive("a")).with_suffix(".json").write_bytes(b'{"name": "a')
    Index(tmp_path, "archives").pack()
    assert loose(tmp_path) == ["a-1.0.0.json"]
    with pytest.raises(DamagedRow, match=r"a-1\.0\.0\.json: not a complete row"):
        store.archives()


@pytest.mark.parametrize("damage", ["a flipped bit", "a cut", "no line"])
def test_an_altered_segment_is_named_and_nobody_is_told_to_delete_it(
    tmp_path: Path, damage: str
) -> None:
    store = stored(tmp_path, "a", "b")
    Index(tmp_path, "archives").pack()
    path = tmp_path / "index" / "archives-000001.rows"
    data = path.read_bytes()
    changed = {
        "a flipped bit": data.replace(b"Apache", b"Bpache", 1),
        "a cut": data[:-20],
        "no line": b"something else\n" + data,
    }
    path.write_bytes(changed[damage])
    with pytest.raises(DamagedRow, match=r"archives-000001\.rows") as caught:
        ArchiveStore(store.root).archives()
    assert "Restore this file" in str(caught.value)
    assert "elete" not in str(caught.value)


WRITER = """
import sys
from itertools import count
from pathlib import Path
from corpus.store import ArchiveStore
from corpus.store.index import Index
from tests.corpus.test_store import BODY, archive
root, mark = Path(sys.argv[1]), sys.argv[2]
store, index = ArchiveStore(root), Index(root, "archives")
for number in count():
    store.put(archive(f"{mark}{number}"), BODY)
    print(number, flush=True)
    if number % 3 == 2:
        index.pack()
    if number % 10 == 9:
        index.merge()
"""


def test_two_writers_killed_at_any_moment_lose_nothing_that_they_wrote(tmp_path: Path) -> None:
    written: dict[str, int] = {}
    for turn, wait in enumerate((1.5, 1.9, 2.3)):
        writers = {
            mark: subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), mark],
                stdout=subprocess.PIPE,
                text=True,
                cwd=PROJECT,
            )
            for mark in (f"a{turn}x", f"b{turn}x")
        }
        time.sleep(wait)
        for mark, writer in writers.items():
            os.kill(writer.pid, signal.SIGKILL)
            said, _ = writer.communicate()
            written[mark] = len(said.splitlines())
        names = {row.name for row in ArchiveStore(tmp_path).archives()}
        told = {f"{mark}{number}" for mark, count in written.items() for number in range(count)}
        assert told <= names
    assert sum(written.values()) > 0


def kept(row: Archive) -> tuple[str, str]:
    return row.name, row.version


@pytest.mark.parametrize("place", ["..", "archives", "archives/hex"])
def test_a_folder_beside_a_store_is_told_where_the_store_is(tmp_path: Path, place: str) -> None:
    store = small_store(tmp_path / "store")
    folder = (store.root / place).resolve()
    before = sorted(map(kept, store.archives()))
    with pytest.raises(NothingToBuild) as caught:
        build(ArchiveStore(folder), tmp_path / "out", BuildConfig(), LASTING)
    assert f"there are no archives, but {store.root} is an archive store" in str(caught.value)
    assert sorted(map(kept, store.archives())) == before


def test_a_url_without_a_store_is_told_how_one_gets_there(tmp_path: Path) -> None:
    with pytest.raises(NothingToBuild, match="python -m corpus copy-archives FOLDER memory://none"):
        build(ArchiveStore("memory://none"), tmp_path / "out", BuildConfig(), LASTING)


def test_a_store_called_archives_is_no_source_of_the_folder_above_it(tmp_path: Path) -> None:
    store = small_store(tmp_path / "archives")
    store.reject(rejected("gone", "1.0.0"))
    (tmp_path / "archives" / "superseded" / "hex" / "old").mkdir(parents=True)
    (tmp_path / "archives" / "superseded" / "hex" / "old" / "old-1.0.0.json").write_text("{}")
    with pytest.raises(NothingToBuild) as caught:
        build(ArchiveStore(tmp_path), tmp_path / "out", BuildConfig(), LASTING)
    assert f"there are no archives, but {store.root} is an archive store" in str(caught.value)
    with pytest.raises(UnsafeName, match="'rejects' names a folder of the store"):
        store.get("rejects", "gone", "1.0.0")
