import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.atomic import sweep
from train.checkpoint import (
    MANIFEST,
    SEAL,
    Checkpoint,
    CheckpointNotWritten,
    DamagedCheckpoint,
    ForeignCheckpoint,
    Position,
    RunIdentity,
    chats_that_differ,
    checkpoint_folders,
    newest_valid,
    open_checkpoint,
    prune,
    seal,
    write,
)

RUN = RunIdentity("a" * 64, "b" * 64, model="tiny", world_size=1, weights="f" * 64)
FILES = ("adapter.safetensors", "optimizer.pt", "manifest.json", "manifest.sha256")
PROJECT = Path(__file__).parents[2]


def save(folder: Path, stage: int, step: int, text: str = "weights", best: str = "") -> Checkpoint:
    files: dict[str, Callable[[Path], None]] = {
        "adapter.safetensors": lambda path: _put(path, text),
        "optimizer.pt": lambda path: _put(path, text[::-1]),
    }
    if best:
        files["selection.json"] = lambda path: _put(path, best)
    return write(folder, files, RUN, Position(stage, step, steps=100))


def _put(path: Path, text: str) -> None:
    path.write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_is_that_of_the_latest_stage_and_step_however_files_are_dated(
    tmp_path: Path,
) -> None:
    for seconds, stage, step in ((3, 1, 90), (2, 2, 9), (1, 2, 10)):
        os.utime(save(tmp_path, stage, step).path, (seconds, seconds))
    found, skipped = newest_valid(tmp_path, RUN)
    assert found is not None
    assert (found.path.name, skipped) == ("stage2-00000010", [])
    assert found.position == Position(stage=2, step=10, steps=100)


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert newest_valid(tmp_path / "none", RUN) == (None, [])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip, shorten, empty, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_with_any_file_damaged_is_refused_and_the_one_before_taken(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    save(tmp_path, 1, 10)
    save(tmp_path, 1, 20)
    damage(tmp_path / "stage1-00000020" / name)
    found, (skipped,) = newest_valid(tmp_path, RUN)
    assert found is not None
    assert found.path.name == "stage1-00000010"
    assert skipped.startswith("stage1-00000020: ")
    assert name in skipped or "manifest" in skipped
    with pytest.raises(DamagedCheckpoint, match="--resume at auto"):
        open_checkpoint(tmp_path / "stage1-00000020", RUN)


def test_a_file_that_does_not_belong_there_is_damage_too(tmp_path: Path) -> None:
    save(tmp_path, 1, 10)
    (tmp_path / "stage1-00000010" / "more.pt").write_text("more")
    found, (skipped,) = newest_valid(tmp_path, RUN)
    assert found is None
    assert skipped == "stage1-00000010: more.pt is not one of its files"


def replace_with_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize("damage", [replace_with_a_folder, link_to_nothing, link_to_itself])
@pytest.mark.parametrize("name", FILES)
def test_what_cannot_be_read_is_passed_over_like_what_is_damaged(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    save(tmp_path, 1, 10)
    save(tmp_path, 1, 20)
    damage(tmp_path / "stage1-00000020" / name)
    found, skipped = newest_valid(tmp_path, RUN)
    assert found is not None
    assert (found.path.name, len(skipped)) == ("stage1-00000010", 1)


def test_a_checkpoint_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 1, 10).path.rename(tmp_path / "stage2-00000030")
    with pytest.raises(DamagedCheckpoint, match="stands at stage 1 step 10"):
        open_checkpoint(tmp_path / "stage2-00000030", RUN)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"release": "c" * 64}, "the release was aaaaaaaaaaaa... and is cccccccccccc... now"),
        ({"recipe": "d" * 64}, "the recipe was"),
        ({"model": "other"}, "the base model was 'tiny' and is 'other' now"),
        ({"weights": "e" * 64}, "the base model holds under its name, in weights, was"),
        ({"world_size": 2}, "the number of processes was 1 and is 2 now"),
    ],
)
def test_a_checkpoint_of_another_run_is_never_gone_on_from(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    save(tmp_path, 1, 10)
    with pytest.raises(ForeignCheckpoint, match=said):
        newest_valid(tmp_path, replace(RUN, **change))  # type: ignore[arg-type]


def test_the_newest_are_kept_and_the_last_of_each_stage(tmp_path: Path) -> None:
    for stage, step in ((1, 10), (1, 20), (1, 30), (2, 0), (2, 10), (2, 20)):
        save(tmp_path, stage, step)
    prune(tmp_path, keep=2)
    assert names(tmp_path) == ["stage1-00000030", "stage2-00000010", "stage2-00000020"]


def test_what_a_kept_checkpoint_calls_the_best_of_its_stage_is_kept_too(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40, 50):
        save(tmp_path, 1, step, best='{"step": 20}' if step < 50 else '{"step": 50}')
    prune(tmp_path, keep=2)  # a run goes on from step 40 where step 50 is damaged
    assert names(tmp_path) == ["stage1-00000020", "stage1-00000040", "stage1-00000050"]
    save(tmp_path, 2, 10, best='{"step": 20}')
    prune(tmp_path, keep=1)
    assert names(tmp_path) == ["stage1-00000050", "stage2-00000010"]


@pytest.mark.parametrize("best", ["[]", "{", '{"step": "../.."}', '{"step": null}', '{"step": -1}'])
def test_a_selection_that_is_none_keeps_nothing(tmp_path: Path, best: str) -> None:
    for step in (10, 20):
        save(tmp_path, 1, step, best=best)
    prune(tmp_path, keep=1)
    assert names(tmp_path) == ["stage1-00000020"]


def test_a_damaged_checkpoint_never_crowds_out_a_later_sound_one(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        save(tmp_path, 1, step)
    for step in (20, 30):
        flip(tmp_path / f"stage1-{step:08d}" / "optimizer.pt")
    save(tmp_path, 1, 15)
    prune(tmp_path, keep=1)
    found, skipped = newest_valid(tmp_path, RUN)
    assert found is not None
    assert (found.path.name, skipped) == ("stage1-00000015", [])


def test_saving_again_under_a_name_replaces_what_had_it(tmp_path: Path) -> None:
    save(tmp_path, 1, 10, "old")
    save(tmp_path, 1, 10, "new")
    assert (tmp_path / "stage1-00000010" / "adapter.safetensors").read_text() == "new"
    assert names(tmp_path) == ["stage1-00000010"]


def test_a_checkpoint_of_a_later_version_is_no_damage_that_a_run_begins_anew_for(
    tmp_path: Path,
) -> None:
    path = save(tmp_path, 1, 10).path
    told = json.loads((path / MANIFEST).read_bytes()) | {"format": 2, "something": "new"}
    (path / MANIFEST).write_text(json.dumps(told))
    (path / SEAL).write_text(seal(path))
    with pytest.raises(ForeignCheckpoint, match="its format is 2, and this version reads 1"):
        newest_valid(tmp_path, RUN)


WRITER = """
import os, signal, sys
from pathlib import Path
from tests.train.test_checkpoint import RUN, save
from train.checkpoint import Position, write
folder = Path(sys.argv[1])
save(folder, 1, 10)
def first(path): path.write_text("half")
def second(path): os.kill(os.getpid(), signal.SIGKILL)
write(folder, {"a": first, "b": second}, RUN, Position(1, 20, 100))
"""


def test_a_kill_in_the_middle_of_a_save_leaves_the_one_before(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2
    found, skipped = newest_valid(tmp_path, RUN)
    assert found is not None
    assert (found.path.name, skipped) == ("stage1-00000010", [])
    sweep(tmp_path)
    assert names(tmp_path) == ["stage1-00000010"]


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.train.test_checkpoint import save
from train.checkpoint import CheckpointNotWritten
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
save(folder, 1, 10)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    save(folder, 1, 20, "x" * 10_000)
except CheckpointNotWritten as error:
    print(error)
"""


def test_a_disk_that_is_full_leaves_what_was_there_and_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert "Make room, then run the same command" in done.stdout
    assert names(tmp_path) == ["stage1-00000010"]
    assert newest_valid(tmp_path, RUN)[0] is not None


TENSORS = """
import resource, signal, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from tests.train.test_checkpoint import RUN, save
from train.checkpoint import CheckpointNotWritten, Position, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, many = Path(sys.argv[1]), torch.zeros(10_000)
save(folder, 1, 10)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for name, writer in (
    ("optimizer.pt", lambda path: torch.save(many, path)),
    ("adapter.safetensors", lambda path: save_file({"a": many}, path)),
):
    try:
        write(folder, {name: writer}, RUN, Position(1, 20, 100))
    except CheckpointNotWritten as error:
        print(name, error)
"""


def test_a_disk_that_is_full_is_the_same_error_from_torch_and_safetensors(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TENSORS, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert done.stdout.count("Make room, then run the same command") == 2
    assert names(tmp_path) == ["stage1-00000010"]


def test_a_folder_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointNotWritten, match="could not be written"):
        save(tmp_path / "file", 1, 10)
    assert checkpoint_folders(tmp_path / "file") == []


def told_as(folder: Path, **changes: Any) -> Path:
    """Write a checkpoint whose sealed manifest says what `changes` say."""
    path = save(folder, 1, 10).path
    told = {**json.loads((path / MANIFEST).read_bytes()), **changes}
    (path / MANIFEST).write_text(json.dumps(told))
    (path / SEAL).write_text(seal(path))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}}},
        {"files": {"../other": {"sha256": "0" * 64, "bytes": 1}}},
        {"files": {"adapter.safetensors": {"sha256": "../x", "bytes": 1}}},
        {"files": {"adapter.safetensors": {"sha256": "0" * 64, "bytes": "1"}}},
        {"files": []},
        {"files": None},
        {"position": {"stage": 1}},
        {"position": {"stage": "1", "step": 10, "steps": 100}},
        {"position": {"stage": 1, "step": -10, "steps": 100}},
        {"position": [1, 2, 3]},
        {"identity": {"release": 1, "recipe": "", "model": "", "world_size": 1}},
        {"identity": []},
        {"format": None},
    ],
)
def test_a_manifest_with_values_of_no_checkpoint_is_passed_over(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = told_as(tmp_path, **changes)
    with pytest.raises((DamagedCheckpoint, ForeignCheckpoint)):
        open_checkpoint(path, RUN)


@pytest.mark.parametrize(
    "changes",
    [
        {"position": {"stage": 1}},
        {"position": {"stage": 1, "step": 10, "steps": 100, "epoch": 1}},
        {"position": 3},
        {"identity": {"name": "x"}},
        {"files": {"optimizer.pt": 3}},
    ],
)
def test_a_manifest_with_other_fields_is_told_without_names_of_the_program(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = told_as(tmp_path, **changes)
    with pytest.raises(DamagedCheckpoint, match=r"manifest\.json has not the fields that this"):
        open_checkpoint(path, RUN)


@pytest.mark.parametrize(
    "told", ["{", "{}", '{"chats": 3}', '{"chats": [3]}', '{"chats": [{"name": "mine"}]}']
)
def test_chats_of_which_nothing_is_known_are_not_called_others(tmp_path: Path, told: str) -> None:
    (tmp_path / "run.json").write_text('{"chats": [{"name": "mine", "sha256": "1"}]}')
    assert chats_that_differ(tmp_path, {"mine": "2", "other": "1"}) == ["mine"]
    (tmp_path / "run.json").write_text(told)
    assert chats_that_differ(tmp_path, {"mine": "2"}) == []


def test_a_manifest_that_nests_too_deeply_is_passed_over(tmp_path: Path) -> None:
    path = save(tmp_path, 1, 10).path
    (path / MANIFEST).write_text("[" * 100_000)
    (path / SEAL).write_text(seal(path))
    with pytest.raises(DamagedCheckpoint, match="nests too deeply"):
        open_checkpoint(path, RUN)


def test_a_file_of_a_checkpoint_is_no_link(tmp_path: Path) -> None:
    path = save(tmp_path, 1, 10).path
    (path / "optimizer.pt").rename(tmp_path / "elsewhere")
    (path / "optimizer.pt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedCheckpoint, match=r"optimizer\.pt is a link"):
        open_checkpoint(path, RUN)
