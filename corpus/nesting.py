"""How deep brackets nest, told from the bytes, before or without a parse."""

from typing import Final

from corpus.extraction import NestedTooDeeply

DEEPEST: Final = 1000
"""Open brackets at once; the most in the sources of Elixir and RabbitMQ is below 30."""

_BRACKETS: Final = b"([{)]}"
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\x01\x01\xff\xff\xff")
_OTHERS: Final = bytes(set(range(256)) - set(_BRACKETS))


def refuse_deep_brackets(source: bytes) -> None:
    """Raise NestedTooDeeply for brackets that only a machine could have nested.

    Brackets in strings and comments count too, but there they balance, or are few.
    """
    steps = source.translate(_STEPS, _OTHERS)
    deepest = _deepest(steps) if steps.count(b"\x01") > DEEPEST else 0
    if deepest > DEEPEST:
        raise NestedTooDeeply(
            f"{deepest} brackets stand open at once, {DEEPEST} are allowed; "
            "nobody writes that by hand: leave the file out"
        )


def _deepest(steps: bytes) -> int:
    """Return the highest sum of a prefix of `steps`, bytes that mean 1 and -1."""
    import numpy as np

    return int(np.cumsum(np.frombuffer(steps, np.int8), dtype=np.int64).max())
