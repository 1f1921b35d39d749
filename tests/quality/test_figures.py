import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.report.figures import (
    QUANTILES,
    Bin,
    distribution,
    doubling_histogram,
    estimated_tokens,
    even_histogram,
    gini,
    herfindahl,
    share,
)
from quality.report.highlighting import highlight
from quality.report.page import ticks


def test_a_distribution_tells_quantiles_that_occur() -> None:
    found = distribution(np.array([1, 2, 3, 4, 100]))
    assert found["quantiles"] == {
        "min": 1, "p05": 1, "p25": 2, "p50": 3, "p75": 4, "p95": 100, "p99": 100, "max": 100,
    }  # fmt: skip
    assert (found["total"], found["mean"]) == (110, 22.0)


@given(st.lists(st.integers(0, 10**9), min_size=1), st.sampled_from(QUANTILES))
def test_quantiles_of_counts_are_those_of_the_values(values: list[int], share: float) -> None:
    unique, counts = np.unique(np.array(values), return_counts=True)
    found = distribution(unique, counts)
    assert found == distribution(np.array(values))
    expected = int(np.quantile(values, share, method="inverted_cdf"))
    assert found["quantiles"][f"p{int(share * 100):02d}"] == expected


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
    rows: list[Bin] = [{"from": 2**n, "to": 2 ** (n + 1), "count": 1} for n in range(13)]
    assert [tick["at"] for tick in ticks(rows)] == [1, 16, 256, 8192]
    assert ticks(rows)[-1]["place"] == 100
