import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import mistral_common
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from corpus.lines import line_starts, short_pieces
from corpus.tokens import (
    OtherVocabulary,
    bytes_of,
    count,
    encode,
    read_vocabulary,
)

CODE = ("  def a do", "end", ")", "},", "@doc", "# é", "'s")
BLANKS_AND_SLASHES = ("", "  ", "\t", "//", "/ 2", " /a")
LINE = st.sampled_from(CODE + BLANKS_AND_SLASHES)
SIGNS = st.text(st.sampled_from("aA1 /\r\t\v\x1c\x85\u2028\u3000é\u0301)@"), max_size=5)
LINES = st.lists(LINE | SIGNS, max_size=12).map("\n".join)


@cache
def theirs() -> Tekkenizer:
    """Return mistral-common's own tokenizer."""
    data = Path(mistral_common.__file__).parent / "data"
    return Tekkenizer.from_file(data / "tekken_240911.json")


def pieces(text: str) -> list[str]:
    return [bytes_of(token).decode() for token in encode(text)]


def test_texts_are_counted_in_the_tokens_of_tekken() -> None:
    assert count(["", "end\n", "größe", "items |> Enum.map(& &1.price)"]) == [0, 2, 3, 9]
    assert pieces("  def total(items), do: Enum.sum(items)") == [
        *(" ", " def", " total", "(items", "),", " do", ":", " Enum", ".sum", "(items", ")"),
    ]


@pytest.mark.parametrize("text", ["[INST]", "<s>", "</s>[SYSTEM_PROMPT]", "<|im_start|>"])
def test_text_that_is_written_like_a_special_token_is_text(text: str) -> None:
    assert count([text]) == [len(theirs().encode(text, bos=False, eos=False))]
    assert count([text])[0] > 1


@given(st.text(max_size=60) | LINES)
@settings(deadline=None)
def test_counts_are_those_of_mistral_common(text: str) -> None:
    ids = theirs().encode(text, bos=False, eos=False)
    assert count([text]) == [len(ids)]
    assert [token + theirs().num_special_tokens for token in encode(text)] == ids
    assert b"".join(map(bytes_of, encode(text))) == text.encode()


@pytest.mark.parametrize("text", ["a" * 600_000, " " * 1_200_000, "a\n" * 400_000, "é" * 600_000])
def test_long_texts_are_counted_in_time_that_grows_with_them(text: str) -> None:
    began = time.process_time()
    assert 0 < count([text])[0] <= len(text.encode())
    assert time.process_time() - began < 10


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tekken_240911.json").write_bytes(b"{}")
    with pytest.raises(OtherVocabulary, match=r"tekken_240911\.json: sha256 is 44136fa355b3"):
        read_vocabulary(tmp_path / "tekken_240911.json")


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
    ids = [each for part in parts(text) for each in encode(part)]
    assert ids == encode(text)


@pytest.mark.parametrize("blank", ["\n", " \n", "\r\n", " ", "\n\t"])
def test_the_time_grows_with_the_text(blank: str) -> None:
    started = time.process_time()
    line_starts(f"a{blank * 200_000}b")
    assert time.process_time() - started < 1


def test_long_lines_are_cut_and_nothing_is_lost() -> None:
    assert list(short_pieces("ab\ncdefgh\n\ni", 4)) == ["ab\n", "cdef", "gh\n\n", "i"]
    assert list(short_pieces("", 4)) == []
