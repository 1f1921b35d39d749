import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.problems import Prompt
from train.evaluate.subject import Stops
from train.evaluate.text import LINE


@pytest.mark.parametrize(
    ("stops", "text", "settled"),
    [
        ((), "x\nend\n", False),
        (("\nend",), "x\nen", False),
        (("\nend",), "x\nend", True),
        (("\nend",), "\nend", True),
        (("\nend", "\n\n"), "x\n\ny", True),
        (("end\n", "\nend\n\n"), "x\nend\n", False),
        (("end\n", "\nend\n\n"), "x\nend\ny", True),
        (("end\n", "\nend\n\n"), "x\nend\n\n", True),
        (("end\n", "end\n\n"), "x\nend\n", True),
        (("é",), "x\ufffd", False),
        (("\n", "\nß"), "x\n\ufffd", True),
        (("",), "", True),
    ],
)
def test_an_answer_ends_once_nothing_can_change_where(
    stops: tuple[str, ...], text: str, settled: bool
) -> None:
    assert Stops(stops).settled(text) is settled


@given(st.text("ab\n", max_size=12), st.lists(st.text("ab\n", max_size=4), max_size=3))
def test_what_is_kept_is_what_would_be_kept_of_the_whole(text: str, stops: list[str]) -> None:
    """A letter at a time; what was never settled runs to its end."""
    prompt = Prompt(text="x", stop=tuple(stops))
    ends = (n for n in range(len(text) + 1) if Stops(prompt.stop).settled(text[:n]))
    assert prompt.cut(text[: next(ends, len(text))]) == prompt.cut(text)


@pytest.mark.parametrize(
    ("text", "settled"),
    [("", False), ("\n\n", False), ("\n  :ok", False), ("\n  :ok\n", True), (" \n", True)],
)
def test_a_line_ends_at_the_line_break_behind_it(text: str, settled: bool) -> None:
    assert LINE.settled(text) is settled
