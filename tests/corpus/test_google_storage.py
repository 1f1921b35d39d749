"""What `corpus.places` promises of a URL, on a service of Google Cloud Storage."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.atomic import is_complete, publish_folder, remove_folder, replacing, whole_folder
from corpus.parts import open_part, read_part, write_part
from corpus.places import (
    NotPermitted,
    Unreachable,
    check_access,
    copied_here,
    count_present,
    files_below,
    filesystem,
    place,
    read_files,
)
from corpus.release.versions import releases_in
from tests.peers.google_storage import GoogleStorage, serving


@pytest.fixture(scope="module")
def service() -> Iterator[GoogleStorage]:
    with serving() as found, found.for_this_process():
        yield found


@pytest.fixture
def bucket(service: GoogleStorage) -> Path:
    service.reset()
    service.make_bucket("corpus")
    return place("gs://corpus/releases")


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder)]


def test_a_file_is_written_when_its_block_ends_and_not_when_it_fails(
    bucket: Path, service: GoogleStorage
) -> None:
    data = os.urandom(300_000) + b"\r\n"
    with replacing(bucket / "manifest.json") as temporary:
        temporary.write_bytes(data)
        assert service.objects("corpus") == {}
    with pytest.raises(ZeroDivisionError), replacing(bucket / "manifest.json") as temporary:
        temporary.write_bytes(b"%d" % (1 // 0))
    assert service.objects("corpus") == {"releases/manifest.json": data}
    assert (bucket / "manifest.json").read_bytes() == data


def test_a_folder_is_complete_after_all_of_its_files_and_is_written_again_if_it_is_not(
    bucket: Path, service: GoogleStorage
) -> None:
    def write() -> None:
        with whole_folder(bucket / "parts") as inside:
            for name in ("a", "b", "c"):
                (inside / name).write_text(name)

    service.denied_after = 2
    with pytest.raises(NotPermitted):
        write()
    assert names(bucket / "parts") == ["a", "b"]
    assert not is_complete(bucket / "parts")
    service.denied_after = None
    write()
    assert is_complete(bucket / "parts")
    assert service.uploads()[-1] == "/corpus/releases/parts/.complete"


def test_a_folder_gets_another_name_with_its_manifest_last_and_is_removed(
    bucket: Path, service: GoogleStorage
) -> None:
    for name in ("manifest.json", "data/documents.parquet", "README.md"):
        with replacing(bucket / "candidate" / name) as temporary:
            temporary.write_text(name)
    publish_folder(bucket / "candidate", bucket / "2026.11.1", last="manifest.json")
    assert service.uploads()[-1] == "/corpus/releases/2026.11.1/manifest.json"
    assert names(bucket) == [
        "2026.11.1/README.md",
        "2026.11.1/data/documents.parquet",
        "2026.11.1/manifest.json",
    ]
    remove_folder(bucket / "2026.11.1")
    assert service.objects("corpus") == {}


def test_files_are_read_many_at_once_and_counted(bucket: Path, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"local")
    for number in range(3):
        with replacing(bucket / str(number)) as temporary:
            temporary.write_text(str(number))
    found = dict(read_files([bucket / str(number) for number in range(5)]))
    assert found == {bucket / "0": b"0", bucket / "1": b"1", bucket / "2": b"2"}
    assert count_present([bucket / "0", bucket / "9", bucket / "none" / "0"]) == 1
    with copied_here([bucket / "1", tmp_path / "local"]) as paths:
        assert [path.read_bytes() for path in paths] == [b"1", b"local"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp to gcsfs
def test_a_column_of_a_part_is_read_without_the_others(
    bucket: Path, service: GoogleStorage
) -> None:
    table = pa.table({"text": [os.urandom(6_000_000)], "number": [7]})
    with replacing(bucket / "part.arrow") as temporary:
        write_part(table, temporary, is_random=True)
    assert read_part(bucket / "part.arrow", ["number"]).to_pydict() == {"number": [7]}
    with open_part(bucket / "part.arrow") as part:
        assert part.get_batch(0)["text"][0].as_py() == table["text"][0].as_py()


def test_a_bucket_that_is_not_there_is_named_whatever_is_asked_of_it(
    service: GoogleStorage,
) -> None:
    service.reset()
    given = place("gs://nowhere/out")
    said = r"^gs://nowhere/out: the .*bucket does not exist.*STORAGE_EMULATOR_HOST"
    for ask in (check_access, files_below):
        with pytest.raises(Unreachable, match=said):
            ask(given)
    assert releases_in(given) == []


def test_a_refusal_names_the_rights_and_the_library_logs_nothing(
    bucket: Path, service: GoogleStorage, caplog: pytest.LogCaptureFixture
) -> None:
    check_access(bucket)
    assert service.objects("corpus") == {}
    service.is_read_only = True
    said = r"^gs://corpus/releases: .*does not have storage\.objects.*storage\.objects\.list, \.get"
    with caplog.at_level(logging.DEBUG), pytest.raises(NotPermitted, match=said):
        check_access(bucket)
    assert [each for each in caplog.records if each.name == "gcsfs"] == []


def test_an_error_of_the_server_is_told_as_its_own(
    bucket: Path, service: GoogleStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gcsfs.retry import HttpError

    def expired(*arguments: object, **more: object) -> None:
        raise HttpError({"code": 401, "message": "Invalid token"})

    monkeypatch.setattr(filesystem(bucket), "find", expired)
    with pytest.raises(Unreachable, match=r"^gs://corpus/releases: Invalid token.*credentials"):
        files_below(bucket)
