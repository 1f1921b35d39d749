from pathlib import Path

import pytest

from corpus.atomic import (
    canonical_json,
    remove_folder,
    replacing,
    sha256_file,
    sweep,
    whole_folder,
    write_json,
)


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


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a" / "made") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "x").write_text("x")
        assert not (tmp_path / "a" / "made").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["made"]
    assert (tmp_path / "a" / "made" / "inner" / "x").read_text() == "x"
    assert (tmp_path / "a" / "made").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").touch()
    with pytest.raises(IsADirectoryError), whole_folder(tmp_path / "made", replaces=True) as folder:
        folder.write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "old"]


def test_a_folder_gives_way_only_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").touch()
    with pytest.raises(OSError, match="not empty"), whole_folder(tmp_path / "made"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "old"]
    with whole_folder(tmp_path / "made", replaces=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "new"]


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in (".made.abcdefgh.tmp", ".made.tmp", "made"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
    (tmp_path / ".rows.json.01234567.tmp").touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".made.tmp", "made"]
    remove_folder(tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == [".made.tmp"]


def test_canonical_json_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "x") == digest
