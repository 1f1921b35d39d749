"""The head of a definition or a specification: name, arity, default arguments, guard."""

import re
from typing import Final, NamedTuple

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.names import identifier_text, text_of, unquoted_name

_NAME_AND_PARENTHESIS: Final = re.compile(rb"([a-z_][a-zA-Z0-9_]*[?!]?)\(")


class Head(NamedTuple):
    """What a head says; `guard` is the text after `when`, as it is written."""

    name: str
    arity: int
    defaults: int
    guard: str | None


def read_head(source: bytes, node: Node) -> Head | None:
    """Read the head at `node`; None where running code decides the name or the arity.

    That is `def unquote(name)(x)`, `def unquote(head)`, and `unquote_splicing` among arguments;
    `def unquote(:"any name")(x)` is plain.
    """
    guard = None
    kind = node.kind_id
    while kind != grammar.CALL:
        if kind == grammar.BINARY_OPERATOR and _operator(node) == grammar.WHEN:
            right = node.child_by_field_id(grammar.RIGHT)
            guard = guard or (None if right is None else text_of(source, right))
            inner = node.child_by_field_id(grammar.LEFT)
        elif kind == grammar.BLOCK and node.named_child_count == 1:
            inner = grammar.named(node, 0)
        else:
            break
        if inner is None:
            return None
        node, kind = inner, inner.kind_id
    signature = _signature(source, node, kind)
    return None if signature is None else Head(*signature, guard)


def _operator(node: Node) -> int:
    operator = node.child_by_field_id(grammar.OPERATOR)
    return -1 if operator is None else operator.kind_id


def _signature(source: bytes, node: Node, kind: int) -> tuple[str, int, int] | None:
    if kind == grammar.CALL:
        return _call(source, node)
    if kind in (grammar.IDENTIFIER, grammar.OPERATOR_IDENTIFIER):
        return identifier_text(source, node), 0, 0
    if kind == grammar.BINARY_OPERATOR:
        return _binary(source, node)
    if kind == grammar.UNARY_OPERATOR:
        operator = node.child_by_field_id(grammar.OPERATOR)
        return None if operator is None else (text_of(source, operator), 1, 0)
    return None


def _call(source: bytes, node: Node) -> tuple[str, int, int] | None:
    """`name(...)`, or `name a, b`; the common case asks the tree for one node only."""
    match = _NAME_AND_PARENTHESIS.match(source, node.start_byte)
    arguments = grammar.named(node, 1)
    if match is None or arguments is None or arguments.start_byte != match.end() - 1:
        return _unusual_call(source, node)
    name = match.group(1).decode()
    return None if name == "unquote" else _with_arguments(source, name, arguments)


def _unusual_call(source: bytes, node: Node) -> tuple[str, int, int] | None:
    target = grammar.named(node, 0)
    if target is None:
        return None
    name = _name(source, target)
    if name is None:
        return None
    arguments = grammar.named(node, 1)
    if arguments is None or arguments.kind_id != grammar.ARGUMENTS:
        return name, 0, 0
    return _with_arguments(source, name, arguments)


def _name(source: bytes, target: Node) -> str | None:
    """Return what is called: a name, or the atom in `unquote(:name)(...)`."""
    if target.kind_id in (grammar.IDENTIFIER, grammar.OPERATOR_IDENTIFIER):
        name = identifier_text(source, target)
        return None if name == "unquote" else name
    inner = grammar.named(target, 0) if target.kind_id == grammar.CALL else None
    if inner is None or text_of(source, inner) != "unquote":
        return None
    return unquoted_name(source, target)


def _with_arguments(source: bytes, name: str, arguments: Node) -> tuple[str, int, int] | None:
    text = source[arguments.start_byte : arguments.end_byte]
    if b"#" in text or b"\\\\" in text or b"unquote_splicing" in text:
        counts = _count(source, arguments)
        return None if counts is None else (name, *counts)
    return name, arguments.named_child_count, 0


def _count(source: bytes, arguments: Node) -> tuple[int, int] | None:
    """Arguments and how many have defaults; None if an argument is spliced in."""
    given = grammar.parts(arguments)
    splices = b"unquote_splicing"
    if any(source.startswith(splices, part.start_byte) for part in given):
        return None
    return len(given), sum(_has_default(part) for part in given)


def _has_default(argument: Node) -> bool:
    argument = grammar.unwrapped(argument)
    return argument.kind_id == grammar.BINARY_OPERATOR and _operator(argument) == grammar.DEFAULT


def _binary(source: bytes, node: Node) -> tuple[str, int, int] | None:
    """`left + right` defines `+/2`; `first..last//step` is one operator of arity 3."""
    operator = node.child_by_field_id(grammar.OPERATOR)
    left = node.child_by_field_id(grammar.LEFT)
    if operator is None or left is None:
        return None
    if operator.kind_id == grammar.STEP and left.kind_id == grammar.BINARY_OPERATOR:
        return ("..//", 3, 0) if _operator(left) == grammar.RANGE else None
    name = text_of(source, operator)
    return ("not", 1, 0) if name.startswith("not") else (name, 2, 0)
