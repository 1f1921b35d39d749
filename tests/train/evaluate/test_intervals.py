import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.coverage import METHODS, TRUTHS, covered
from train.evaluate.intervals import Figure, rate, share, share_difference


def test_a_rate_of_packages_of_one_size_has_students_interval_of_their_means() -> None:
    """Three packages of two: means 1, 2, 6; their mean 3, variance 7, t for 2 degrees 4.3027."""
    found = rate([0.5, 1.5, 2, 2, 5, 7], [1.0] * 6, list("aabbcc"))
    half = 4.302653 * math.sqrt(7 / 3)
    assert found.value == pytest.approx(3)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


def test_what_is_in_one_package_is_not_as_good_as_in_many() -> None:
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0] * 4
    alone = share(values, range(24))
    together = share(values, [n // 3 for n in range(24)])
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize(("problems", "high"), [(11, 0.311), (100, 0.0379), (2, 0.9878)])
def test_no_passed_problem_is_a_score_of_0_with_a_width(problems: int, high: float) -> None:
    """Wilson's upper end is t² / (n + t²)."""
    none, every = (share([each] * problems, range(problems)) for each in (0.0, 1.0))
    assert (none.value, none.low, every.value, every.high) == (0.0, 0.0, 1.0, 1.0)
    assert none.high == pytest.approx(high, rel=1e-3)
    assert every.low == pytest.approx(1 - high, abs=1e-3)


def test_problems_of_few_packages_that_all_fail_say_little() -> None:
    assert share([0.0] * 300, [n % 5 for n in range(300)]).high > 0.5


def test_models_that_fail_the_same_problems_may_differ_on_others() -> None:
    found = share_difference([0.0] * 11, [0.0] * 11, range(11))
    assert found.value == 0
    assert found.high == -found.low == pytest.approx(0.184, abs=1e-3)


def test_one_package_shows_no_interval() -> None:
    for found in (
        rate([1.0, 2.0], [1.0, 1.0], "aa"),
        share([0.0, 1.0], "aa"),
        share_difference([0.0, 1.0], [1.0, 1.0], "aa"),
    ):
        assert (found.low, found.high) == (-math.inf, math.inf)


def test_models_that_are_alike_everywhere_have_no_interval_of_a_rate() -> None:
    assert rate([0.0] * 4, [7.0, 3.0, 2.0, 5.0], "abcd") == Figure(0.0)
    assert rate([14.0, 6.0, 4.0], [7.0, 3.0, 2.0], "abc") == Figure(2.0)


def test_answers_to_one_problem_are_trials_too() -> None:
    one = share([0.4] * 20, range(20))
    five = share([0.4] * 20, range(20), trials=5)
    assert 0 < five.high - five.low < (one.high - one.low) * 0.6


def test_nothing_has_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing to measure"):
        share([], [])


items = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=1)


@given(items)
def test_an_interval_holds_its_value_and_has_a_width(
    found: list[tuple[int, bool, bool]],
) -> None:
    packages = [package for package, _, _ in found]
    first, second = ([float(each[n]) for each in found] for n in (1, 2))
    for least, figure in (
        (0, share(first, packages)),
        (-1, share_difference(first, second, packages)),
    ):
        assert figure.low <= figure.value <= figure.high
        assert figure.low < figure.high
        assert least <= figure.low <= figure.high <= 1 or figure == Figure(figure.value)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9), st.floats(0.1, 9)), min_size=1))
def test_the_order_of_items_does_not_matter(found: list[tuple[int, float, float]]) -> None:
    one, other = (
        rate([v * w for _, v, w in each], [w for _, _, w in each], [p for p, _, _ in each])
        for each in (found, sorted(found))
    )
    assert one.value == pytest.approx(other.value, abs=1e-9)
    if math.isfinite(one.low) and math.isfinite(other.low):
        assert one.low == pytest.approx(other.low, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", TRUTHS)
@pytest.mark.parametrize("inside", [0.0, 0.5])
def test_intervals_hold_the_truth_where_resampled_documents_do_not(
    kind: str, inside: float
) -> None:
    """Of 150 samples of 10 packages; 95% would be 142, three standard errors less are 134."""
    held = covered(kind, 10, inside, rounds=150, random=np.random.default_rng(5), resamples=200)
    assert held["packages"].share * 150 >= 134
    if inside:
        assert held["documents"].share < 0.7
    assert set(held) == set(METHODS)
