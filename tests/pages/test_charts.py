import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.charts import axis, bar, columns, number, round_step, written


@pytest.mark.parametrize(
    ("wanted", "step"),
    [(1.0, 1.0), (1.1, 2.0), (2.5, 5.0), (7.0, 10.0), (0.03, 0.05), (150.0, 200.0)],
)
def test_steps_are_one_two_or_five_times_a_power_of_ten(wanted: float, step: float) -> None:
    assert round_step(wanted) == pytest.approx(step)


def test_an_axis_ends_on_ticks() -> None:
    found = axis([1.05, 1.32])
    assert found.low == pytest.approx(1.0)
    assert found.high == pytest.approx(1.4)
    assert [tick["text"] for tick in found.ticks] == ["1.0", "1.1", "1.2", "1.3", "1.4"]
    assert [tick["place"] for tick in found.ticks] == [0, 25, 50, 75, 100]


def test_a_tight_axis_ends_with_its_values() -> None:
    found = axis([1, 840], 5, from_zero=True, is_tight=True)
    assert (found.low, found.high) == (0, 840)
    assert [tick["text"] for tick in found.ticks] == ["0", "200", "400", "600", "800"]


def test_small_numbers_are_written_with_an_exponent() -> None:
    assert written(1.5e-5, 5e-6) == "1.5e-5"
    assert written(0, 5e-6) == "0"
    assert written(4000, 2000) == "4,000"


@given(st.lists(st.floats(-1e9, 1e9), max_size=20), st.booleans(), st.booleans())
def test_every_value_has_a_place_on_its_axis(
    values: list[float], from_zero: bool, is_tight: bool
) -> None:
    positive = [abs(value) for value in values] if from_zero else values
    found = axis(positive, from_zero=from_zero, is_tight=is_tight)
    assert all(-1e-6 <= found.place(value) <= 1 + 1e-6 for value in positive)
    assert len(found.ticks) <= 12


def test_a_column_that_is_not_zero_can_be_seen() -> None:
    drawn = columns([0, 1, 1_000_000], "sizes")
    assert drawn.count('class="a"') == 2
    assert 'height="1.5" class="a"' in drawn
    assert "<title>sizes</title>" in drawn


def test_a_bar_stays_within_its_track() -> None:
    assert '<rect x="598.5" y="0" width="1.5" height="12" class="drop"/>' in bar(
        [(0.0001, "drop")], "last", 0.9999
    )
    assert '"&lt;b&gt;"' in bar([], "<b>")


@given(st.floats(-1e6, 1e6))
def test_coordinates_are_short_and_near(value: float) -> None:
    text = number(value)
    assert abs(float(text) - value) <= 0.0051
    assert "e" not in text
