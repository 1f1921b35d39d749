"""Whether the two forms in which a model's tokenizer comes give the same ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.tokenizer.errors import TokenizersDisagree
from train.tokenizer.opening import TEKKEN_NAME
from train.tokenizer.sample import Ids


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the ids of one text part; a form that has ended there has None."""

    text: int
    """The number of the text, from 0."""
    position: int
    """How many ids are alike before it."""
    tekken: int | None
    huggingface: int | None


def agreement(folder: Path, texts: Iterable[str]) -> list[Difference]:
    """Return the first difference of every text that tekken.json and tokenizer.json read otherwise.

    Raises DamagedTokenizer and UnsupportedTekken.
    """
    from train.tokenizer.huggingface import HuggingFaceTokenizer
    from train.tokenizer.tekken import TekkenTokenizer

    left, right = TekkenTokenizer(folder / TEKKEN_NAME), HuggingFaceTokenizer(folder)
    pairs = ((left.encode(text), right.encode(text)) for text in texts)
    found = (first_difference(number, *pair) for number, pair in enumerate(pairs))
    return [each for each in found if each is not None]


def check_agreement(folder: Path, texts: Iterable[str]) -> bool:
    """Compare both forms of a folder's tokenizer; return False where it has but one.

    Raises TokenizersDisagree, and as `agreement`.
    """
    if not all((folder / name).is_file() for name in (TEKKEN_NAME, "tokenizer.json")):
        return False
    listed = list(texts)
    if differences := agreement(folder, listed):
        first = differences[0]
        example = (
            f"text {first.text} parts after {first.position} ids, "
            f"with {first.tekken} against {first.huggingface}"
        )
        raise TokenizersDisagree(folder, len(differences), len(listed), example)
    return True


def first_difference(text: int, left: Ids, right: Ids) -> Difference | None:
    """Return where two arrays of ids part, or None if they are equal."""
    common = min(len(left), len(right))
    unlike = np.flatnonzero(left[:common] != right[:common])
    if not len(unlike) and len(left) == len(right):
        return None
    at = int(unlike[0]) if len(unlike) else common
    ids = [int(each[at]) if at < len(each) else None for each in (left, right)]
    return Difference(text, at, *ids)
