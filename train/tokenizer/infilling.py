"""Where text is cut for fill-in-the-middle samples, which Mistral's models read suffix first.

The shape is `<s>[SUFFIX]suffix[PREFIX]prefix middle</s>`, without a token before the middle
(Bavarian et al. 2022 call it SPM). As there, every token of text carries loss, not the middle's
alone: the sample replaces a document, and would else teach a third of it. What carries none are
the tokens that mark the parts, which a model should never come to write by itself.

Our own because mistral-common renders requests to complete code, and no samples with their loss.
"""

import random

from corpus.lines import line_starts


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
