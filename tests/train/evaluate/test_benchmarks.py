"""Problems written by us, executed for real: references pass, and nothing else does."""

from dataclasses import replace
from typing import Any

from sandbox import Sandbox
from tests.sandbox.machine import executed
from train.evaluate.benchmarks import read_tasks
from train.evaluate.judge import Judgement, Verdict, calibrate, judge_all
from train.evaluate.problems import Problem, Prompt
from train.evaluate.scores import measures_of

TASKS = [
    "batcher", "coin_gate", "expiring_cache", "parallel_map", "rate_limiter", "restarted_counter",
    "rooms", "topic_bus",
]  # fmt: skip


def test_every_task_has_a_question_that_stands_for_itself() -> None:
    tasks = list(read_tasks())
    assert [task.identity for task in tasks] == [f"otp/{name}" for name in TASKS]
    for task in tasks:
        assert "Use no packages" in task.prompt.question.replace("\n", " ")
        assert task.program(f"```elixir\n{task.reference}```") == task.reference


@executed
def test_references_pass_and_empty_answers_do_not(sandbox: Sandbox) -> None:
    problems = list(read_tasks())
    answers = [[each.reference or "", ""] for each in problems]
    judged = judge_all(problems, answers, sandbox, workers=2)
    assert [[each.verdict == "passed" for each in samples] for samples in judged] == [
        [True, False]
    ] * len(TASKS)


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
def test_what_cannot_be_decided_here_is_left_out_with_the_reason(sandbox: Sandbox) -> None:
    problems = [
        problem("trivial", "false"),
        problem("broken", "true"),
        problem("foreign", "Absent.f("),
        problem("later", "false", requires="~> 99.0"),
        problem("unknown", None),
    ]
    fit, left_out = calibrate(problems, sandbox, workers=2)
    assert left_out == {
        "empty_passes": ["made/trivial"],
        "reference_failed": ["made/broken"],
        "reference_compile_error": ["made/foreign"],
        "toolchain_too_old": ["made/later"],
    }
    assert [each.identity for each in fit] == ["made/unknown"]


def judgement(name: str, *verdicts: Verdict) -> list[Judgement]:
    return [Judgement(name, each) for each in verdicts]


def test_problems_of_one_package_count_together() -> None:
    problems = [replace(problem(str(n), None), package="quay" if n < 4 else "") for n in range(6)]
    passed, failed = Verdict.PASSED, Verdict.FAILED
    base = [judgement(each.identity, failed, failed) for each in problems]
    adapter = [judgement(each.identity, passed, failed) for each in problems]
    one, two = measures_of(problems, base, adapter, (1, 2))
    assert [(each.name, each.count, each.packages) for each in (one, two)] == [
        ("made, pass@1", 6, 3),
        ("made, pass@2", 6, 3),
    ]
    assert (one.base.value, one.adapter.value, two.adapter.value) == (0.0, 0.5, 1.0)
    assert two.difference.low < two.difference.value == 1.0


def test_a_source_of_which_nothing_was_decided_has_no_score() -> None:
    judgements = [judgement("made/a", Verdict.TOOLCHAIN_TOO_OLD)]
    assert measures_of([problem("a", None)], judgements, judgements, (1,)) == []
