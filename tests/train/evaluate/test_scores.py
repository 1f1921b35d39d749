import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.intervals import FEWEST, Figure
from train.evaluate.judge import Judgement, Verdict
from train.evaluate.scores import Measure, as_json, by_problem, pass_at_k, show

PASSED, FAILED, TOO_OLD = Verdict.PASSED, Verdict.FAILED, Verdict.TOOLCHAIN_TOO_OLD


def judged(**problems: list[Verdict]) -> list[list[Judgement]]:
    return [[Judgement(name, verdict) for verdict in given] for name, given in problems.items()]


def test_pass_at_k_of_five_samples_of_which_two_pass() -> None:
    assert pass_at_k(5, 2, 1) == pytest.approx(0.4)
    assert pass_at_k(5, 2, 2) == pytest.approx(0.7)
    assert pass_at_k(5, 2, 3) == pytest.approx(0.9)
    assert pass_at_k(5, 2, 4) == 1.0
    assert pass_at_k(5, 0, 5) == 0.0


@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_one_minus_the_chance_to_miss(samples: int, data: st.DataObject) -> None:
    """As the product by which the paper's own code computes it."""
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    expected = 1 - math.prod(1 - k / n for n in range(samples - passed + 1, samples + 1))
    assert pass_at_k(samples, passed, k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [0, 3])
def test_more_samples_than_there_are_cannot_be_drawn(k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k} needs"):
        pass_at_k(2, 1, k)


def test_what_this_machine_could_not_decide_is_not_scored() -> None:
    found = by_problem(judged(a=[PASSED, PASSED], b=[TOO_OLD, TOO_OLD], c=[FAILED, PASSED]), 1)
    assert found == {"a": 1.0, "c": 0.5}
    assert by_problem([[]], 1) == {}


def test_one_problem_does_not_hide_another_of_the_same_name() -> None:
    with pytest.raises(ValueError, match="two problems called a"):
        by_problem([*judged(a=[PASSED]), *judged(a=[FAILED])], 1)


def measure(packages: int, difference: Figure) -> Measure:
    return Measure(
        group="held-out text",
        name="all",
        unit="bits per byte",
        better="lower",
        count=10,
        packages=packages,
        base=Figure(1.5, 1.4, 1.6),
        adapter=Figure(1.25, 1.2, 1.3),
        difference=difference,
    )


def test_an_interval_is_shown_where_there_are_packages_enough_for_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sure = Figure(-0.25, -0.5, -0.125)
    show([measure(FEWEST, sure), measure(FEWEST - 1, sure), measure(FEWEST, Figure(0.0))], "base")
    enough, few, alike = capsys.readouterr().out.splitlines()[-3:]
    assert enough.split() == [
        "all",
        "10",
        "3",
        "1.5000",
        "1.2500",
        "-0.2500",
        "(-0.5000",
        "to",
        "-0.1250)",
    ]
    assert few.rstrip().endswith("-0.2500 (too few packages)")
    assert alike.rstrip().endswith("+0.0000 (the same everywhere)")


def test_ends_that_are_not_known_are_null_in_the_file() -> None:
    told = as_json([measure(1, Figure(0.5))], {})["measures"]
    assert isinstance(told, list)
    assert len(told) == 1
    assert told[0]["difference"] == {"value": 0.5, "low": None, "high": None}
