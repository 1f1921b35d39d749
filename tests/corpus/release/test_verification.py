import shutil
from pathlib import Path

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.executor import Serial
from corpus.release import NotARelease, Release, verify
from corpus.release.manifest import MalformedManifest
from tests.stores import small_store

SHARD = "data/documents/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    return build(small_store(folder / "store"), folder / "out", BuildConfig(), Serial()).path


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "release"))


def problems(folder: Path) -> list[str]:
    return [str(problem) for problem in verify(Release.open(folder))]


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / SHARD).unlink()
    assert problems(folder) == [f"{SHARD}: missing"]


def test_one_changed_byte_is_noticed(folder: Path) -> None:
    data = bytearray((folder / SHARD).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / SHARD).write_bytes(data)
    (problem,) = problems(folder)
    assert problem.startswith(f"{SHARD}: sha256 is ")


def test_a_file_that_the_manifest_does_not_know_is_named(folder: Path) -> None:
    (folder / "data" / "extra.parquet").write_bytes(b"")
    assert problems(folder) == ["data/extra.parquet: not in the manifest"]


def test_a_folder_without_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(NotARelease, match=r"no manifest\.json here"):
        Release.open(tmp_path)


def test_a_manifest_that_lacks_a_field_is_refused(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"files_seen"', '"files_lost"'))
    with pytest.raises(MalformedManifest, match="files_seen: Field required"):
        Release.open(folder)
