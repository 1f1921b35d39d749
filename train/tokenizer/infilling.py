"""Where text is cut for fill-in-the-middle samples, which Mistral's models read suffix first.

The shape is `<s>[SUFFIX]suffix[PREFIX]prefix middle</s>`, without a token before the middle
(Bavarian et al. 2022 call it SPM). As there, every token of text carries loss, not the middle's
alone: the sample replaces a document, and would else teach a third of it. What carries none are
the tokens that mark the parts, which a model should never come to write by itself.

Our own because mistral-common renders requests to complete code, and no samples with their loss.
"""

import random
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


def cut(text: str, seed: int) -> tuple[str, str, str] | None:
    """Return prefix, middle and suffix, cut at line starts; prefix or suffix may be empty.

    Every pair of places is as likely as any other, but for the one that makes all of it the middle.
    None where there is no other.
    """
    places = [0, *line_starts(text), len(text)]
    last = len(places) - 1
    if last < 2:
        return None
    draw = random.Random(seed)
    first, second = 0, last
    while (first, second) == (0, last):
        first, second = sorted(draw.sample(range(last + 1), 2))
    begin, end = places[first], places[second]
    return text[:begin], text[begin:end], text[end:]
