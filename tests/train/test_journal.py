import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from train.journal import (
    PACKAGES,
    DamagedMetrics,
    Metrics,
    MissingTracker,
    Tracker,
    TrackerNotStarted,
    flat,
    open_tracker,
    read_metrics,
)

PROJECT = Path(__file__).parents[2]


def step(stage: int, number: int) -> dict[str, object]:
    return {"kind": "step", "stage": stage, "step": number, "loss": 2.5}


def test_lines_come_back_as_they_were_noted_with_sorted_keys(tmp_path: Path) -> None:
    with Metrics(tmp_path / "metrics.jsonl") as metrics:
        metrics.note(step(1, 1))
        metrics.note({"kind": "event", "name": "checkpoint", "stage": 1, "step": 1})
    assert (tmp_path / "metrics.jsonl").read_text() == (
        '{"kind": "step", "loss": 2.5, "stage": 1, "step": 1}\n'
        '{"kind": "event", "name": "checkpoint", "stage": 1, "step": 1}\n'
    )
    assert read_metrics(tmp_path / "metrics.jsonl")[0] == step(1, 1)


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_number_without_a_word_in_json_is_noted_as_null(tmp_path: Path) -> None:
    with Metrics(tmp_path / "metrics.jsonl") as metrics:
        metrics.note(step(1, 1) | {"gradient_norm": float("inf"), "loss": float("nan")})
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    assert (line["gradient_norm"], line["loss"]) == (None, None)


def test_every_line_is_there_after_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from train.journal import Metrics\n"
        "metrics = Metrics(Path(sys.argv[1]))\n"
        "for n in range(100): metrics.note({'kind': 'step', 'stage': 1, 'step': n})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "metrics.jsonl"
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=PROJECT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [line["step"] for line in read_metrics(path)] == list(range(100))


def test_a_half_written_last_line_does_not_count_and_gives_way_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        metrics.note(step(1, 1))
        metrics.note(step(1, 2))
    path.write_bytes(path.read_bytes()[:-9])
    assert read_metrics(path) == [step(1, 1)]
    with Metrics(path) as metrics:
        metrics.note(step(1, 2))
    assert read_metrics(path) == [step(1, 1), step(1, 2)]


@pytest.mark.parametrize(
    "bad",
    [
        "half a line",
        "[]",
        '{"stage": 1, "step": 2}',
        '{"kind": 2, "stage": 1, "step": 2}',
        '{"kind": "event", "stage": 1, "step": 2}',
        '{"kind": "held_out", "stage": 1, "step": 2}',
        '{"kind": "step", "stage": 1, "step": "2"}',
        '{"kind": "step"}',
        '{"stage": "x"}',
        '{"stage": 1, "step": 1e999}',
        "\xff",
    ],
)
def test_any_other_damaged_line_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        f'{{"kind": "a", "stage": 1, "step": 1}}\n{bad}\n'
        '{"kind": "a", "stage": 1, "step": 3}\n'.encode("latin-1")
    )
    with pytest.raises(DamagedMetrics, match=r"metrics.jsonl, line 2: .* Keep a copy, then remove"):
        read_metrics(path)


def test_a_resumed_run_drops_what_came_after_its_checkpoint_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        for stage, number in ((1, 1), (1, 2), (1, 3), (2, 0), (2, 1)):
            metrics.note(step(stage, number))
    with Metrics(path, (1, 2)) as metrics:
        metrics.note(step(1, 3))
    assert [(line["stage"], line["step"]) for line in read_metrics(path)] == [
        (1, 1),
        (1, 2),
        (1, 3),
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_run_that_begins_anew_drops_all(tmp_path: Path) -> None:
    with Metrics(tmp_path / "metrics.jsonl") as metrics:
        metrics.note(step(1, 1))
    with Metrics(tmp_path / "metrics.jsonl", (0, 0)):
        pass
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_disk_that_fills_up_within_a_line_is_told_and_spoils_no_line(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from train.journal import Metrics\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "metrics = Metrics(Path(sys.argv[1]))\n"
        "metrics.note({'kind': 'step', 'stage': 1, 'step': 1})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))\n"
        "metrics.note({'kind': 'step', 'stage': 1, 'step': 2})"
    )
    path = tmp_path / "metrics.jsonl"
    told = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(told, cwd=PROJECT, capture_output=True, text=True)
    assert "OSError: [Errno 27] File too large" in done.stderr
    with Metrics(path) as metrics:
        metrics.note(step(1, 2))
    assert [line["step"] for line in read_metrics(path)] == [1, 2]


STEP: dict[str, Any] = {
    "kind": "step",
    "stage": 1,
    "step": 1,
    "loss": 2.0,
    "learning_rate": 1e-5,
    "gradient_norm": None,
    "tokens": 100,
    "seconds": 4.0,
}


class Kept:
    """A tracker that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[int, dict[str, float]]] = []

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.got.append((step, dict(values)))


def test_a_step_is_sent_under_the_name_of_its_stage() -> None:
    tracker = Kept()
    Tracker("kept", tracker).note(STEP)
    assert tracker.got == [
        (1, {"stage1/loss": 2.0, "stage1/learning_rate": 1e-5, "stage1/tokens_per_second": 25.0})
    ]


def test_a_measurement_is_sent_under_the_name_of_what_it_was_measured_on() -> None:
    tracker, line = Kept(), {"kind": "held_out", "stage": 2, "step": 3, "measured_on": "stage1"}
    Tracker("kept", tracker).note(line | {"loss": 1.5, "bits_per_byte": 0.75, "targets": 9})
    values = {"held_out_stage1/loss": 1.5, "held_out_stage1/bits_per_byte": 0.75}
    assert tracker.got == [(3, values)]


def test_steps_of_the_second_stage_follow_those_of_the_first() -> None:
    tracker = Kept()
    metrics = Tracker("kept", tracker)
    for stage, step in ((1, 1), (1, 50), (2, 1), (2, 2)):
        metrics.note(STEP | {"stage": stage, "step": step})
    metrics.note({"kind": "event", "name": "checkpoint", "stage": 2, "step": 2})
    assert [step for step, _ in tracker.got] == [1, 50, 51, 52]


def test_a_resumed_run_sends_nothing_twice_and_goes_on_with_the_next_step() -> None:
    tracker = Kept()
    earlier = [STEP | {"step": 50}, STEP | {"stage": 2, "step": 7}]
    Tracker("kept", tracker, earlier).note(STEP | {"stage": 2, "step": 8})
    assert [step for step, _ in tracker.got] == [58]


def test_settings_are_sent_under_dotted_names() -> None:
    recipe = {"seed": 1, "stage1": {"data": {"mixture": {}, "rate": 0.5}}, "targets": ["q", "k"]}
    assert flat(recipe) == {"seed": 1, "stage1.data.rate": 0.5, "targets": "['q', 'k']"}


MISSING = [name for name in PACKAGES if not any(map(find_spec, PACKAGES[name]))]


@pytest.mark.parametrize("name", MISSING)
def test_a_tracker_without_its_package_says_what_to_install(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingTracker, match=f"pip install {name}.*--tracker none"):
        open_tracker(name, tmp_path, {})


def test_tensorboard_gets_the_values(tmp_path: Path) -> None:
    reading = import_module("tensorboard.backend.event_processing.event_accumulator")
    tracker = open_tracker("tensorboard", tmp_path, {"seed": 1})
    tracker.note(STEP | {"step": 7})
    tracker.finish()
    events = reading.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in events.Scalars("stage1/loss")] == [(7, 2.0)]


def test_a_tracker_that_cannot_begin_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with pytest.raises(TrackerNotStarted, match="could not begin"):
        open_tracker("tensorboard", tmp_path, {})


# TensorBoard writes in a thread of its own, which ends with the error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_tracker_that_fails_later_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    tracker = open_tracker("tensorboard", tmp_path, {"seed": 1})
    writers = set(threading.enumerate()) - before
    tracker.note(STEP)
    shutil.rmtree(tmp_path / "tensorboard")
    (tmp_path / "tensorboard").write_text("in the way")
    for step in (2, 3, 4):  # the error comes with the next value that is given to the thread
        tracker.note(STEP | {"step": step})
    tracker.finish()
    for writer in writers:
        writer.join()
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("tracker tensorboard: gets no more (") == 1
    assert "Not a directory" in said
    assert said.endswith("; metrics.jsonl goes on.")
