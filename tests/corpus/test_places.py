import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.atomic import (
    is_complete,
    publish_folder,
    remove_folder,
    replacing,
    whole_folder,
    write_bytes,
)
from corpus.parts import open_part, read_part, write_part
from corpus.places import (
    NotPermitted,
    PlaceError,
    Unreachable,
    check_access,
    copied_here,
    count_present,
    files_below,
    filesystem,
    is_remote,
    place,
    read_files,
    scratch,
)
from corpus.release.versions import releases_in
from tests.peers.object_store import ObjectStore, serving
from tests.project import PROJECT


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with serving() as found, found.for_this_process():
        yield found


@pytest.fixture
def bucket(server: ObjectStore) -> Path:
    server.reset()
    server.make_bucket("corpus")
    return place("s3://corpus/releases")


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder)]


def test_a_place_is_a_folder_of_this_machine_or_a_url(tmp_path: Path, server: ObjectStore) -> None:
    assert place("releases") == Path("releases")
    assert place(tmp_path) == tmp_path
    assert place(f"file://{tmp_path}") == tmp_path
    assert not is_remote(place("C:/releases"))
    assert is_remote(place("s3://corpus/releases"))
    assert str(place("s3://corpus/releases/")) == "s3://corpus/releases"


def test_a_url_is_recognised_when_a_path_has_made_one_slash_of_two(server: ObjectStore) -> None:
    assert place(Path("s3://corpus/releases")) == place("s3://corpus/releases")
    assert place("s3:corpus/releases") == place("s3://corpus/releases")


def test_a_place_stays_what_it_is(bucket: Path) -> None:
    assert place(bucket) is bucket


def test_an_unknown_protocol_is_refused_in_one_sentence() -> None:
    with pytest.raises(PlaceError, match="s4://corpus/releases: "):
        place("s4://corpus/releases")


def test_a_protocol_in_capitals_is_no_folder_of_this_machine(server: ObjectStore) -> None:
    assert place("S3://corpus/Releases") == place("s3://corpus/Releases")


@pytest.mark.parametrize("url", ["s3://", "s3:/", "s3:///", "s3:", Path("s3://")])
def test_a_url_without_a_bucket_is_refused(url: str | Path) -> None:
    with pytest.raises(PlaceError, match="s3://: it names no bucket"):
        place(url)


def test_an_address_of_a_server_that_is_none_is_told(
    bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    type(filesystem(bucket)).clear_instance_cache()
    with pytest.raises(Unreachable, match=r"Invalid endpoint: nonsense.*AWS_ENDPOINT_URL"):
        check_access(place("s3://corpus/releases"))
    type(filesystem(bucket)).clear_instance_cache()


def test_a_file_at_a_url_is_written_when_its_block_ends_and_not_when_it_fails(
    bucket: Path, server: ObjectStore
) -> None:
    path = bucket / "manifest.json"
    with replacing(path) as temporary:
        temporary.write_bytes(b"first")
        assert server.objects("corpus") == {}
    assert path.read_bytes() == b"first"
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_bytes(b"%d" % (1 // 0))
    assert server.objects("corpus") == {"releases/manifest.json": b"first"}
    assert not temporary.exists()


def test_a_folder_at_a_url_is_complete_after_all_of_its_files(
    bucket: Path, server: ObjectStore
) -> None:
    folder = bucket / "parts"
    with whole_folder(folder) as inside:
        (inside / "b.arrow").write_bytes(b"b")
        (inside / "a.arrow").write_bytes(b"a")
        assert server.uploads() == ["/corpus"]
    assert server.uploads()[1:] == [
        "/corpus/releases/parts/a.arrow",
        "/corpus/releases/parts/b.arrow",
        "/corpus/releases/parts/.complete",
    ]
    assert is_complete(folder)


def test_a_folder_whose_upload_was_interrupted_is_not_complete_and_is_uploaded_again(
    bucket: Path, server: ObjectStore
) -> None:
    def write() -> None:
        with whole_folder(bucket / "parts") as inside:
            for name in ("a", "b", "c"):
                (inside / name).write_text(name)

    server.denied_after = 3
    with pytest.raises(NotPermitted):
        write()
    assert names(bucket / "parts") == ["a", "b"]
    assert not is_complete(bucket / "parts")
    server.denied_after = None
    write()
    assert is_complete(bucket / "parts")
    assert names(bucket / "parts") == [".complete", "a", "b", "c"]


def test_a_folder_that_gets_another_name_has_its_manifest_last_and_nothing_of_before(
    bucket: Path, server: ObjectStore
) -> None:
    candidate, release = bucket / "candidate", bucket / "2026.11.1"
    for name in ("manifest.json", "data/documents.parquet", "README.md"):
        write_bytes(candidate / name, name.encode())
    write_bytes(release / "left.txt", b"by a copy that was interrupted")
    server.log.clear()
    publish_folder(candidate, release, last="manifest.json")
    assert server.uploads()[-1] == "/corpus/releases/2026.11.1/manifest.json"
    assert names(bucket) == [
        "2026.11.1/README.md",
        "2026.11.1/data/documents.parquet",
        "2026.11.1/manifest.json",
    ]


def test_a_folder_that_is_removed_stops_being_complete_first(
    bucket: Path, server: ObjectStore
) -> None:
    for name in ("manifest.json", "data/documents.parquet"):
        write_bytes(bucket / "2026.11.1" / name, b"")
    server.log.clear()
    remove_folder(bucket / "2026.11.1")
    assert [method for method, _ in server.log].count("POST") == 2
    assert server.objects("corpus") == {}


def test_files_at_a_url_are_in_the_order_of_paths(bucket: Path, tmp_path: Path) -> None:
    for top in (bucket, tmp_path):
        for name in ("a/b", "a-b", "c"):
            write_bytes(top / name, b"")
    assert names(bucket) == names(tmp_path) == ["a/b", "a-b", "c"]


def test_what_is_there_is_counted_with_one_request_for_a_folder(
    bucket: Path, server: ObjectStore
) -> None:
    for name in ("one/a", "one/b", "two/a"):
        write_bytes(bucket / name, b"")
    server.log.clear()
    wanted = [bucket / name for name in ("one/a", "one/b", "one/c", "two/a", "three/a")]
    assert count_present(wanted) == 3
    assert len([path for method, path in server.log if method == "GET"]) <= 4


def test_many_files_are_read_and_one_that_vanished_is_left_out(bucket: Path) -> None:
    for number in range(3):
        write_bytes(bucket / str(number), b"%d" % number)
    found = dict(read_files([bucket / str(number) for number in range(5)]))
    assert found == {bucket / "0": b"0", bucket / "1": b"1", bucket / "2": b"2"}


def test_files_are_copied_here_and_removed_afterwards(bucket: Path, tmp_path: Path) -> None:
    write_bytes(bucket / "plug-1.tar", b"remote")
    write_bytes(tmp_path / "plug-2.tar", b"local")
    with copied_here([bucket / "plug-1.tar", tmp_path / "plug-2.tar"]) as paths:
        assert [path.read_bytes() for path in paths] == [b"remote", b"local"]
        assert [path.name for path in paths] == ["plug-1.tar", "plug-2.tar"]
    assert [path.exists() for path in paths] == [False, True]


def test_a_column_of_a_part_at_a_url_is_read_without_the_others(
    bucket: Path, server: ObjectStore
) -> None:
    table = pa.table({"text": [os.urandom(6_000_000)], "number": [7]})
    with replacing(bucket / "part.arrow") as temporary:
        write_part(table, temporary, is_random=True)
    server.log.clear()
    assert read_part(bucket / "part.arrow", ["number"]).to_pydict() == {"number": [7]}
    with open_part(bucket / "part.arrow") as part:
        assert part.get_batch(0)["text"][0].as_py() == table["text"][0].as_py()


def test_a_bucket_that_is_not_there_is_named(server: ObjectStore) -> None:
    server.reset()
    with pytest.raises(Unreachable, match=r"s3://nowhere/out: .*does not exist.*the bucket"):
        check_access(place("s3://nowhere/out"))


def test_an_error_names_the_url_that_was_given_and_not_a_path_below_it(
    server: ObjectStore,
) -> None:
    server.reset()
    given = place("s3://nowhere/archives")
    said = r"^s3://nowhere/archives: [^/]*does not exist.*Check the name of the bucket"
    with pytest.raises(Unreachable, match=said):
        check_access(given / "rejects" / "github")


def test_an_error_of_another_process_names_the_url_that_was_given_to_this_one(
    server: ObjectStore,
) -> None:
    """A worker is told of places below the URL, and does not know what the user gave."""
    program = (
        "import pickle, sys\nfrom upath import UPath\nfrom corpus.places import explained\n"
        "try:\n"
        "    with explained(UPath('s3://corpus/given/parts/1')):\n"
        "        raise PermissionError('no')\n"
        "except Exception as error:\n"
        "    sys.stdout.buffer.write(pickle.dumps(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    error = pickle.loads(done.stdout)
    assert str(error).startswith("s3://corpus/given/parts/1: ")
    place("s3://corpus/given")
    assert isinstance(error, NotPermitted)
    assert str(error).startswith("s3://corpus/given: the store denied access (no).")


def test_the_hub_is_for_reading() -> None:
    with pytest.raises(PlaceError, match="hf://: it names no dataset"):
        place("hf://")
    with pytest.raises(PlaceError, match=r"^hf://datasets/ana/corpus: .*datacards publish"):
        check_access(place("hf://datasets/ana/corpus"))


def test_an_error_of_a_library_names_the_server_and_not_what_was_asked_of_it(
    bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    type(filesystem(bucket)).clear_instance_cache()
    said = r'^s3://corpus/releases: .*URL: "http://127.0.0.1:9". Check the name'
    with pytest.raises(Unreachable, match=said):
        releases_in(place("s3://corpus/releases"))
    type(filesystem(bucket)).clear_instance_cache()


def test_temporary_folders_of_a_killed_process_are_removed_by_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = (
        "import signal\nfrom corpus.places import scratch\n"
        "with scratch() as folder:\n"
        "    (folder / 'part').write_bytes(b'x')\n"
        "    print(folder, flush=True)\n"
        "    signal.pause()\n"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        left = Path(process.stdout.readline().strip())
        other = tmp_path / "elixir-corpus-of-another"
        other.mkdir()
        with scratch() as own:
            assert (left / "part").exists()  # its process runs
            assert list(own.iterdir()) == []
        process.kill()
    assert left.exists()
    with scratch():
        assert not left.exists()
    assert list(tmp_path.iterdir()) == [other]


def test_access_is_checked_before_work_begins_and_leaves_nothing(
    bucket: Path, server: ObjectStore
) -> None:
    check_access(bucket)
    assert server.objects("corpus") == {}
    server.denied_after = 0
    with pytest.raises(NotPermitted, match=r"s3:PutObject.*Nothing that was written is lost"):
        check_access(bucket)
