import pytest

from pages.formats import (
    compact,
    duration,
    percent,
    plural,
    scientific,
    signed,
    size,
    whole,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (940, "940"), (1234, "1.23k"), (99_960, "100k"), (999_700, "1M"), (4.1e9, "4.1B")],
)
def test_large_numbers_are_shortened(value: float, written: str) -> None:
    assert compact(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0%"), (1, "100%"), (0.0004, "<0.1%"), (0.9996, ">99.9%"), (0.0349, "3.5%"),
        (0.416667, "42%"), (0.996, "99.6%"), (None, "–"),
    ],
)  # fmt: skip
def test_shares_never_claim_all_or_nothing_wrongly(value: float | None, written: str) -> None:
    assert percent(value) == written


def test_sizes_changes_and_counts_are_written_for_people() -> None:
    assert [size(value) for value in (0, 812, 999_600, 15_213_916)] == [
        "0 B", "812 B", "1 MB", "15.2 MB",
    ]  # fmt: skip
    assert [signed(value) for value in (0, 1200, -3)] == ["0", "+1,200", "−3"]
    assert [plural(count, "file") for count in (0, 1, 2000)] == ["0 files", "1 file", "2,000 files"]
    assert whole(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(45, "45 s"), (200, "3 min 20 s"), (18_720, "5 h 12 min"), (187_200, "2 d 4 h"), (None, "–")],
)
def test_durations_are_written_in_two_units(seconds: float | None, written: str) -> None:
    assert duration(seconds) == written


def test_small_numbers_are_written_short() -> None:
    assert [scientific(each) for each in (2e-5, 1.5e-5, 0, None)] == [
        "2e-5",
        "1.5e-5",
        "0",
        "–",
    ]
