"""A manifest is untrusted: it is read into values that can do no harm, or refused as a whole."""

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from huggingface_hub import snapshot_download
from hypothesis import given
from hypothesis import strategies as st

from corpus.release import Release, verify
from corpus.release.manifest import MalformedManifest, read_manifest
from tests.peers.hub_datasets import serving
from tests.releases import example_release
from train.material import open_verified

SHARD = "data/documents/train-00000-of-00001.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return example_release(tmp_path / "2026.11.1").path


def altered(folder: Path, *place: str | int, value: object) -> Path:
    """Set one value of a manifest, wherever it stands."""
    told: Any = json.loads((folder / "manifest.json").read_bytes())
    inside = told
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def refused(folder: Path) -> str:
    """Return why a release is refused, by every way into it."""
    with pytest.raises(MalformedManifest) as caught:
        Release.open(folder)
    with pytest.raises(MalformedManifest):
        open_verified(folder)
    return str(caught.value).removeprefix(f"{folder}/manifest.json: ").partition(". Nothing")[0]


@pytest.mark.parametrize(
    "version",
    ["2026.09.1/../../..", "../../etc", "/tmp/x", "", "2026.13.1", "2026.09.0", "２０２６.09.1"],
)
def test_a_version_is_no_path(folder: Path, version: str) -> None:
    assert refused(altered(folder, "version", value=version)) == f"{version!a} is no version"


def test_a_parent_version_is_no_path(folder: Path) -> None:
    parent = {"version": "../2026.09.1", "identity": "0" * 64}
    said = refused(altered(folder, "parent", value=parent))
    assert said == "parent: '../2026.09.1' is no version"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "data/documents/../../../x", "data/functions/train-00000-of-00001.x"]
)
def test_a_shard_lies_where_its_table_and_split_say(folder: Path, path: str) -> None:
    said = refused(altered(folder, "shards", 0, "path", value=path))
    assert said.endswith("is no shard of documents/test")


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "LICENSES/../../up", "a\\b"])
def test_another_file_lies_below_the_release(folder: Path, path: str) -> None:
    item = {"path": path, "sha256": "0" * 64, "bytes": 1}
    assert "is no path" in refused(altered(folder, "artifacts", value=[item]))


def test_the_manifest_lists_neither_itself_nor_a_file_twice(folder: Path) -> None:
    item = {"path": "README.md", "sha256": "0" * 64, "bytes": 1}
    assert "stands twice" in refused(altered(folder, "artifacts", value=[item, item]))
    itself = {**item, "path": "manifest.json"}
    assert "stands twice" in refused(altered(folder, "artifacts", value=[itself]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("build_digest",), "../x"),
        (("code_commit",), "HEAD"),
        (("files_seen",), -1),
        (("files_seen",), "1"),
        (("shards", 0, "rows"), 1.5),
        (("shards", 0, "bytes"), True),
        (("shards", 0, "sha256"), "A" * 64),
        (("shards", 0, "config"), "../documents"),
        (("shards", 0, "split"), "all"),
        (("inputs", 0, "package"), "../plug"),
        (("inputs", 0, "version"), "1.0/.."),
        (("stages", 0, "reasons"), {"<b>": 1}),
        (("archives_rejected",), {"gone": -1}),
        (("tools",), {"pyarrow": "\x1b[2J"}),
        (("gate",), {"outcome": "passed\n", "checks": 1, "failed": []}),
        (("config",), {"threshold": float("nan")}),
        (("config",), []),
        (("schema_version",), 2),
        (("schema_version",), [[]]),
    ],
)
def test_a_value_that_no_release_has_is_refused(
    folder: Path, place: tuple[str | int, ...], value: object
) -> None:
    assert refused(altered(folder, *place, value=value))


@pytest.mark.parametrize("target", ["/etc/passwd", "../other.parquet"])
def test_a_shard_that_is_a_link_out_of_the_release_is_refused(folder: Path, target: str) -> None:
    (folder / SHARD).unlink()
    (folder / SHARD).symlink_to(target)
    if not target.startswith("/"):
        (folder.parent / "other.parquet").write_bytes(b"")
        (folder / SHARD).unlink()
        (folder / SHARD).symlink_to(folder.parent / "other.parquet")
    assert refused(folder) == f"'{SHARD}' leads out of its folder"


def test_a_folder_that_is_a_link_out_of_the_release_is_refused(folder: Path) -> None:
    (folder / "data").rename(folder.parent / "data")
    (folder / "data").symlink_to(folder.parent / "data")
    assert "leads out of its folder" in refused(folder)


def test_a_release_may_be_reached_through_a_link(folder: Path) -> None:
    (folder.parent / "latest").symlink_to(folder.name)
    assert verify(Release.open(folder.parent / "latest")) == []


def test_a_refused_release_is_said_to_be_unused_and_not_to_be_deleted(folder: Path) -> None:
    altered(folder, "version", value="../x")
    with pytest.raises(MalformedManifest, match="Nothing of this release was used") as caught:
        Release.open(folder)
    assert "delete" not in str(caught.value)


@cache
def whole() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        release = example_release(Path(folder) / "2026.11.1")
        return dict(json.loads((release.path / "manifest.json").read_bytes()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(data=st.data())
def test_any_json_is_a_manifest_or_refused_as_one(data: st.DataObject) -> None:
    told = dict(whole())
    for key in data.draw(st.sets(st.sampled_from(sorted(told)), max_size=3)):
        told[key] = data.draw(JSON)
    value = data.draw(st.just(told) | JSON)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_text(json.dumps(value))
        with suppress(MalformedManifest):
            read_manifest(path).to_json()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_a_manifest(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_bytes(data)
        with pytest.raises(MalformedManifest):
            read_manifest(path)


@pytest.mark.parametrize("into", ["the cache", "a folder"])
def test_a_release_fetched_from_the_hub_is_used_where_it_lies(
    folder: Path, tmp_path: Path, into: str
) -> None:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    files[".gitattributes"] = b"*.parquet filter=lfs\n"
    with serving({"ana/corpus": files}) as address:
        fetched = snapshot_download(
            "ana/corpus",
            repo_type="dataset",
            endpoint=address,
            cache_dir=tmp_path / "cache",
            local_dir=tmp_path / "local" if into == "a folder" else None,
        )
    release = Release.open(Path(fetched))
    assert verify(release) == []
    assert release.read("documents").num_rows == 5
    assert (Path(fetched) / SHARD).is_symlink() == (into == "the cache")
    blob = (Path(fetched) / SHARD).resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    (problem,) = verify(release)
    assert problem.path == SHARD
