import signal
import subprocess
import sys
from pathlib import Path

import pytest

from train.telemetry import DamagedMetrics, Metrics, read_metrics

PROJECT = Path(__file__).parents[3]


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
        "import os, signal, sys; from pathlib import Path; from train.telemetry import Metrics\n"
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


@pytest.mark.parametrize("bad", ["half a line", "[]", '{"kind": "step"}', '{"stage": "x"}', "\xff"])
def test_any_other_damaged_line_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        f'{{"stage": 1, "step": 1}}\n{bad}\n{{"stage": 1, "step": 3}}\n'.encode("latin-1")
    )
    with pytest.raises(DamagedMetrics, match=r"metrics.jsonl, line 2: .* Keep a copy, then remove"):
        read_metrics(path)


def test_a_resumed_run_drops_what_came_after_its_checkpoint_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        for stage, number in ((1, 1), (1, 2), (1, 3), (2, 0), (2, 1)):
            metrics.note(step(stage, number))
        metrics.truncate_to(1, 2)
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
        metrics.truncate_to(0, 0)
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_disk_that_fills_up_within_a_line_is_told_and_spoils_no_line(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from train.telemetry import Metrics\n"
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
