import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.execution import Judgement, Verdict
from train.evaluate.scores import difference, pass_at_k, score, verdicts

PASSED, FAILED, TOO_OLD = Verdict.PASSED, Verdict.FAILED, Verdict.TOOLCHAIN_TOO_OLD


def judged(**problems: list[Verdict]) -> list[list[Judgement]]:
    return [
        [Judgement(name, number, verdict, 0.5) for number, verdict in enumerate(given)]
        for name, given in problems.items()
    ]


def half(problems: int) -> list[list[Judgement]]:
    return judged(**{f"p{n}": [PASSED if n % 2 else FAILED] for n in range(problems)})


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


def test_a_score_is_the_mean_over_problems() -> None:
    estimate = score(judged(a=[PASSED, PASSED], b=[PASSED, FAILED], c=[FAILED, FAILED]))
    assert estimate.value == pytest.approx(0.5)
    assert estimate.problems == 3


def test_an_interval_is_as_wide_as_theory_says() -> None:
    estimate = score(half(100))
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert estimate.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)


def test_equal_seeds_give_equal_intervals() -> None:
    assert score(half(30), seed=1) == score(half(30), seed=1)


def test_what_this_machine_could_not_decide_is_not_scored() -> None:
    estimate = score(judged(a=[PASSED], b=[TOO_OLD]))
    assert (estimate.value, estimate.problems) == (1.0, 1)


def test_one_problem_does_not_hide_another_of_the_same_name() -> None:
    with pytest.raises(ValueError, match="two problems called a"):
        score([*judged(a=[PASSED]), *judged(a=[FAILED])])


def test_nothing_has_no_score() -> None:
    with pytest.raises(ValueError, match="no problem"):
        score(judged(a=[TOO_OLD]))


def test_a_paired_difference_is_surer_than_two_scores() -> None:
    base = half(100)
    better = judged(**{f"p{n}": [PASSED if n % 2 or n < 20 else FAILED] for n in range(100)})
    gain = difference(base, better)
    assert gain.value == pytest.approx(0.1)
    assert 0.03 < gain.low < gain.high < 0.18
    assert score(better).low < score(base).high


def test_a_model_differs_from_itself_by_nothing() -> None:
    gain = difference(half(40), half(40))
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_models_asked_other_problems_are_not_compared() -> None:
    with pytest.raises(ValueError, match="1 problems have one result only, p2"):
        difference(half(2), half(3))


def test_all_verdicts_are_counted() -> None:
    assert verdicts(judged(a=[PASSED, FAILED], b=[FAILED, TOO_OLD])) == {
        "passed": 1, "failed": 2, "compile_error": 0, "timeout": 0, "limit": 0,
        "toolchain_too_old": 1,
    }  # fmt: skip
