"""Which construct of Elixir each byte of a file belongs to, as a measure of how it is tokenised."""

from typing import Final

import numpy as np
import numpy.typing as npt
from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.repair import read

CONSTRUCTS: Final = (
    *("white space", "punctuation", "documentation", "comment", "string", "sigil"),
    *("interpolation", "atom", "keyword list key", "module name", "module attribute"),
    *("identifier", "identifier beyond ASCII", "number", "binary pattern", "reserved word"),
    *("|>", "->", "<-", "::", "other operator"),
)
"""What bytes are told apart as. Blanks belong to none of the others."""
Labels = npt.NDArray[np.uint8]

_PLACE: Final = {name: place for place, name in enumerate(CONSTRUCTS)}
_WHOLE: Final = {
    "comment": "comment",
    "sigil": "sigil",
    "string": "string",
    "charlist": "string",
    "interpolation": "interpolation",
    "atom": "atom",
    "quoted_atom": "atom",
    "boolean": "atom",
    "nil": "atom",
    "keyword": "keyword list key",
    "quoted_keyword": "keyword list key",
    "alias": "module name",
    "identifier": "identifier",
    "integer": "number",
    "float": "number",
    "char": "number",
    "bitstring": "binary pattern",
}
_OPERATORS: Final = frozenset({"|>", "->", "<-", "::"})
_RESERVED: Final = frozenset(
    {"do", "end", "fn", "else", "rescue", "catch", "after", "when", "and", "or", "not", "in"}
)
_PUNCTUATION: Final = frozenset("()[]{},.;%#") | {"<<", ">>", "#{", '"', "'", '"""', "'''"}
_CONSTANTS: Final = frozenset({"true", "false", "nil"})
"""Leaves of nodes that are known by their kind already."""
_DOCUMENTS: Final = (b"@doc", b"@moduledoc", b"@typedoc", b"@shortdoc")


def constructs(source: bytes) -> Labels:
    """Return for each byte the place in `CONSTRUCTS` of what it belongs to.

    What stands inside another construct counts for itself: an atom in a binary pattern is an atom.
    Takes any bytes. Raises Unparsable.
    """
    labels: Labels = np.full(len(source), _PLACE["punctuation"], dtype=np.uint8)
    stack: list[tuple[Node, bool]] = [(read(source).root, False)]
    while stack:
        node, is_documentation = stack.pop()
        start, end = node.start_byte, node.end_byte
        name = _construct(node, source)
        if name == "string" and is_documentation:
            name = "documentation"
        if name is not None:
            labels[start:end] = _PLACE[name]
        if node.kind_id == grammar.UNARY_OPERATOR and source[start : start + 1] == b"@":
            is_documentation = source.startswith(_DOCUMENTS, start)
            labels[start:end] = _PLACE["module attribute"]
            for child in _given(node):
                labels[child.start_byte : child.end_byte] = _PLACE["punctuation"]
                stack.append((child, is_documentation))
        else:
            inside = node.children
            if name == "sigil":
                inside = [each for each in inside if each.kind_id == grammar.INTERPOLATION]
            stack += [(child, is_documentation) for child in inside]
    blanks = np.isin(np.frombuffer(source, np.uint8), np.frombuffer(b" \t\r\n\v\f", np.uint8))
    labels[blanks] = _PLACE["white space"]
    return labels


def _given(attribute: Node) -> list[Node]:
    """Return what an attribute is given; its sign and its name belong to the attribute."""
    call = attribute.child_by_field_id(grammar.OPERAND)
    return call.children[1:] if call is not None and call.kind_id == grammar.CALL else []


def _construct(node: Node, source: bytes) -> str | None:
    kind = node.type
    if node.is_named:
        found = _WHOLE.get(kind)
        if found == "identifier" and not source[node.start_byte : node.end_byte].isascii():
            return "identifier beyond ASCII"
        return found
    if kind in _PUNCTUATION or kind in _CONSTANTS:
        return None
    if kind in _OPERATORS:
        return kind
    return "reserved word" if kind in _RESERVED else "other operator"
