"""The walk: one pass over the tree that enters only what can hold a definition.

The rules, which benchmarks/compiler_ast.exs applies to the compiler's own tree:

- `quote` is never entered: what stands in it is defined elsewhere, if ever.
- Heads of definitions are not entered. Bodies of functions and macros are entered for
  `defmodule`, `defprotocol` and `defimpl` only.
- Everything else is code of the module around it, be it inside `if`, `for`, a function literal
  or the block of an unknown macro such as `test`.
- A module whose name only running could tell is skipped with all that is inside.
- Every do block, `else` and the like, and every clause of a function literal is a scope of
  aliases.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.attributes import DOCUMENTATION, READERS, attribute_value
from corpus.elixir.heads import read_head
from corpus.elixir.names import Scope, alias_text, full_name, full_names
from corpus.elixir.place import Place
from corpus.elixir.record import ModuleRecord
from corpus.extraction import Clause, Evidence, Function, Module, NestedTooDeeply

BEHAVIOUR_OF_USE: Final = {
    "Application": "Application",
    "DynamicSupervisor": "DynamicSupervisor",
    "EEx.Engine": "EEx.Engine",
    "GenEvent": ":gen_event",
    "GenServer": "GenServer",
    "Mix.Task": "Mix.Task",
    "Mix.Task.Compiler": "Mix.Task.Compiler",
    "Supervisor": "Supervisor",
}
"""What `use` of a standard module sets, by the BEAM file (benchmarks/compiler_ast.exs)."""

_WORD: Final = re.compile(rb"[a-z]++(?![\w?!:.])")
_ATTRIBUTE: Final = re.compile(rb"@([a-z_]+)")
_DEFINES_MODULE: Final = re.compile(rb"def(?:module|protocol|impl)\b")
_MATTERS: Final = (
    re.compile(rb"def(?:p|macrop?|delegate|guardp?|module|protocol|impl|struct|exception)?[\s(]"),
    re.compile(rb"use[\s(]"),
    re.compile(
        rb"@(?:(?:module|type)?doc|impl|behaviour|spec|typep?|opaque|(?:macro)?callback"
        rb"|optional_callbacks)\b"
    ),
)
"""What can matter in code of a module. Each begins with a literal: one pattern would be slower."""
_SCOPED: Final = frozenset({grammar.DO_BLOCK, grammar.STAB_CLAUSE})
_OPENS: Final = _SCOPED | grammar.SECTIONS


class Walk:
    """One walk over one file; `modules` and `doc_spans` fill up in the order of the file."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.records: list[ModuleRecord] = []
        self.doc_spans: list[tuple[int, int]] = []
        self._stack: list[tuple[Node, Place]] = []
        self._definers = [match.start() for match in _DEFINES_MODULE.finditer(source)]
        self._hits: list[int] | None = None
        self._budget = 1000 + len(source)

    def run(self, root: Node) -> None:
        """Visit nodes from a stack, so that depth costs memory and never the interpreter."""
        stack = self._stack
        self._push(root.named_children, Place(None, Scope(), False, 0))
        while stack:
            node, place = stack.pop()
            kind = node.kind_id
            if kind == grammar.CALL:
                self._call(node, place)
            elif kind == grammar.UNARY_OPERATOR:
                self._unary(node, place)
            elif kind in _OPENS:
                self._block(node, place)
            elif kind != grammar.COMMENT:
                self._enter(node, place)

    def _push(self, nodes: list[Node], place: Place) -> None:
        self._stack.extend([(node, place) for node in reversed(nodes)])

    def _enter(self, node: Node, place: Place) -> None:
        """Go into `node` if the source says that something in it could matter."""
        if self._holds(self._definers if place.in_function else self._all_hits(), node):
            self._push(node.named_children, place)

    def _holds(self, offsets: list[int], node: Node) -> bool:
        index = bisect_left(offsets, node.start_byte)
        return index < len(offsets) and offsets[index] < node.end_byte

    def _all_hits(self) -> list[int]:
        if self._hits is None:
            found = (pattern.finditer(self.source) for pattern in _MATTERS)
            self._hits = sorted(match.start() for each in found for match in each)
        return self._hits

    def _block(self, node: Node, place: Place) -> None:
        """Open a scope; `else` stands inside the do block but does not see its aliases."""
        if not self._holds(self._definers if place.in_function else self._all_hits(), node):
            return
        inner = place.inner()
        self._stack.extend(
            [
                (child, place if child.kind_id in grammar.SECTIONS else inner)
                for child in reversed(node.named_children)
            ]
        )

    def _call(self, node: Node, place: Place) -> None:
        match = _WORD.match(self.source, node.start_byte)
        handler = None if match is None else _HANDLERS.get(match.group())
        if handler is None:
            self._enter(node, place)
        else:
            handler(self, node, place, match.group().decode() if match else "")

    def _unary(self, node: Node, place: Place) -> None:
        match = _ATTRIBUTE.match(self.source, node.start_byte)
        name = "" if match is None else match.group(1).decode()
        if name.encode() in _HANDLERS:
            operand = node.child_by_field_id(grammar.OPERAND)
            self._push([] if operand is None else operand.named_children[1:], place)
        elif name not in READERS:
            self._enter(node, place)
        elif place.module is not None and not place.in_function:
            value = attribute_value(node)
            if value is not None:
                READERS[name](self.source, value, place.module, place.scope, name)
                if name in DOCUMENTATION:
                    self.doc_spans.append((node.start_byte, node.end_byte))

    def _definition(self, node: Node, place: Place, kind: str) -> None:
        """Note the clauses of a function or macro, then look for modules in its body."""
        arguments, head = grammar.arguments(node)
        if head is not None and place.module is not None and not place.in_function:
            self._clauses(node, head, kind, place.module)
        if self._holds(self._definers, node):
            inner = Place(place.module, Scope(place.scope), True, place.depth + 1)
            self._push(_body(node, arguments, head), inner)

    def _clauses(self, node: Node, head: Node, kind: str, module: ModuleRecord) -> None:
        listed = kind == "defdelegate" and head.kind_id == grammar.LIST
        for each in grammar.parts(head) if listed else [head]:
            read = read_head(self.source, each)
            if read is not None:
                self._spend()
                first, last = node.start_point.row + 1, node.end_point.row + 1
                clause = Clause(first, last, node.start_byte, node.end_byte, read.guard)
                module.add_clause(kind, read.name, read.arity, read.defaults, clause)
        module.settle()

    def _spend(self) -> None:
        """Keep in proportion what nested `defimpl` for many targets multiply."""
        self._budget -= 1
        if self._budget < 0:
            raise NestedTooDeeply(
                "nested defimpl for many targets multiply into more definitions than the file "
                "has bytes; nobody writes that by hand: leave it out"
            )

    def _module(self, node: Node, place: Place, kind: str) -> None:
        """Name a module: a plain name inside another goes below it and becomes an alias."""
        _, head = grammar.arguments(node)
        if head is None:
            return
        around = place.module
        if around is not None and head.kind_id == grammar.ALIAS:
            first = alias_text(self.source, head).partition(".")[0]
            if first != "Elixir":
                place.scope.aliases[first] = f"{around.name}.{first}"
        name = self._name(head, place)
        if name is not None:
            self._open(node, place, [ModuleRecord(kind, name, *_lines(node))])

    def _name(self, node: Node, place: Place) -> str | None:
        around = None if place.module is None else place.module.name
        return full_name(self.source, node, around, place.scope)

    def _open(self, node: Node, place: Place, records: list[ModuleRecord]) -> None:
        """Walk the body once for each record; a stack wants the first one pushed last."""
        self.records.extend(records)
        for record in reversed(records):
            self._spend()
            inner = Place(record, Scope(place.scope), False, place.depth + 1)
            self._push(_body(node, *grammar.arguments(node)), inner)

    def _implementation(self, node: Node, place: Place, kind: str) -> None:
        """`defimpl P, for: [A, B]` is one module a target; without `for`, the module around."""
        arguments, head = grammar.arguments(node)
        protocol = None if head is None else self._name(head, place)
        if protocol is None:
            return
        records = []
        for target in self._targets(arguments, place):
            record = ModuleRecord(kind, f"{protocol}.{target.removeprefix(':')}", *_lines(node))
            record.add_behaviour(protocol, Evidence.STRUCTURAL)
            records.append(record)
        self._open(node, place, records)

    def _targets(self, arguments: Node | None, place: Place) -> list[str]:
        value = _option(self.source, arguments, b"for:")
        if value is None:
            return [] if place.module is None else [place.module.name]
        nodes = grammar.parts(value) if value.kind_id == grammar.LIST else [value]
        names = (self._name(node, place) for node in nodes)
        return [name for name in names if name is not None]

    def _use(self, node: Node, place: Place, kind: str) -> None:
        _, head = grammar.arguments(node)
        module = place.module
        if head is None or module is None or place.in_function:
            return
        for name in full_names(self.source, head, module.name, place.scope):
            module.uses[name] = None
            if name in BEHAVIOUR_OF_USE:
                module.add_behaviour(BEHAVIOUR_OF_USE[name], Evidence.TABLE)

    def _alias(self, node: Node, place: Place, kind: str) -> None:
        """`alias A.B`, `alias A.B, as: C`, `alias A.{B, C}`, and `require A.B, as: C`."""
        arguments, head = grammar.arguments(node)
        if head is None:
            return
        around = None if place.module is None else place.module.name
        as_node = _option(self.source, arguments, b"as:")
        as_name = None if as_node is None else alias_text(self.source, as_node)
        for name in full_names(self.source, head, around, place.scope):
            if as_name is not None:
                place.scope.aliases[as_name] = name
            elif kind == "alias":
                place.scope.aliases[name.rpartition(".")[2]] = name

    def _struct(self, node: Node, place: Place, kind: str) -> None:
        """`defstruct` and `defexception` define functions, so they take pending attributes."""
        if place.module is not None and not place.in_function:
            place.module.settle()
            if kind == "defexception":
                place.module.add_behaviour("Exception", Evidence.STRUCTURAL)

    def _skip(self, node: Node, place: Place, kind: str) -> None:
        """`quote`: code for elsewhere."""

    def finish(self) -> tuple[tuple[Module, ...], tuple[Function, ...]]:
        """Modules and functions, in the order in which they begin in the file."""
        modules = tuple(record.module() for record in self.records)
        functions = [each for record in self.records for each in record.finished_functions()]
        return modules, tuple(functions)


Handler = Callable[[Walk, Node, Place, str], None]
_HANDLERS: Final[dict[bytes, Handler]] = {
    **dict.fromkeys(
        (b"def", b"defp", b"defmacro", b"defmacrop", b"defdelegate", b"defguard", b"defguardp"),
        Walk._definition,
    ),
    b"defmodule": Walk._module,
    b"defprotocol": Walk._module,
    b"defimpl": Walk._implementation,
    b"use": Walk._use,
    b"alias": Walk._alias,
    b"require": Walk._alias,
    b"defstruct": Walk._struct,
    b"defexception": Walk._struct,
    b"quote": Walk._skip,
}


def _body(call: Node, arguments: Node | None, head: Node | None) -> list[Node]:
    """Return what stands in a definition beside its head: options, `do:`, the do block."""
    options = [] if arguments is None else [n for n in arguments.named_children if n != head]
    return options + call.named_children[2:]


def _lines(node: Node) -> tuple[int, int]:
    return node.start_point.row + 1, node.end_point.row + 1


def _option(source: bytes, arguments: Node | None, key: bytes) -> Node | None:
    """Return the value of a keyword option (`key` with its colon) among the arguments."""
    for argument in [] if arguments is None else arguments.named_children[1:]:
        found = grammar.named(argument, 0) if argument.kind_id == grammar.LIST else argument
        for pair in [] if found is None else found.named_children:
            if source.startswith(key, pair.start_byte):
                return pair.child_by_field_id(grammar.VALUE)
    return None
