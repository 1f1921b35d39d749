"""Recognition of licences in a text: licenseclassifier with a faster split into words.

licenseclassifier splits a text character by character, which took two thirds of its time. `Words`
is its dictionary with a regular expression that gives the same words; a text with characters for
which the two could differ is split by licenseclassifier itself. This uses names outside its public
API, so pyproject.toml limits its version, and a test compares the words.
"""

import re
import unicodedata
from copy import copy
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from licenseclassifier import COVERAGE_THRESHOLD, LicenseIdentificationResult
from licenseclassifier._engine import builtin_scanner
from licenseclassifier._engine.dictionary import (
    Dict,
    _html_entity_size,
    _html_tag_size,
    _markdown_anchor_size,
    _markdown_link_size,
)

if TYPE_CHECKING:
    from licenseclassifier._engine import Scanner

Word = tuple[int, int, int]
"""The id of a word, and its start and end."""

WORD = re.compile(r"\([cC]\)|[^\W_]+(?:\(s\))?|©")
MARKUP = re.compile(r"[<&{]|\]\(")
SIZES = {
    "<": _html_tag_size,
    "&": _html_entity_size,
    "{": _markdown_anchor_size,
    "]": _markdown_link_size,
}
"""Functions that return the length of markup, by its first character; markup is ignored."""
MOST_WORDS = 50_000
"""Maximum number of spellings whose ids are cached."""
SIGN = "&copy;"
"""Markup that is a word."""


def identify(
    text: str, least_percent: float = COVERAGE_THRESHOLD
) -> list[LicenseIdentificationResult]:
    """Return what `licenseclassifier.identify_license` returns, in about half of the time."""
    found = scanner().scan(text)
    if found.percent < least_percent:
        return []
    return [LicenseIdentificationResult(each.id, each.start, each.end) for each in found.match]


@cache
def scanner() -> "Scanner":
    """Return licenseclassifier's scanner with `Words`. It reads its rules first: 0.1 s."""
    own = copy(builtin_scanner())
    own.re = copy(own.re)
    own.re.dict = own.dict = Words(own.dict)
    return own


class Words(Dict):
    """The dictionary of a scanner."""

    def __init__(self, known: Dict) -> None:
        """Copy the words of another dictionary."""
        super().__init__()
        self.list, self._map = known.list, known._map
        self._numbers = Numbers(known)

    def split(self, text: str) -> list[Word]:
        """Return the words of a text."""
        if SIGN in text or not is_plain(text):
            words: list[Word] = super().split(text)
            return words
        if len(self._numbers) > MOST_WORDS:
            self._numbers.clear()
        numbers, again = self._numbers, self.lookup("copyright")
        words = [(numbers[each[0]], *each.span()) for each in WORD.finditer(without_markup(text))]
        repeated = [
            place
            for place, (before, each) in enumerate(pairwise(words), 1)
            if each[0] == again == before[0]
        ]
        for place in reversed(repeated):
            del words[place]
        return words


class Numbers(dict[str, int]):
    """The ids of words by their spelling, each looked up once."""

    def __init__(self, words: Dict) -> None:
        """Use the ids of a dictionary."""
        super().__init__()
        self._words = words

    def __missing__(self, written: str) -> int:
        """Return the id of one word from the dictionary."""
        number: int = self._words.split(written)[0][0]
        self[written] = number
        return number


def is_plain(text: str) -> bool:
    """Return whether `WORD` finds the same letters and digits, also outside ASCII."""
    if text.isascii():
        return True
    others = {each for each in set(text) if each > "\x7f"}
    return not any(
        unicodedata.category(each) == "Mn"
        or (each.isalpha() or each.isdigit()) != (WORD.fullmatch(each) is not None)
        for each in others - {"©"}
    )


def without_markup(text: str) -> str:
    """Return a text with blanks where it has tags and entities of HTML, and links of Markdown."""
    parts: list[str] = []
    done = place = 0
    while found := MARKUP.search(text, place):
        start = found.start()
        size = SIZES[text[start]](text, start)
        if size:
            parts += [text[done:start], " " * size]
            done = start + size
        place = start + max(1, size)
    return "".join([*parts, text[done:]])
