from pathlib import Path

import pytest

from corpus.atomic import canonical_json, replacing, sha256_file, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "rows.json"
    target.write_text("old")
    with pytest.raises(TypeError), replacing(target) as temporary:
        temporary.write_bytes([b"half"])  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]
    assert target.read_text() == "old"


def test_a_write_creates_the_folders_it_needs(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", {"z": 1, "a": "é"})
    assert (tmp_path / "a" / "b.json").read_text() == '{\n  "a": "é",\n  "z": 1\n}\n'


def test_canonical_json_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "x") == digest
