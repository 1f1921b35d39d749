"""Every family of hostile input ends within its budget, in time that grows with its size."""

import re
from collections.abc import Iterator

import pytest

from benchmarks.hostile import ARCHIVES, FILES, attempt
from corpus.supervision import end_helpers
from tests.project import PROJECT

NOISE = 0.5
"""Seconds that a busy machine may add to processor time, through its caches."""
LIMITED = 3.0
"""Seconds after which the limit inside the parser has spoken: 2 s, and 4 a megabyte."""


@pytest.fixture(autouse=True, scope="module")
def _end() -> Iterator[None]:
    yield
    end_helpers()


@pytest.mark.parametrize("name", [*FILES, *ARCHIVES])
def test_four_times_the_input_takes_some_four_times_the_time(name: str) -> None:
    small, large = attempt(name, 30_000), attempt(name, 120_000)
    assert "over_budget" not in small.outcome + large.outcome
    assert large.seconds < max(6 * small.seconds + NOISE, LIMITED if small.seconds > 1 else 0)


def test_the_page_has_a_row_for_every_family() -> None:
    page = (PROJECT / "docs" / "hostile.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (?!input )(.+?) \|", page, re.MULTILINE) == [*FILES, *ARCHIVES]
