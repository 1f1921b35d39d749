from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.tokenizers import SOURCE, full_tekken
from train.tokenizer.infilling import cut

CODE = ("  def a do", "end", ")", "},", "@doc", "# é", "'s")
BLANKS_AND_SLASHES = ("", "  ", "\t", "//", "/ 2", " /a")
LINE = st.sampled_from(CODE + BLANKS_AND_SLASHES)
SIGNS = st.text(st.sampled_from("aA1 /\r\t\v\x1c\x85\u2028\u3000é\u0301)@"), max_size=5)
LINES = st.lists(LINE | SIGNS, max_size=12).map("\n".join)


@given(LINES, st.integers(0, 2**64))
@settings(max_examples=500, deadline=None)
def test_the_parts_have_the_ids_of_the_whole(text: str, seed: int) -> None:
    parts = cut(text, seed)
    if parts is not None:
        assert "".join(parts) == text
        joined = np.concatenate([full_tekken().encode(part) for part in parts])
        assert joined.tolist() == full_tekken().encode(text).tolist()


@given(LINES, st.integers(0, 2**64))
def test_the_middle_is_neither_empty_nor_all(text: str, seed: int) -> None:
    parts = cut(text, seed)
    if parts is not None:
        assert parts[1]
        assert parts[0] + parts[2]


def test_a_seed_always_cuts_at_the_same_place_and_others_elsewhere() -> None:
    assert cut(SOURCE, 7) == cut(SOURCE, 7)
    places = Counter(cut("a\nb\nc\n", seed) for seed in range(3000))
    assert set(places) == {
        ("", "a\n", "b\nc\n"),
        ("", "a\nb\n", "c\n"),
        ("a\n", "b\n", "c\n"),
        ("a\n", "b\nc\n", ""),
        ("a\nb\n", "c\n", ""),
    }
    assert min(places.values()) > 500


@pytest.mark.parametrize("text", ["", "\n", "one line", "one line\n", "one\n\n  \n", "a)\n/b"])
def test_a_text_with_one_place_to_cut_is_left_alone(text: str) -> None:
    assert cut(text, 1) is None
    assert full_tekken().infilling(text, 1) is None


def test_a_sample_asks_first_and_all_its_text_carries_loss() -> None:
    prefix, middle, suffix = parts = cut("a\nb\nc\nd\n", 4) or ("", "", "")
    assert all(parts)
    sample = full_tekken().infilling("a\nb\nc\nd\n", 4)
    assert sample is not None
    asked = full_tekken().infilling_prompt(prefix, suffix).tolist()
    assert sample.ids.tolist() == [*asked, *full_tekken().encode(middle), 2]
    assert asked == [1, 16, *full_tekken().encode(suffix), 14, *full_tekken().encode(prefix)]
    assert sample.ids[~sample.targets].tolist() == [1, 16, 14]
