import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.release import (
    DamagedRelease,
    GateSummary,
    NotARelease,
    Release,
    finalize,
    verify,
)
from corpus.release.manifest import MalformedManifest
from tests.executors import LASTING
from tests.stores import small_store

SHARD = "data/documents/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    return build(small_store(folder / "store"), folder / "out", BuildConfig(), LASTING).path


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


@pytest.fixture
def sealed(folder: Path) -> Path:
    (folder / "report.json").write_text("{}\n")
    gate = GateSummary(outcome="passed", checks=1, failed=())
    return finalize(Release.open(folder), gate, folder.parent / "2026.11.1").path


@pytest.mark.parametrize("name", ["LICENSES/GPL.txt", "extra.parquet", "notes/more.md"])
def test_nothing_is_added_to_a_release_that_has_its_name(sealed: Path, name: str) -> None:
    assert problems(sealed) == []
    (sealed / name).parent.mkdir(exist_ok=True)
    (sealed / name).write_bytes(b"")
    assert problems(sealed) == [f"{name}: not in the manifest"]


def test_what_the_tools_of_the_hub_leave_is_no_addition(sealed: Path) -> None:
    (sealed / ".gitattributes").write_text("*.parquet filter=lfs\n")
    (sealed / ".cache" / "huggingface").mkdir(parents=True)
    (sealed / ".cache" / "huggingface" / "x.lock").write_text("")
    assert problems(sealed) == []


def test_a_shard_that_is_no_parquet_is_named_whatever_its_digest(folder: Path) -> None:
    release = Release.open(folder)
    (folder / SHARD).write_bytes(b"no Parquet")
    digest = hashlib.sha256(b"no Parquet").hexdigest()
    shards = [
        replace(shard, sha256=digest) if shard.path == SHARD else shard
        for shard in release.manifest.shards
    ]
    replace(release.manifest, shards=tuple(shards)).write(folder)
    (problem,) = problems(folder)
    assert problem.startswith(f"{SHARD}: cannot be read: ")


def rewritten(folder: Path, change: Callable[[pa.Table], pa.Table]) -> Release:
    """Return a release whose shard has other columns, and whose manifest digests that shard."""
    pq.write_table(change(pq.read_table(folder / SHARD)), folder / SHARD)
    digest = hashlib.sha256((folder / SHARD).read_bytes()).hexdigest()
    manifest = Release.open(folder).manifest
    shards = [
        replace(shard, sha256=digest) if shard.path == SHARD else shard for shard in manifest.shards
    ]
    replace(
        manifest, shards=tuple(shards), code_version="0.0.9", code_commit="8e7d6c5b4a39" + 28 * "0"
    ).write(folder)
    return Release.open(folder)


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        (
            lambda table: table.drop_columns(["role", "hidden_characters"]),
            "lacks hidden_characters, role",
        ),
        (
            lambda table: table.rename_columns({"role": "part"}),
            "lacks role; has besides part",
        ),
        (
            lambda table: table.set_column(
                table.schema.get_field_index("bytes"), "bytes", table["bytes"].cast("int16")
            ),
            "has another type of bytes",
        ),
        (lambda table: table.select(sorted(table.column_names)), "in another order"),
    ],
)
def test_a_release_of_another_version_is_told_from_a_damaged_one(
    folder: Path, change: Callable[[pa.Table], pa.Table], columns: str
) -> None:
    release = rewritten(folder, change)
    found = verify(release)
    assert [str(problem) for problem in found] == [f"{SHARD}: other columns: {columns}"]
    said = str(DamagedRelease(release, found))
    assert "written by another version of this project" in said
    assert "the release names version 0.0.9, commit 8e7d6c5b4a39." in said
    assert "altered" not in said
    assert "fetch" not in said


def test_the_advice_names_only_causes_that_were_found(folder: Path) -> None:
    (folder / SHARD).write_bytes(b"")
    release = Release.open(folder)
    said = str(DamagedRelease(release, verify(release)))
    assert "altered or copied badly" in said
    assert "another version" not in said
    assert "not in the manifest is no part" not in said


def test_a_folder_without_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(NotARelease, match=r"no manifest\.json, so this"):
        Release.open(tmp_path)


def test_a_manifest_that_lacks_a_field_is_refused(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"files_seen"', '"files_lost"'))
    with pytest.raises(MalformedManifest, match="files_seen: Field required"):
        Release.open(folder)
