"""The statements of module bodies: what stands around a function, without what is inside functions.

Only module bodies are entered, and other blocks for the modules in them, so a file is read at many
times the speed of its parse.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.terms import alias_text, identifier_text, read_head

MODULES: Final = frozenset({"defmodule", "defimpl", "defprotocol"})
DIRECTIVES: Final = frozenset({"alias", "import", "require", "use"})
FUNCTIONS: Final = frozenset(
    {"def", "defp", "defmacro", "defmacrop", "defguard", "defguardp", "defdelegate"}
)
STRUCTS: Final = frozenset({"defstruct", "defexception", "schema", "embedded_schema"})
TYPES: Final = frozenset({"type", "typep", "opaque"})
MOST_STATEMENTS: Final = 20_000
"""Statements that are read of a file; no file of people has as many."""

MOST_DIRECTIVES: Final = 200
"""Directives above a module that are told of it."""


class Statement(NamedTuple):
    """A statement of a module body, or one that precedes a module in its file.

    `kind` is one of `alias`, `import`, `require`, `use`, `attribute`, `type`, `spec`, `callback`,
    `struct`, `module`, `function` or `other`. `name` is that of the attribute, type, function or
    inner module as it is written, and of a directive the module; `arity` and `defaults` are those
    of a function. The range is in bytes.
    """

    kind: str
    name: str
    arity: int
    defaults: int
    start: int
    end: int


@dataclass(slots=True)
class ModuleBody:
    """A module: its range in bytes, its first line from 0, and its statements in order.

    `around` has the directives that precede it in the blocks around it.
    """

    kind: str
    name: str
    start: int
    end: int
    line: int
    around: list[Statement] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def of(self, kind: str, name: str | None = None) -> Iterator[Statement]:
        """Yield the statements of a kind, of one name if it is given."""
        for each in self.statements:
            if each.kind == kind and (name is None or each.name == name):
                yield each


def module_bodies(source: bytes, root: Node) -> list[ModuleBody]:
    """Return the modules of a file in the order in which they begin, inner ones too."""
    found: list[ModuleBody] = []
    left = MOST_STATEMENTS
    waiting: list[tuple[Node, ModuleBody | None, list[Statement]]] = [(root, None, [])]
    while waiting:
        block, owner, above = waiting.pop()
        directives = list(above)
        for node in block.named_children:
            left -= 1
            if left < 0:
                break
            statement = _statement(source, node)
            if owner is not None:
                owner.statements.append(statement)
            if statement.kind in DIRECTIVES and len(directives) < MOST_DIRECTIVES:
                directives.append(statement)
            if statement.kind == "module":
                word = identifier_text(source, node.named_children[0])
                module = ModuleBody(
                    word,
                    statement.name,
                    node.start_byte,
                    node.end_byte,
                    node.start_point[0],
                    list(directives),
                )
                found.append(module)
                body = next((n for n in node.named_children if n.kind_id == grammar.DO_BLOCK), None)
                if body is not None:
                    waiting.append((body, module, directives))
            elif node.kind_id in grammar.SECTIONS:
                waiting.append((node, None, directives))
            elif statement.kind == "other" and node.kind_id == grammar.CALL:
                inside = node.named_children[-1]
                if inside.kind_id == grammar.DO_BLOCK:
                    waiting.append((inside, None, directives))
    return sorted(found, key=lambda each: each.start)


def _statement(source: bytes, node: Node) -> Statement:
    start, end = node.start_byte, node.end_byte
    if node.kind_id == grammar.CALL:
        target = node.named_children[0]
        if target.kind_id == grammar.IDENTIFIER:
            word = identifier_text(source, target)
            _, first = grammar.arguments(node)
            if word in DIRECTIVES:
                return Statement(word, _text(source, first), 0, 0, start, end)
            if word in MODULES and first is not None:
                return Statement("module", _text(source, first), 0, 0, start, end)
            if word in FUNCTIONS and first is not None:
                head = read_head(source, first)
                if head is not None:
                    return Statement("function", head.name, head.arity, head.defaults, start, end)
            if word in STRUCTS:
                return Statement("struct", word, 0, 0, start, end)
    elif node.kind_id == grammar.UNARY_OPERATOR and source[start : start + 1] == b"@":
        operand = grammar.named(node, 0)
        if operand is not None and operand.kind_id == grammar.CALL:
            name = identifier_text(source, operand.named_children[0])
            if name in TYPES:
                return Statement("type", _type_name(source, operand), 0, 0, start, end)
            kind = {"spec": "spec", "callback": "callback", "macrocallback": "callback"}
            return Statement(kind.get(name, "attribute"), name, 0, 0, start, end)
    return Statement("other", "", 0, 0, start, end)


def _text(source: bytes, node: Node | None) -> str:
    if node is None:
        return ""
    if node.kind_id == grammar.ALIAS:
        return alias_text(source, node)
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _type_name(source: bytes, operand: Node) -> str:
    """Return the name in `@type name(parameters) :: definition`."""
    _, node = grammar.arguments(operand)
    while node is not None and node.kind_id == grammar.BINARY_OPERATOR:
        node = node.child_by_field_id(grammar.LEFT)
    if node is not None and node.kind_id == grammar.CALL:
        node = node.named_children[0]
    return (
        "" if node is None else source[node.start_byte : node.end_byte].decode("utf-8", "replace")
    )
