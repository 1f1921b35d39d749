"""How deep brackets nest, told from the bytes, before or without a parse."""

import re
from typing import Final

from corpus.extraction import NestedTooDeeply

DEEPEST: Final = 1000
"""Open brackets at once outside literals; the sources of Elixir and RabbitMQ stay below 65."""

_LITERALS: Final = re.compile(
    rb'[?$]\\?[(\[{)\]}"]|""".*?(?:"""|\Z)|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL
)
"""Characters and strings, nearly enough: what they hold need not balance (ANSI codes: `"\\e["`).

Unclosed ones match to the end, or the search would try again from every quote.
"""
_BRACKETS: Final = b"([{)]}"
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\x01\x01\xff\xff\xff")
_OTHERS: Final = bytes(set(range(256)) - set(_BRACKETS))


def refuse_deep_brackets(source: bytes) -> None:
    """Raise NestedTooDeeply for brackets that only a machine could have nested.

    Costs one pass for nearly every file; literals are cut out only where it looks bad.
    """
    if _deepest(source) <= DEEPEST:
        return
    deepest = _deepest(_LITERALS.sub(b"", source))
    if deepest > DEEPEST:
        raise NestedTooDeeply(
            f"{deepest} brackets stand open at once, {DEEPEST} are allowed; people write far fewer"
        )


def _deepest(source: bytes) -> int:
    """Return how many brackets are open at once; 0 where there are too few to matter."""
    steps = source.translate(_STEPS, _OTHERS)
    if steps.count(b"\x01") <= DEEPEST:
        return 0
    import numpy as np

    return int(np.cumsum(np.frombuffer(steps, np.int8), dtype=np.int64).max())
