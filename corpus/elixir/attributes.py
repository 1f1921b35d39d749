"""Module attributes with a meaning for the compiler: docs, specs, types, callbacks, behaviours."""

from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.record import ModuleRecord, Place
from corpus.elixir.terms import Head, full_names, identifier_text, literal_text, read_head, text_of
from corpus.extraction import Evidence, TypeDefinition

Doc = tuple[str, str | None]
Reader = Callable[[bytes, Node, ModuleRecord, Place, str], None]
DOCUMENTATION: Final = frozenset({"doc", "moduledoc", "typedoc"})


def read_doc(source: bytes, value: Node, current: Doc | None) -> Doc | None:
    """Read what a documentation attribute sets: its kind and its text.

    Keywords (`@doc since: "1.2"`) are metadata and leave `current` as it is. An expression that
    only running can evaluate, such as `File.read!`, is a "string" without a text.
    """
    kind = value.kind_id
    if kind in (grammar.KEYWORDS, grammar.LIST):
        return current
    if kind in (grammar.NIL, grammar.BOOLEAN):
        return ("hidden", None) if text_of(source, value) == "false" else None
    return "string", literal_text(source, value)


def _moduledoc(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    module.moduledoc = read_doc(source, value, module.moduledoc)


def _doc(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    module.doc = read_doc(source, value, module.doc)


def _typedoc(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    """Types are listed without their documentation."""


def _impl(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    if value.kind_id == grammar.BOOLEAN:
        module.impl = text_of(source, value)
    else:
        names = full_names(source, value, module.name, place.scope)
        module.impl = names[0] if names else None


def _behaviour(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    for name in full_names(source, value, module.name, place.scope):
        module.add_behaviour(name, Evidence.DIRECT)


def _typed_head(source: bytes, value: Node) -> Head | None:
    """Find the head in `head :: type`, with or without brackets and a `when` around it."""
    node: Node | None = value
    while node is not None and node.kind_id in (grammar.BINARY_OPERATOR, grammar.BLOCK):
        if node.kind_id == grammar.BLOCK:
            node = grammar.named(node, 0) if node.named_child_count == 1 else None
            continue
        operator = node.child_by_field_id(grammar.OPERATOR)
        node = node.child_by_field_id(grammar.LEFT)
        if operator is not None and operator.kind_id == grammar.TYPE_OF:
            return None if node is None else read_head(source, node)
        if operator is None or operator.kind_id != grammar.WHEN:
            return None
    return None


def _spec(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    head = _typed_head(source, value)
    if head is not None:
        module.add_spec(head.name, head.arity, place.branch, text_of(source, value))


def _type(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    head = _typed_head(source, value)
    if head is not None:
        line = value.start_point.row + 1
        module.types.append(TypeDefinition(head.name, head.arity, kind, line))


def _callback(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    head = _typed_head(source, value)
    module.doc = None
    if head is not None:
        module.callbacks.append((head.name, head.arity, kind, value.start_point.row + 1))


def _optional(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    module.optional.update(name_arities(source, value))


def name_arities(source: bytes, value: Node) -> Iterator[tuple[str, int]]:
    """Yield the names and arities of `[f: 1, g: 2]`, with or without brackets."""
    for inside in grammar.parts(value) if value.kind_id == grammar.LIST else [value]:
        for pair in grammar.parts(inside):
            key = pair.child_by_field_id(grammar.KEY)
            arity = pair.child_by_field_id(grammar.VALUE)
            if key is not None and arity is not None and text_of(source, arity).isdecimal():
                name = identifier_text(source, key).strip().removesuffix(":").strip('"')
                yield name, int(text_of(source, arity)[:3])


READERS: Final[dict[str, Reader]] = {
    "moduledoc": _moduledoc,
    "typedoc": _typedoc,
    "doc": _doc,
    "impl": _impl,
    "behaviour": _behaviour,
    "spec": _spec,
    "type": _type,
    "typep": _type,
    "opaque": _type,
    "callback": _callback,
    "macrocallback": _callback,
    "optional_callbacks": _optional,
}


def attribute_value(node: Node) -> Node | None:
    """Return the value in `@name value`; None where the attribute is only read."""
    call = node.child_by_field_id(grammar.OPERAND)
    if call is None or call.kind_id != grammar.CALL:
        return None
    value = grammar.arguments(call)[1]
    return None if value is None else grammar.unwrapped(value)
