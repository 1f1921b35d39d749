import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.report.charts import bar, columns, number
from quality.report.figures import (
    distribution,
    doubling_histogram,
    estimated_tokens,
    even_histogram,
    gini,
    herfindahl,
    share,
)
from quality.report.formats import compact, percent, plural, signed, size, whole
from quality.report.highlighting import highlight
from quality.report.page import ticked, ticks


def test_a_distribution_tells_quantiles_that_occur() -> None:
    found = distribution(np.array([1, 2, 3, 4, 100]))
    assert found["quantiles"] == {
        "min": 1, "p05": 1, "p25": 2, "p50": 3, "p75": 4, "p95": 100, "p99": 100, "max": 100,
    }  # fmt: skip
    assert (found["total"], found["mean"]) == (110, 22.0)


def test_a_histogram_doubles_its_ranges() -> None:
    assert doubling_histogram(np.array([0, 1, 2, 3, 9])) == [
        {"from": 0, "to": 1, "count": 1},
        {"from": 1, "to": 2, "count": 1},
        {"from": 2, "to": 4, "count": 2},
        {"from": 4, "to": 8, "count": 0},
        {"from": 8, "to": 16, "count": 1},
    ]


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_a_histogram_counts_every_number_where_it_belongs(values: list[int]) -> None:
    rows = doubling_histogram(np.array(values))
    for row in rows:
        assert row["count"] == sum(row["from"] <= value < row["to"] for value in values)
    assert sum(row["count"] for row in rows) == len(values)


def test_similarities_of_one_stand_in_the_last_column() -> None:
    rows = even_histogram(np.array([0.7, 0.71, 1.0]), 0.7, 1.0, 3)
    assert [row["count"] for row in rows] == [2, 0, 1]
    assert rows[-1] == {"from": 0.9, "to": 1.0, "count": 1}


@pytest.mark.parametrize(
    ("sizes", "inequality", "index"),
    [([5, 5, 5, 5], 0.0, 0.25), ([0, 0, 0, 8], 0.75, 1.0), ([1, 3], 0.25, 0.625), ([0], 0.0, 0.0)],
)
def test_concentration_of_small_examples(sizes: list[int], inequality: float, index: float) -> None:
    assert gini(np.array(sizes)) == inequality
    assert herfindahl(np.array(sizes)) == index


def test_a_share_of_nothing_is_nothing() -> None:
    assert share(1, 0) == 0
    assert share(1, 3) == 0.333333
    assert estimated_tokens(342) == 100


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
    written = number(value)
    assert abs(float(written) - value) <= 0.0051
    assert "e" not in written


def test_code_is_coloured_and_escaped() -> None:
    shown = highlight('def a("<b>"), do: :ok # end', "elixir")
    assert shown == (
        '<i class="k">def</i> a(<i class="s">&#34;&lt;b&gt;&#34;</i>), <i class="t">do:</i> '
        '<i class="t">:ok</i> <i class="c"># end</i>'
    )
    assert highlight("<%= x %>", "eex") == "&lt;%= x %&gt;"


@given(st.text(), st.sampled_from(["elixir", "erlang", "heex"]))
def test_colouring_changes_no_character(code: str, language: str) -> None:
    assert highlight(code, language).striptags().split() == _plain(code).split()


def _plain(code: str) -> str:
    from markupsafe import escape

    return escape(code).striptags()


def test_ticks_keep_apart_and_end_with_the_end() -> None:
    rows = [{"from": 2**n, "to": 2 ** (n + 1), "count": 1} for n in range(13)]
    assert [tick["at"] for tick in ticks(rows)] == [1, 16, 256, 8192]
    assert ticks(rows)[-1]["place"] == 100


def test_backticks_become_code_after_escaping() -> None:
    assert ticked("a `<use>` b") == "a <code>&lt;use&gt;</code> b"
