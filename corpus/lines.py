"""Where a text may be cut, so that the tokens of its parts are those of the whole text.

That holds for Tekken, Mistral's vocabulary, which cuts text by a regular expression before it
merges bytes to tokens.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

BLANK = re.compile(r"\n\s*")


def line_starts(text: str) -> list[int]:
    """Return the places inside a text where a line begins and Tekken's pattern always ends a token.

    The pattern takes line ends and the blank lines between them together, and a slash together with
    the line end before it where punctuation comes before that. Nor does a place at either end of
    the text count, or one that only white space follows.
    """
    found = (_last_line_start(match) for match in BLANK.finditer(text))
    return [at for at in found if 0 < at < len(text) and text[at] != "/"]


def _last_line_start(blank: re.Match[str]) -> int:
    """Return where the line after a run of white space begins; 0 if there is no such line."""
    run = blank[0]
    last = max(run.rfind("\n"), run.rfind("\r"))
    follows = blank.end() < len(blank.string)
    return blank.start() + last + 1 if follows and run[last] == "\n" else 0


def short_pieces(text: str, longest: int) -> Iterator[str]:
    """Yield a text's lines, and those of more than `longest` characters piece by piece."""
    for begin, end in pairwise([0, *line_starts(text), len(text)]):
        for at in range(begin, end, longest):
            yield text[at : min(at + longest, end)]
