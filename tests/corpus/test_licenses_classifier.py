"""A text is cut into the words that licenseclassifier cuts it into, and means the same to it."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from licenseclassifier import identify_license
from licenseclassifier._engine import builtin_scanner

from corpus.licenses.classifier import Rules, identify, rules
from tests.stores import MIT

TEXTS = [
    *Path("/usr/share/common-licenses").glob("*"),
    Path(__file__).parents[2] / "LICENSE",
]
PIECES = st.sampled_from(
    [
        *("copyright", "Copyright", "COPYRIGHT", "(c)", "(C)", "c", "©", "&copy;", "x(s)", "x(S)"),
        *("license(s)", "The", "these", "copies", "https://a.org", "<b>", "<b", "</b>", "< b>"),
        *("&amp;", "&#169;", "&x", "{#anchor}", "{#", "](http://a.org)", "](#x)", "](", "[a"),
        *("é", "Á", "ﬁ", "ß", "Σ", "ς", "İ", "½", "²", "٣", "e\u0301", "中文", "_", "a_b", "“a”"),
        *(" ", "  ", "\n", "\r\n", "\n\n\n", "-", ".", "(", ")", "<!-- x -->", "@", ":/"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=4), max_size=40).map("".join))
def test_words_are_those_of_licenseclassifier(text: str) -> None:
    words = rules().split(text)
    known = builtin_scanner().dict.split(text)
    assert list(zip(words.numbers, words.starts, words.ends, strict=True)) == known
    assert words.spelled == [text[start:end] for _, start, end in known]


@pytest.mark.parametrize("begun", ["{#", "](#", "\u0301{#", "&copy;](#"])
def test_markup_without_an_end_takes_linear_time(begun: str) -> None:
    assert identify(begun * 30_000, 0) == []
    text = f"{begun * 20} {begun} copyright{{#x}}](#a)"
    known = builtin_scanner().dict.split(text)
    words = rules().split(text)
    assert list(zip(words.numbers, words.starts, words.ends, strict=True)) == known


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_licences_are_those_of_licenseclassifier(path: Path) -> None:
    text = path.read_text(errors="replace")
    assert identify(text) == identify_license(text)
    part = f"{text[:400]}\n{'Something else. ' * 200}"
    assert identify(part) == identify_license(part)
    assert identify(part, 0) == identify_license(part, coverage_threshold=0)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_slips_of_the_pen_are_read_as_licenseclassifier_reads_them(path: Path) -> None:
    chance = random.Random(path.name)
    text = slipped(path.read_text(errors="replace"), chance)
    assert identify(text, 0) == identify_license(text, coverage_threshold=0)


def slipped(text: str, chance: random.Random) -> str:
    """Return a text where a word of forty is left out, misspelt, cut in two or joined."""
    words = text.split(" ")
    for place in chance.sample(range(len(words)), len(words) // 40):
        word = words[place]
        words[place] = chance.choice(
            ["", word[1:], word + "x", word[:3] + " " + word[3:], word + words[place - 1]]
        )
    return " ".join(words)


def test_addresses_between_licences_are_those_of_licenseclassifier() -> None:
    address = "See https://www.apache.org/licenses/LICENSE-2.0 and http://a.org/x.\n"
    text = f"{address}{MIT.decode()}\n{address}{address}https://www.opensource.org/licenses/mit"
    assert [found.id for found in identify(text, 0)] == [
        *("Apache-2.0", "MIT", "Apache-2.0", "Apache-2.0", "MIT")
    ]
    assert identify(text, 0) == identify_license(text, coverage_threshold=0)


def test_the_first_text_of_a_licence_takes_less_than_half_of_licenseclassifiers_time() -> None:
    text = (Path(__file__).parents[2] / "LICENSE").read_text()

    ours = [spent(each.identify, text) for each in (Rules(), Rules(), Rules())]
    alone = []
    for _ in range(3):
        builtin_scanner().re._info.clear()
        alone.append(spent(identify_license, text))
    assert 2 * min(ours) < min(alone)


def spent(identify: Callable[..., object], text: str) -> float:
    """Return the CPU time of recognising a text, in seconds."""
    began = time.process_time()
    identify(text, 75.0)
    return time.process_time() - began


def test_two_texts_do_not_share_what_they_mean() -> None:
    texts = [MIT.decode(), "Copyright (c) Ada. All rights reserved.", MIT.decode().upper()]
    assert [[found.id for found in identify(text)] for text in texts] == [["MIT"], [], ["MIT"]]
