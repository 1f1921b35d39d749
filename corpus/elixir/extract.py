"""From the bytes of one Elixir file to its modules and functions."""

from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.walk import Walk
from corpus.extraction import Extraction, NestedTooDeeply

DEEPEST_BRACKETS: Final = 1000
"""Open brackets at once; the most in Elixir's own source and tests is below 20."""

_BRACKETS: Final = b"([{)]}"
_OTHERS: Final = bytes(set(range(256)) - set(_BRACKETS))


def extract(source: bytes) -> Extraction:
    """Read modules, functions and their attributes from Elixir source, parsing it once.

    Any bytes will do: what the parser cannot read counts as `parse_errors` and the rest is
    extracted. Raises NestedTooDeeply for a file that only a machine could have nested.
    """
    if sum(map(source.count, (b"(", b"[", b"{"))) > DEEPEST_BRACKETS:
        _refuse_deep_brackets(source)
    root = grammar.parse(source).root_node
    walk = Walk(source)
    walk.run(root)
    modules, functions = walk.finish()
    errors = _errors(root) if root.has_error else 0
    return Extraction(errors, modules, functions, tuple(sorted(walk.doc_spans)))


def _refuse_deep_brackets(source: bytes) -> None:
    """Bound the depth from above: brackets in strings count as well, but they balance."""
    import numpy as np

    brackets = np.frombuffer(source.translate(None, _OTHERS), dtype=np.uint8)
    opening = np.isin(brackets, np.frombuffer(b"([{", dtype=np.uint8))
    deepest = int(np.cumsum(np.where(opening, 1, -1)).max(initial=0))
    if deepest > DEEPEST_BRACKETS:
        raise NestedTooDeeply(
            f"{deepest} brackets stand open at once, {DEEPEST_BRACKETS} are allowed; "
            "nobody writes that by hand: leave it out"
        )


def _errors(root: Node) -> int:
    """Error and missing nodes, found by entering only what holds one."""
    count, stack = 0, [root]
    while stack:
        node = stack.pop()
        if node.has_error or node.is_missing:
            count += node.is_error or node.is_missing
            stack.extend(node.children)
    return count
