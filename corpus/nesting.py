"""How deep brackets nest, told from the bytes, before or without a parse."""

from typing import Final

from corpus.extraction import NestedTooDeeply

DEEPEST: Final = 1000
"""Open brackets at once; the most in the sources of Elixir and RabbitMQ is below 30."""

_OTHERS: Final = bytes(set(range(256)) - set(b"([{)]}"))


def refuse_deep_brackets(source: bytes) -> None:
    """Raise NestedTooDeeply for brackets that only a machine could have nested.

    Brackets in strings and comments count too, but there they balance, or are few.
    """
    brackets = source.translate(None, _OTHERS)
    deepest = _deepest(brackets) if len(brackets) > DEEPEST else 0
    if deepest > DEEPEST:
        raise NestedTooDeeply(
            f"{deepest} brackets stand open at once, {DEEPEST} are allowed; "
            "nobody writes that by hand: leave the file out"
        )


def _deepest(brackets: bytes) -> int:
    import numpy as np

    opens = np.isin(np.frombuffer(brackets, np.uint8), np.frombuffer(b"([{", np.uint8))
    return int(np.cumsum(np.where(opens, 1, -1)).max(initial=0))
