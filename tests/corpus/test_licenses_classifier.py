"""A text is cut into the words that licenseclassifier cuts it into, and means the same to it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from licenseclassifier import identify_license
from licenseclassifier._engine import builtin_scanner

from corpus.licenses.classifier import Words, identify
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
    known = builtin_scanner().dict
    assert Words(known).split(text) == known.split(text)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_licences_are_those_of_licenseclassifier(path: Path) -> None:
    text = path.read_text(errors="replace")
    assert identify(text) == identify_license(text)
    part = f"{text[:400]}\n{'Something else. ' * 200}"
    assert identify(part) == identify_license(part)
    assert identify(part, 0) == identify_license(part, coverage_threshold=0)


def test_two_texts_do_not_share_what_they_mean() -> None:
    texts = [MIT.decode(), "Copyright (c) Ada. All rights reserved.", MIT.decode().upper()]
    assert [[found.id for found in identify(text)] for text in texts] == [["MIT"], [], ["MIT"]]
