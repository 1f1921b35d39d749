from io import StringIO
from typing import Any

from rich.console import Console

from train.progress import training_progress

Line = dict[str, Any]


def began(stage: int, steps: int) -> Line:
    return {"kind": "event", "name": "stage_began", "stage": stage, "step": 0, "steps": steps}


def step(stage: int, number: int, loss: float = 2.0, penalty: float = 0.0) -> Line:
    return {
        "kind": "step",
        "stage": stage,
        "step": number,
        "loss": loss,
        "penalty": penalty,
        "tokens": 4096,
        "seconds": 2.0,
        "memory": 19_200_000_000,
    }


HELD_OUT: Line = {
    "kind": "held_out",
    "stage": 2,
    "step": 5,
    "measured_on": "stage1",
    "loss": 1.25,
    "bits_per_byte": 0.5625,
}


def shown(lines: list[Line], terminal: bool, steps: int = 1000, seconds: float = 1e9) -> str:
    text = StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, soft_wrap=True, markup=False)
    with training_progress(console, steps, seconds) as note:
        for line in lines:
            note(line)
    return text.getvalue()


def test_away_from_a_terminal_the_first_and_the_last_step_are_told_and_few_between() -> None:
    lines = [began(1, 5000), *(step(1, number) for number in range(1, 5001))]
    told = shown(lines, terminal=False, steps=2000).splitlines()
    assert [line.split()[3] for line in told] == ["1", "2,000", "4,000", "5,000"]
    assert told[0] == "stage 1  step 1 of 5,000  loss 2.0000  2,048 tokens/s  19.2 GB  2:46:38 left"
    assert told[-1].endswith("0:00:00 left")


def test_a_step_is_also_told_when_nothing_was_for_long() -> None:
    assert len(shown([step(1, n) for n in (1, 2, 3)], terminal=False, seconds=0).splitlines()) == 3


def test_without_a_known_end_the_steps_are_told_all_the_same() -> None:
    assert shown([step(1, 7)], terminal=False) == (
        "stage 1  step 7  loss 2.0000  2,048 tokens/s  19.2 GB\n"
    )


def test_the_loss_that_is_shown_is_smoothed_and_begins_anew_in_every_stage() -> None:
    lines = [step(1, 1, loss=3.0), step(1, 2, loss=1.0), step(2, 1, loss=1.5, penalty=0.25)]
    told = shown(lines, terminal=False, seconds=0)
    assert "step 2  loss 2.9000" in told  # 0.95 * 3 + 0.05 * 1
    assert "step 1  loss 1.5000 + 0.2500" in told


def test_measurements_and_resumes_are_told_in_both_places() -> None:
    resumed = {"kind": "event", "name": "resumed", "stage": 2, "step": 4, "steps": 10}
    for terminal in (False, True):
        told = shown([resumed, step(2, 5), HELD_OUT], terminal)
        assert "goes on from stage 2, step 4" in told
        assert "held-out loss of stage 1: 1.2500 (0.5625 bits a byte) after stage 2, step 5" in told


def test_samples_that_no_step_will_see_are_told() -> None:
    line = {"kind": "event", "name": "left_out", "stage": 0, "step": 0, "of_stage": 2}
    counted = {"samples": 1_188, "reasons": {"longer_than_context": 1_178}}
    told = shown([line | counted], terminal=False)
    assert told == "stage 2 leaves out, of 1,188 samples: 1,178 longer than context\n"


def test_a_terminal_shows_a_bar_with_the_figures() -> None:
    told = shown([began(1, 10), step(1, 4)], terminal=True)
    assert "stage 1" in told
    assert "4/10" in told
    assert "loss 2.0000  2,048 tokens/s  19.2 GB" in told


def test_a_checkpoint_that_was_passed_over_is_named_with_the_reason() -> None:
    why = "stage2-00000005: optimizer.pt has 7 bytes, not 9"
    skipped = {"kind": "event", "name": "skipped", "stage": 2, "step": 4, "why": why}
    for terminal in (False, True):
        assert f"passed over {why}" in shown([skipped], terminal=terminal)
