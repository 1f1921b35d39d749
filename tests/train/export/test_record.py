"""When an earlier export is returned, and when it is made anew."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.train.export.runs import write_run
from train.export.adapter import export_adapter
from train.export.record import OutputTaken
from train.export.run import open_run

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path) -> Path:
    return write_run(tmp_path / "run", tiny_model)


@pytest.fixture
def exported(run: Path, tmp_path: Path) -> Path:
    export_adapter(open_run(run), tmp_path / "out")
    return tmp_path / "out"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, Path.unlink])
@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json"])
def test_a_damaged_export_is_made_anew(
    run: Path, exported: Path, name: str, damage: Callable[[Path], object]
) -> None:
    before = contents(exported)
    damage(exported / name)
    export_adapter(open_run(run), exported)
    assert contents(exported) == before
    assert [each.name for each in exported.parent.iterdir() if each.name.startswith(".")] == []


def test_an_export_whose_card_would_say_something_else_is_made_anew(
    run: Path, exported: Path
) -> None:
    with (run / "README.md").open("a", encoding="utf-8") as card:
        card.write("\n## Evaluation\n\npass@1: 0.5\n")
    export_adapter(open_run(run), exported)
    assert "pass@1: 0.5" in (exported / "README.md").read_text(encoding="utf-8")
    (run / "README.md").unlink()
    export_adapter(open_run(run), exported)
    assert not (exported / "README.md").exists()


def test_a_whole_export_is_returned_whatever_lies_beside_it(run: Path, exported: Path) -> None:
    (exported / "notes.txt").write_text("mine", encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in exported.iterdir()}
    told = export_adapter(open_run(run), exported)
    assert told == json.loads((exported / "export.json").read_bytes())["comparison"]
    assert {path: path.stat().st_mtime_ns for path in exported.iterdir()} == before


def test_a_file_that_is_no_part_of_a_damaged_export_is_not_lost_with_it(
    run: Path, exported: Path
) -> None:
    (exported / "notes.txt").write_text("mine", encoding="utf-8")
    flip_a_bit(exported / WEIGHTS)
    before = contents(exported)
    with pytest.raises(OutputTaken, match=rf"{WEIGHTS} was altered\), and notes\.txt, which"):
        export_adapter(open_run(run), exported)
    assert contents(exported) == before


@pytest.mark.parametrize("record", ["{", "[]", '{"made_from": {}, "comparison": {}, "files": []}'])
def test_a_record_that_says_nothing_is_no_export_of_ours(
    run: Path, exported: Path, record: str
) -> None:
    (exported / "export.json").write_text(record, encoding="utf-8")
    with pytest.raises(OutputTaken, match="no export of ours"):
        export_adapter(open_run(run), exported)
