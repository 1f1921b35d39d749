import time
from itertools import pairwise

import pytest
from hypothesis import given

from tests.train.tokenizer.test_infilling import LINES, TEKKEN
from train.tokenizer.lines import line_starts, short_pieces


def parts(text: str) -> list[str]:
    """Take a text apart at every place."""
    places = [0, *line_starts(text), len(text)]
    return [text[begin:end] for begin, end in pairwise(places)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\nb", ["a\n", "b"]),
        ("a\n  b\n", ["a\n", "  b\n"]),
        ("a\r\nb\r\n", ["a\r\n", "b\r\n"]),
        ("a\n\n \n  b", ["a\n\n \n", "  b"]),
        ("\n\na\n", ["\n\n", "a\n"]),
        (")\n//b\nc", [")\n//b\n", "c"]),
        ("a\n\rb\nc", ["a\n\rb\n", "c"]),
        ("a\n \n ", ["a\n \n "]),
    ],
)
def test_a_text_is_taken_apart_where_lines_with_text_begin(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@given(LINES)
def test_all_parts_together_have_the_ids_of_the_whole(text: str) -> None:
    ids = [each for part in parts(text) for each in TEKKEN.encode(part).tolist()]
    assert ids == TEKKEN.encode(text).tolist()


@pytest.mark.parametrize("blank", ["\n", " \n", "\r\n", " ", "\n\t"])
def test_the_time_grows_with_the_text(blank: str) -> None:
    started = time.process_time()
    line_starts(f"a{blank * 200_000}b")
    assert time.process_time() - started < 1


def test_long_lines_are_cut_and_nothing_is_lost() -> None:
    assert list(short_pieces("ab\ncdefgh\n\ni", 4)) == ["ab\n", "cdef", "gh\n\n", "i"]
    assert list(short_pieces("", 4)) == []
