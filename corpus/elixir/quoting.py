"""Whether source can be read apart from the code that would fill it in."""

import re
from typing import Final

from corpus.elixir import grammar
from corpus.parsing import parse

_UNQUOTE: Final = re.compile(rb"\bunquote(?:_splicing)?\b")
_UNQUOTES: Final = frozenset({b"unquote", b"unquote_splicing"})


def unquotes_outside_quote(source: bytes) -> bool:
    """Tell whether an `unquote` stands outside every `quote`.

    Such a fragment takes its value from the module body around the definition (Elixir's
    documentation of Kernel.SpecialForms.quote/2, "Unquote fragments"). Raises Unparsable.
    """
    if _UNQUOTE.search(source) is None:
        return False
    stack = [parse(grammar.PARSER, source).root_node]
    while stack:
        node = stack.pop()
        called = b""
        if node.kind_id == grammar.CALL and (target := node.child_by_field_id(grammar.TARGET)):
            called = source[target.start_byte : target.end_byte]
        if called in _UNQUOTES:
            return True
        if called != b"quote":
            stack.extend(node.named_children)
    return False
