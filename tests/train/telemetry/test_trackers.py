from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from train.telemetry import MissingTracker, TrackedMetrics, TrackerNotStarted, open_tracker
from train.telemetry.trackers import PACKAGES, flat

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

    def finish(self) -> None:
        pass


def test_a_step_is_sent_under_the_name_of_its_stage() -> None:
    tracker = Kept()
    TrackedMetrics(tracker).note(STEP)
    assert tracker.got == [
        (1, {"stage1/loss": 2.0, "stage1/learning_rate": 1e-5, "stage1/tokens_per_second": 25.0})
    ]


def test_a_measurement_is_sent_under_the_name_of_what_it_was_measured_on() -> None:
    tracker, line = Kept(), {"kind": "held_out", "stage": 2, "step": 3, "measured_on": "stage1"}
    TrackedMetrics(tracker).note(line | {"loss": 1.5, "bits_per_byte": 0.75, "targets": 9})
    values = {"held_out_stage1/loss": 1.5, "held_out_stage1/bits_per_byte": 0.75}
    assert tracker.got == [(3, values)]


def test_steps_of_the_second_stage_follow_those_of_the_first() -> None:
    tracker = Kept()
    metrics = TrackedMetrics(tracker)
    for stage, step in ((1, 1), (1, 50), (2, 1), (2, 2)):
        metrics.note(STEP | {"stage": stage, "step": step})
    metrics.note({"kind": "event", "name": "checkpoint", "stage": 2, "step": 2})
    assert [step for step, _ in tracker.got] == [1, 50, 51, 52]


def test_a_resumed_run_sends_nothing_twice_and_goes_on_with_the_next_step() -> None:
    tracker = Kept()
    earlier = [STEP | {"step": 50}, STEP | {"stage": 2, "step": 7}]
    TrackedMetrics(tracker, earlier).note(STEP | {"stage": 2, "step": 8})
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
    tracker.log({"stage1/loss": 2.0}, 7)
    tracker.finish()
    events = reading.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in events.Scalars("stage1/loss")] == [(7, 2.0)]


def test_a_tracker_that_cannot_begin_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with pytest.raises(TrackerNotStarted, match="could not begin"):
        open_tracker("tensorboard", tmp_path, {})


def test_a_tracker_that_fails_later_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = open_tracker("tensorboard", tmp_path, {})
    tracker.log({"loss": {"a": "no number"}}, 1)  # type: ignore[dict-item]
    tracker.log({"loss": 2.0}, 2)
    tracker.finish()
    assert capsys.readouterr().err.count("metrics.jsonl goes on") == 1
