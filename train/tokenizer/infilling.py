"""Fill-in-the-middle samples, suffix first as Mistral's models read them.

The shape is `<s>[SUFFIX]suffix[PREFIX]prefix middle</s>`, without a token before the middle
(Bavarian et al. 2022 call it SPM). As there, every token of text carries loss, not the middle's
alone: the sample replaces a document, and would else teach a third of it. What carries none are
the tokens that mark the parts, which a model should never come to write by itself.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from train.tokenizer.lines import line_starts
from train.tokenizer.sample import Ids, Sample, sample_of, special


@dataclass(frozen=True, slots=True)
class SuffixFirst:
    """The format's special ids, and the tokenizer's way to encode text."""

    encode: Callable[[str], Ids]
    bos: int | None
    suffix: int
    prefix: int
    eos: int

    def prompt(self, prefix: str, suffix: str) -> Ids:
        """Return what a middle is asked for with."""
        return sample_of(self._asked(prefix, suffix)).ids

    def sample(self, text: str, seed: int) -> Sample | None:
        """Return a text with a middle moved to its end, or None where it has too few lines."""
        parts = cut(text, seed)
        if parts is None:
            return None
        prefix, middle, suffix = parts
        answer = [(self.encode(middle), True), (special(self.eos), True)]
        return sample_of([*self._asked(prefix, suffix), *answer])

    def _asked(self, prefix: str, suffix: str) -> list[tuple[Ids, bool]]:
        start = () if self.bos is None else (self.bos,)
        return [
            (special(*start, self.suffix), False),
            (self.encode(suffix), True),
            (special(self.prefix), False),
            (self.encode(prefix), True),
        ]


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


def suffix_first(
    encode: Callable[[str], Ids], specials: Mapping[str, int], bos: int | None, eos: int
) -> SuffixFirst | None:
    """Return the format for a tokenizer's special tokens, or None where it has not these."""
    suffix, prefix = specials.get("[SUFFIX]"), specials.get("[PREFIX]")
    if suffix is None or prefix is None:
        return None
    return SuffixFirst(encode, bos, suffix, prefix, eos)
