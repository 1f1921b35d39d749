"""Which part of the model a weight belongs to, for rates that differ by depth."""

import re
from collections.abc import Iterable
from typing import Literal

Group = Literal["embeddings", "early", "late", "head"]

LAYER = re.compile(r"\.layers\.(\d+)\.")


def group_of(name: str, layers: int) -> Group:
    """Return the group of a weight by its name, in a decoder of `layers` layers.

    The first half of the layers is early, the rest late; a norm behind all layers counts as late.
    """
    if found := LAYER.search(name):
        return "early" if int(found[1]) < layers // 2 else "late"
    if "embed_tokens" in name:
        return "embeddings"
    return "head" if "lm_head" in name else "late"


def layers_of(names: Iterable[str]) -> int:
    """Return how many layers the names of all weights of a decoder show."""
    numbers = (int(found[1]) for name in names if (found := LAYER.search(name)))
    return max(numbers, default=-1) + 1
