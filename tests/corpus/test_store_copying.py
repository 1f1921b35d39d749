from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.inputs import read_inputs
from corpus.places import NotPermitted
from corpus.progress import Silent
from corpus.store import ArchiveStore
from corpus.store.copying import Copied, NoCopy, copy_store
from corpus.store.index import ReadOnlyStore
from tests.peers.object_store import ObjectStore, serving
from tests.stores import MIT, add, module, small_store

URL = "s3://archives/store"


@pytest.fixture(scope="module")
def service() -> Iterator[ObjectStore]:
    with serving() as found, found.for_this_process():
        yield found


@pytest.fixture
def server(service: ObjectStore) -> ObjectStore:
    service.reset()
    service.make_bucket("archives")
    service.forget_requests()
    return service


def copy(store: ArchiveStore) -> Copied:
    return copy_store(store, URL, Silent())


def same_inputs(store: ArchiveStore) -> bool:
    return read_inputs(ArchiveStore(URL), Silent()) == read_inputs(store, Silent())


def test_a_copy_gives_the_same_inputs_to_a_build(tmp_path: Path, server: ObjectStore) -> None:
    store = small_store(tmp_path)
    count = len(store.archives())
    assert copy(store) == Copied(uploaded=count, there=0, damaged=())
    assert same_inputs(store)
    assert ArchiveStore(URL).archives() == store.archives()
    assert ArchiveStore(URL).rejects() == store.rejects()
    one = store.archives()[0]
    assert ArchiveStore(URL).read(one) == store.read(one)
    assert ArchiveStore(URL).get(one.source, one.name, one.version) == one


def test_rows_that_are_not_packed_are_read_at_a_url_too(
    tmp_path: Path, server: ObjectStore
) -> None:
    """As when a store was uploaded with the tools of the service."""
    store = small_store(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            server.put("archives", f"store/{path.relative_to(tmp_path)}", path.read_bytes())
    assert same_inputs(store)


def test_a_second_copy_sends_only_what_is_new(tmp_path: Path, server: ObjectStore) -> None:
    store = small_store(tmp_path)
    copy(store)
    before = add(store, "later", {"LICENSE": MIT, "lib/later.ex": module("Later", "one two")})
    server.forget_requests()
    assert copy(store).uploaded == 1
    assert [path for path in server.uploads() if path.endswith(".tar")] == [
        "/archives/store/archives/hex/later/later-1.0.0.tar"
    ]
    again = add(store, "later", {"LICENSE": MIT, "lib/later.ex": module("Later", "three")})
    assert again.sha256 != before.sha256
    assert copy(store).uploaded == 1
    assert same_inputs(store)
    superseded = [replace(before, superseded_by=again.sha256)]
    assert ArchiveStore(URL).superseded() == store.superseded() == superseded


def test_an_interrupted_copy_names_no_archive_that_is_not_there_and_resumes(
    tmp_path: Path, server: ObjectStore
) -> None:
    store = small_store(tmp_path)
    server.denied_after = 4
    with pytest.raises(NotPermitted, match="Nothing that was written is lost"):
        copy(store)
    assert ArchiveStore(URL).archives() == []
    server.denied_after = None
    copy(store)
    assert same_inputs(store)


def test_a_damaged_archive_is_named_and_not_copied_and_copied_when_it_is_whole_again(
    tmp_path: Path, server: ObjectStore
) -> None:
    store = small_store(tmp_path)
    damaged = store.archives()[0]
    whole = store.path(damaged).read_bytes()
    store.path(damaged).write_bytes(whole[:-1])
    assert copy(store).damaged == (damaged,)
    refused = {
        row.name: row.reject.detail for row in read_inputs(ArchiveStore(URL), Silent()).refused
    }
    assert "not in the store any more" in refused[damaged.name]
    store.path(damaged).write_bytes(whole)
    assert copy(store) == Copied(1, len(store.archives()) - 1, ())
    assert same_inputs(store)


def test_a_store_is_not_copied_over_another_one_or_into_a_folder(
    tmp_path: Path, server: ObjectStore
) -> None:
    copy(small_store(tmp_path / "one"))
    other = ArchiveStore(tmp_path / "other")
    with pytest.raises(NoCopy, match="no archives to copy"):
        copy(other)
    add(other, "other", {"LICENSE": MIT, "lib/other.ex": module("Other", "one two")})
    server.forget_requests()
    with pytest.raises(NoCopy, match="a store of other archives"):
        copy(other)
    assert server.uploads() == []
    with pytest.raises(NoCopy, match="cp -r"):
        copy_store(other, tmp_path / "folder", Silent())


def test_a_store_at_a_url_is_not_written_and_says_how(tmp_path: Path, server: ObjectStore) -> None:
    with pytest.raises(ReadOnlyStore, match=f"copy-archives FOLDER {URL}"):
        add(ArchiveStore(URL), "later", {"LICENSE": MIT})
