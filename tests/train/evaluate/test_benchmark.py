"""Problems written by us, executed for real: references pass, and nothing else does."""

from collections.abc import Sequence
from typing import Any

from sandbox import Sandbox
from tests.sandbox.machine import executed
from train.evaluate import otp
from train.evaluate.benchmark import measure, summary
from train.evaluate.calibration import calibrate
from train.evaluate.completer import Completer, Empty, Reference
from train.evaluate.execution import Judgement, Verdict
from train.evaluate.problems import Problem, Prompt

TASKS = [
    "batcher", "coin_gate", "expiring_cache", "parallel_map", "rate_limiter", "restarted_counter",
    "rooms", "topic_bus",
]  # fmt: skip


def verdicts_and_score(completer: Completer, problems: Sequence[Problem]) -> tuple[object, ...]:
    judgements = measure(completer, problems, Sandbox(), samples=2, workers=2)
    of = summary(problems, judgements, ks=(1, 2, 3))["otp"]
    assert of.keys() == {"verdicts", "pass@1", "pass@2"}, "there are two samples, not three"
    return of["verdicts"], of["pass@1"]["value"], of["pass@1"]["problems"]


def test_every_task_has_a_question_that_stands_for_itself() -> None:
    tasks = list(otp.load())
    assert [task.identity for task in tasks] == [f"otp/{name}" for name in TASKS]
    for task in tasks:
        assert "Use no packages" in task.prompt.question.replace("\n", " ")
        assert task.program(f"```elixir\n{task.reference}```") == task.reference


@executed
def test_reference_solutions_score_100_percent() -> None:
    problems = list(otp.load())
    verdicts, value, count = verdicts_and_score(Reference(problems), problems)
    assert verdicts == {
        "passed": 16, "failed": 0, "compile_error": 0, "timeout": 0, "limit": 0,
        "toolchain_too_old": 0,
    }  # fmt: skip
    assert (value, count) == (1.0, 8)


@executed
def test_empty_answers_score_0_percent() -> None:
    problems = list(otp.load())
    verdicts, value, count = verdicts_and_score(Empty(), problems)
    assert verdicts == {
        "passed": 0, "failed": 16, "compile_error": 0, "timeout": 0, "limit": 0,
        "toolchain_too_old": 0,
    }  # fmt: skip
    assert (value, count) == (0.0, 8)


def problem(name: str, reference: str | None, **more: Any) -> Problem:
    before = "defmodule Nothing do\n  def of(number) do\n    "
    test = 'defmodule NothingTest do\n  use ExUnit.Case\n  test("one", do: {})\nend\n'
    return Problem(
        identity=f"made/{name}",
        source="made",
        prompt=Prompt(text=before, stop=(f"\n# {name}",)),
        before=before,
        after="\n  end\nend\n",
        tests={"test/a_test.exs": test.format("refute Nothing.of(1)")},
        reference=reference,
        **more,
    )


@executed
def test_what_cannot_be_decided_here_is_left_out_with_the_reason() -> None:
    problems = [
        problem("trivial", "false"),
        problem("broken", "true"),
        problem("foreign", "Absent.f("),
        problem("later", "false", requires="~> 99.0"),
        problem("unknown", None),
    ]
    calibration = calibrate(problems, Sandbox(), workers=2)
    assert calibration.left_out == {
        "empty_passes": ["made/trivial"],
        "reference_failed": ["made/broken"],
        "reference_compile_error": ["made/foreign"],
        "toolchain_too_old": ["made/later"],
    }
    assert [each.identity for each in calibration.problems] == ["made/unknown"]


def test_a_source_of_which_nothing_was_decided_has_no_score() -> None:
    judgements = [[Judgement("made/a", 0, Verdict.TOOLCHAIN_TOO_OLD, 0.1)]]
    assert summary([problem("a", None)], judgements)["made"].keys() == {"verdicts"}
