"""tree-sitter's Elixir grammar: one parser, and node kinds as small integers.

Each attribute of a node takes a call into C, and a string comparison takes even longer. The walk
therefore compares `kind_id` and slices the source instead of reading the text of nodes.
"""

from typing import Final

import tree_sitter_elixir
from tree_sitter import Language, Node, Parser

LANGUAGE: Final = Language(tree_sitter_elixir.language())
PARSER: Final = Parser(LANGUAGE)


def _kind(name: str, *, named: bool = True) -> int:
    kind = LANGUAGE.id_for_node_kind(name, named)
    assert kind is not None, f"the grammar has no node kind {name!r}"
    return kind


def _field(name: str) -> int:
    field = LANGUAGE.field_id_for_name(name)
    assert field is not None, f"the grammar has no field {name!r}"
    return field


ACCESS_CALL: Final = _kind("access_call")
ALIAS: Final = _kind("alias")
ANONYMOUS_FUNCTION: Final = _kind("anonymous_function")
ARGUMENTS: Final = _kind("arguments")
ATOM: Final = _kind("atom")
BINARY_OPERATOR: Final = _kind("binary_operator")
BLOCK: Final = _kind("block")
BOOLEAN: Final = _kind("boolean")
CALL: Final = _kind("call")
COMMENT: Final = _kind("comment")
DOT: Final = _kind("dot")
DO_BLOCK: Final = _kind("do_block")
IDENTIFIER: Final = _kind("identifier")
INTEGER: Final = _kind("integer")
INTERPOLATION: Final = _kind("interpolation")
KEYWORD: Final = _kind("keyword")
KEYWORDS: Final = _kind("keywords")
LIST: Final = _kind("list")
MAP: Final = _kind("map")
MAP_CONTENT: Final = _kind("map_content")
NIL: Final = _kind("nil")
OPERATOR_IDENTIFIER: Final = _kind("operator_identifier")
PAIR: Final = _kind("pair")
QUOTED_ATOM: Final = _kind("quoted_atom")
QUOTED_KEYWORD: Final = _kind("quoted_keyword")
SIGIL: Final = _kind("sigil")
STAB_CLAUSE: Final = _kind("stab_clause")
STRING: Final = _kind("string")
STRUCT: Final = _kind("struct")
TUPLE: Final = _kind("tuple")
UNARY_OPERATOR: Final = _kind("unary_operator")

ELSE: Final = _kind("else_block")
RESCUE: Final = _kind("rescue_block")
SECTIONS: Final = frozenset(
    _kind(name) for name in ("after_block", "catch_block", "else_block", "rescue_block")
)
"""Sections that may follow inside a do block; each opens its own scope of aliases."""

ARROW: Final = _kind("<-", named=False)
DECIDING: Final = frozenset(_kind(name, named=False) for name in ("and", "or", "&&", "||"))
DEFAULT: Final = _kind("\\\\", named=False)
EQUAL: Final = frozenset(_kind(name, named=False) for name in ("==", "==="))
MATCH: Final = _kind("=", named=False)
PIPE: Final = _kind("|>", named=False)
RANGE: Final = _kind("..", named=False)
STEP: Final = _kind("//", named=False)
TYPE_OF: Final = _kind("::", named=False)
WHEN: Final = _kind("when", named=False)

KEY: Final = _field("key")
LEFT: Final = _field("left")
OPERAND: Final = _field("operand")
OPERATOR: Final = _field("operator")
RIGHT: Final = _field("right")
TARGET: Final = _field("target")
VALUE: Final = _field("value")


def named(node: Node, index: int) -> Node | None:
    """Return a named child by index, counting comments, or None if there are fewer."""
    try:
        return node.named_child(index)
    except IndexError:
        return None


def arguments(call: Node) -> tuple[Node | None, Node | None]:
    """Return the arguments node of a call and the first argument in it."""
    try:
        found = call.named_child(1)
        if found.kind_id != ARGUMENTS:
            return None, None
        first = found.named_child(0)
    except IndexError:
        return None, None
    if first.kind_id == COMMENT:
        return found, next(iter(parts(found)), None)
    return found, first


def body(call: Node, arguments: Node | None, head: Node | None) -> list[Node]:
    """Return the parts of a definition besides its head: options, `do:`, the do block."""
    options = [] if arguments is None else [n for n in arguments.named_children if n != head]
    return options + call.named_children[2:]


def unwrapped(node: Node) -> Node:
    """Return the expression in brackets around a single one: `(a)` is `a`."""
    while node.kind_id == BLOCK and node.named_child_count == 1:
        inside = node.named_child(0)
        if inside is None or inside.kind_id == STAB_CLAUSE:
            break
        node = inside
    return node


def parts(node: Node) -> list[Node]:
    """Return the named children of `node` without comments, which may be anywhere."""
    return [child for child in node.named_children if child.kind_id != COMMENT]
