import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.execution import Judgement, Verdict
from train.evaluate.scores import by_problem, pass_at_k

PASSED, FAILED, TOO_OLD = Verdict.PASSED, Verdict.FAILED, Verdict.TOOLCHAIN_TOO_OLD


def judged(**problems: list[Verdict]) -> list[list[Judgement]]:
    return [
        [Judgement(name, number, verdict, 0.5) for number, verdict in enumerate(given)]
        for name, given in problems.items()
    ]


def test_pass_at_k_of_five_samples_of_which_two_pass() -> None:
    assert pass_at_k(5, 2, 1) == pytest.approx(0.4)
    assert pass_at_k(5, 2, 2) == pytest.approx(0.7)
    assert pass_at_k(5, 2, 3) == pytest.approx(0.9)
    assert pass_at_k(5, 2, 4) == 1.0
    assert pass_at_k(5, 0, 5) == 0.0


@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_one_minus_a_quotient_of_binomials(samples: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    expected = 1 - math.comb(samples - passed, k) / math.comb(samples, k)
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
