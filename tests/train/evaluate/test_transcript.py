import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from train.evaluate.__main__ import app
from train.evaluate.judge import Judgement, Verdict
from train.evaluate.problems import Problem, Prompt
from train.evaluate.transcript import (
    JudgedAnswer,
    NoAnswers,
    by_interest,
    entry,
    place,
    read,
    samples,
    write,
)

PASSED, FAILED = Verdict.PASSED, Verdict.FAILED


def answered(
    verdict: Verdict, answer: str = "def a, do: 1", detail: str = ""
) -> list[JudgedAnswer]:
    return samples([answer], [Judgement("x", verdict, detail)])


def problem(name: str) -> Problem:
    return Problem(identity=name, source="made", prompt=Prompt(question=f"{name}?"), tests={})


ENTRIES = [
    entry(problem("made/passed"), answered(PASSED), answered(PASSED)),
    entry(problem("made/gained"), answered(FAILED), answered(PASSED)),
    entry(problem("made/failed"), answered(FAILED), answered(FAILED, "\x1b]0;mine\x07", "no")),
    entry(problem("made/lost"), answered(PASSED), answered(FAILED, "oops", "1 failure")),
]


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    path = tmp_path / "evaluation.json"
    told = {"answers": {"samples": 1, "sha256": write(place(path), ENTRIES)}, "measures": []}
    path.write_text(json.dumps(told))
    return path


def test_what_was_written_is_read_again(evaluation: Path) -> None:
    assert place(evaluation).name == "evaluation.answers.jsonl"
    assert read(evaluation) == ENTRIES
    assert write(place(evaluation), ENTRIES) == write(place(evaluation), read(evaluation))


def test_what_the_adapter_lost_comes_first() -> None:
    assert [each["problem"] for each in by_interest(ENTRIES)] == [
        "made/lost",
        "made/failed",
        "made/gained",
        "made/passed",
    ]


def test_what_changes_from_run_to_run_is_not_kept() -> None:
    said = """\
  1) test a (T)
     left:  #PID<0.113.0> #Reference<0.1.2.3>
Finished in 0.03 seconds (0.03s async, 0.00s sync)
1 test, 1 failure
Randomized with seed: 421337
Running ExUnit with seed: 5, max_cases: 4"""
    (found,) = answered(FAILED, detail=said)
    (again,) = answered(FAILED, detail=said.replace("0.03", "1.5").replace("113", "99"))
    assert found == again
    assert "421337" not in found["detail"]
    assert "1 test, 1 failure" in found["detail"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"measures": []}, "no problems were answered"),
        ({"answers": {"samples": 5, "elixir": "1.14"}}, "an older version"),
        ({"answers": {"sha256": "ab" * 32}}, "not the file that evaluation.json was written with"),
        ({"answers": 5}, "no problems were answered"),
    ],
)
def test_answers_that_are_not_the_evaluations_are_not_shown(
    evaluation: Path, told: dict[str, Any], why: str
) -> None:
    evaluation.write_text(json.dumps(told))
    with pytest.raises(NoAnswers, match=why):
        read(evaluation)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[]", "it is no JSON object"),
        ("{", "Expecting property name"),
        ('{"base": 5}', "problem: Field required"),
        (
            '{"problem": "", "source": "", "package": "", "prompt": "", "base": [5]}',
            r"base\.0: Input should be a valid dictionary",
        ),
    ],
)
def test_lines_of_another_shape_are_an_error_of_the_file(
    evaluation: Path, line: str, why: str
) -> None:
    place(evaluation).write_text(line)
    digest = hashlib.sha256(line.encode()).hexdigest()
    evaluation.write_text(json.dumps({"answers": {"sha256": digest}}))
    with pytest.raises(NoAnswers, match=rf"answers\.jsonl: it cannot be read \({why}"):
        read(evaluation)


def test_the_command_lists_problems_and_shows_answers(evaluation: Path) -> None:
    run = str(evaluation.parent)
    listed = CliRunner().invoke(app, [run, "--show"])
    assert listed.exit_code == 0, listed.output
    assert listed.output.splitlines()[0] == "made/lost  base: passed  adapter: failed"
    assert len(listed.output.splitlines()) == 4
    shown = CliRunner().invoke(app, [run, "made/lost", "--show"]).output
    assert shown.startswith("made/lost\n\nasked:\nmade/lost?\n\nbase: passed\ndef a, do: 1\n")
    assert "adapter: failed\noops\n\nsaid:\n1 failure" in shown
    unknown = CliRunner().invoke(app, [run, "nothing", "--show"])
    assert unknown.exit_code == 2
    assert "nothing: no problem of that name" in unknown.output
    assert CliRunner().invoke(app, [run, "made/lost"]).exit_code == 2


def test_a_run_without_answers_says_how_to_get_them(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, [str(tmp_path), "--show"])
    assert said.exit_code == 2
    assert "--benchmark" in said.output
