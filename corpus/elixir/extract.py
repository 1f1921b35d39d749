"""From the bytes of one Elixir file to its modules and functions.

One pass over the tree enters only nodes that can contain a definition.

The rules, which benchmarks/compiler_ast.exs applies to the compiler's own tree:

- `quote` is never entered: what stands in it is defined elsewhere, if ever.
- Heads of definitions are not entered. Bodies of functions and macros are entered for
  `defmodule`, `defprotocol` and `defimpl` only.
- Everything else is code of the module around it, be it inside `if`, `for`, a function literal
  or the block of an unknown macro such as `test`.
- A module whose name only running could tell is skipped with all that is inside.
- Every do block, `else` and the like, and every clause of a function literal is a scope of
  aliases.
- What stands in `if`, `case` and the like, or in a macro with an `else`, is defined under that
  condition: definitions of one name in two branches are alternatives. Each branch begins with the
  attributes that were pending before; the first branch that takes them decides what is left.
  `for` is no condition: what it defines is one function with what stands around.
- Before the definition that follows `defoverridable`, those of the same name are put aside.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.macros import USING, Definition, Macros, may_build
from corpus.elixir.markup import Holder, Sigils
from corpus.elixir.processes import FURTHER, WORDS, Reader
from corpus.elixir.record import (
    DOCUMENTATION,
    READERS,
    ModuleRecord,
    Pending,
    Place,
    attribute_value,
    name_arities,
)
from corpus.elixir.repair import read
from corpus.elixir.terms import (
    Head,
    Scope,
    alias_text,
    full_name,
    full_names,
    read_head,
    text_of,
)
from corpus.extraction import BehaviourEvidence, Clause, Extraction, Function, Module, new
from corpus.parsing import Allowance, NestedTooDeeply, refuse_deep_brackets
from corpus.processes import NO_PROCESSES
from corpus.screen import Words

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
"""The behaviours that `use` of a standard module sets, from the BEAM file
(benchmarks/compiler_ast.exs).
"""

_WORD: Final = re.compile(rb"[a-z]+(?![\w?!:.])")
_ATTRIBUTE: Final = re.compile(rb"@(?:\s|\\\r?\n)*([a-z_]+)")
"""Blanks may follow the at sign."""
_NAME: Final = rb":?[\w.]+[?!]?"
_FLAT: Final = rb"[\w\ ,:.|=@%-]*"
_PATTERN: Final = rb"(?:%b|%%?[\w.]*[\[{]%b(?:[\[{]%b[\]}]%b)*[\]}])" % (
    _NAME, _FLAT, _FLAT, _FLAT
)  # fmt: skip
_ARGUMENT: Final = rb"%b(?:[ ]=[ ]%b)?(?:[ ]\\\\[ ](?:%b|\[\]|%%\{\}))?" % (
    _PATTERN, _PATTERN, _NAME
)  # fmt: skip
_TERM: Final = rb"(?:@?%b(?:\([\w\ ,:.@]*\))?|\[[\w\ ,:.@]*\])" % _NAME
_TEST: Final = rb"(?:not[ ])?%b(?:[ ](?:[<>]=?|[!=]==?|in)[ ]%b)?" % (_TERM, _TERM)
_PLAIN_HEAD: Final = re.compile(
    rb"""
    def(?:macro)?p?[ \t]+(?P<name>[a-z_][a-zA-Z0-9_]*[?!]?)
    (?:\((?P<arguments>%(argument)b(?:,[ ]%(argument)b)*)?\))?
    (?:
      , | [ ]do[ \r\n]
      | [ ]when[ ](?P<guard>%(test)b(?:[ ](?:and|or)[ ]%(test)b)*)(?:,[ ]do:|[ ]do[ \r\n])
    )
    """
    % {b"argument": _ARGUMENT, b"test": _TEST},
    re.VERBOSE,
)
"""A head on one line, without texts, and with at most two levels of brackets."""
_BRACKETS: Final = re.compile(rb"[\[{][^\[\]{}]*[\]}]")
_NO_NAMES: Final = frozenset(
    b"unquote nil true false not fn do end and or in when else catch rescue after".split()
)
"""Words that may be in the place of a name but are not names."""
_DEFINES_MODULE: Final = re.compile(rb"def(?:module|protocol|impl)\b")
_DEFINERS: Final = (b"defmodule", b"defprotocol", b"defimpl")
_FIND: Final = Words((*WORDS, *FURTHER, *_DEFINERS))
_MATTERS: Final = (
    re.compile(
        rb"def(?:p|macrop?|delegate|guardp?|module|protocol|impl|struct|exception|overridable)?[\s(]"
    ),
    re.compile(rb"use[\s(]"),
    re.compile(
        rb"@(?:\s|\\\r?\n)*(?:#|(?:(?:module|type)?doc|impl|behaviour|before_compile|spec|typep?"
        rb"|opaque|(?:macro)?callback|optional_callbacks)\b)"
    ),
)
"""Patterns for relevant code in a module.

Each begins with a literal: one pattern would be slower.
"""
MACROS: Final = frozenset({"def", "defp", "defmacro", "defmacrop"})
"""Kinds of functions that may build code for other modules."""
LONGEST_CONDITION: Final = 1000
"""Number of bytes by which conditions are distinguished."""
_SECTION_NAMES: Final = frozenset({"do", "else", "rescue", "catch", "after"})
_SCOPED: Final = frozenset({grammar.DO_BLOCK, grammar.STAB_CLAUSE})
_OPENS: Final = _SCOPED | grammar.SECTIONS


class Fork:
    """The state in conditional code: attributes pending before it, and those that its branches
    left.
    """

    __slots__ = ("module", "outcome", "remaining", "start")

    def __init__(self, module: ModuleRecord, branches: int) -> None:
        self.module, self.remaining = module, branches
        self.start: Pending = module.pending
        self.outcome: Pending = self.start

    def end_branch(self) -> bool:
        """Record what a branch left; return whether it was the last one."""
        if self.outcome == self.start:
            self.outcome = self.module.pending
        self.remaining -= 1
        self.module.pending = self.start if self.remaining else self.outcome
        return not self.remaining


def extract(source: bytes) -> Extraction:
    """Read modules, functions and their attributes from Elixir source, parsing it once.

    Any bytes are accepted: code that the parser cannot read is repaired or counts as
    `parse_errors`, and the rest is extracted. Raises NestedTooDeeply for excessive nesting, and
    Unparsable if the parser cannot finish.
    """
    refuse_deep_brackets(source)
    reading = read(source)
    walk = Walk(source, is_sound=not reading.parse_errors)
    walk.run(reading.root)
    modules, functions = walk.finish()
    spans = tuple(sorted(walk.doc_spans))
    fragments = walk.sigils.fragments(reading.root, functions)
    errors, unread = reading.parse_errors, reading.unread_bytes
    return Extraction(errors, modules, functions, spans, unread, fragments)


class Walk:
    """One walk over one file; `modules` and `doc_spans` fill up in the order of the file.

    `is_sound` is true if the tree has no errors; then the bytes of a plain head are sufficient.
    """

    def __init__(self, source: bytes, *, is_sound: bool = False) -> None:
        self.source, self._is_sound = source, is_sound
        self._offset, self._line = 0, 1
        self.records: list[ModuleRecord] = []
        self.doc_spans: list[tuple[int, int]] = []
        self._allowance = Allowance()
        self._macros: dict[ModuleRecord, Macros] = {}
        self.sigils = Sigils(source)
        self._signs, self._definers = _places(source)
        self._readers: dict[ModuleRecord, Reader] = {}
        self._stack: list[tuple[Node | None, Place]] = []
        self._forks: list[Fork] = []
        self._last_definer = self._definers[-1] if self._definers else -1
        self._hits: list[int] | None = None
        self._has_macros = may_build(source)
        self._budget = 1000 + len(source)

    def run(self, root: Node) -> None:
        """Visit nodes from a stack, so that depth takes memory and not recursion."""
        stack, call, unary, comment = (
            self._stack, grammar.CALL, grammar.UNARY_OPERATOR, grammar.COMMENT
        )  # fmt: skip
        self._push(root.named_children, Place(None, Scope(), False, 0, ()))
        while stack:
            node, place = stack.pop()
            if node is None:
                if self._forks[-1].end_branch():
                    self._forks.pop()
                continue
            kind = node.kind_id
            if kind == call:
                self._call(node, place)
            elif kind == unary:
                self._unary(node, place)
            elif kind in _OPENS:
                self._block(node, place)
            elif kind != comment:
                self._enter(node, place)

    def _push(self, nodes: list[Node], place: Place) -> None:
        self._stack.extend([(node, place) for node in reversed(nodes)])

    def _enter(self, node: Node, place: Place) -> None:
        """Enter `node` if its source may contain relevant code."""
        if self._holds(self._definers if place.in_function else self._all_hits(), node):
            self._push(node.named_children, place)

    def _holds(self, offsets: list[int], node: Node) -> bool:
        index = bisect_left(offsets, node.start_byte)
        return index < len(offsets) and offsets[index] < node.end_byte

    def _all_hits(self) -> list[int]:
        if self._hits is None:
            self._hits = sorted(
                [match.start() for each in _MATTERS for match in each.finditer(self.source)]
            )
        return self._hits

    def _block(self, node: Node, place: Place) -> None:
        """Open a scope; `else` is inside the do block but does not see its aliases."""
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
        found = None if match is None else _HANDLERS.get(match.group())
        if found is not None:
            word, handler = found
            handler(self, node, place, word)
        elif place.in_function:
            self._enter(node, place)
        elif self._holds(self._all_hits(), node):
            if _has_else(node):
                self._fork(node, place)
            else:
                self._push(node.named_children, place)

    def _conditional(self, node: Node, place: Place, kind: str) -> None:
        if place.in_function:
            self._enter(node, place)
        elif self._holds(self._all_hits(), node):
            self._fork(node, place)

    def _fork(self, node: Node, place: Place) -> None:
        """Walk each branch in a separate scope, after the conditions."""
        conditions, branches = _branches(self.source, node)
        steps: list[tuple[Node | None, Place]] = [(each, place) for each in conditions]
        if place.module is not None and branches:
            self._forks.append(Fork(place.module, len(branches)))
        for label, nodes in branches:
            inner = place.within(label)
            steps += [(each, inner) for each in nodes]
            if place.module is not None:
                steps.append((None, place))
        self._stack.extend(reversed(steps))

    def _unary(self, node: Node, place: Place) -> None:
        match = _ATTRIBUTE.match(self.source, node.start_byte)
        name = match.group(1).decode() if match else self._name_behind_comments(node)
        read = READERS.get(name)
        if read is not None:
            if place.module is not None and not place.in_function:
                value = attribute_value(node)
                if value is not None:
                    read(self.source, value, place.module, place, name)
                    if name in DOCUMENTATION:
                        self.doc_spans.append((node.start_byte, node.end_byte))
        elif name == "before_compile":
            value = attribute_value(node)
            if place.module is not None and not place.in_function and value is not None:
                self._macros_of(place.module).hook(value, place.scope)
        elif name.encode() in _HANDLERS:
            operand = node.child_by_field_id(grammar.OPERAND)
            self._push([] if operand is None else operand.named_children[1:], place)
        else:
            self._enter(node, place)

    def _name_behind_comments(self, node: Node) -> str:
        """Return the name of an attribute with comments after the at sign; empty for another
        operator.

        It uses the tree, because a pattern would read the same comments again for every `@` in
        them.
        """
        operand = node.child_by_field_id(grammar.OPERAND)
        if operand is None or operand.kind_id != grammar.CALL:
            return ""
        is_attribute = self.source.startswith(b"@", node.start_byte)
        target = grammar.named(operand, 0) if is_attribute else None
        is_named = target is not None and target.kind_id == grammar.IDENTIFIER
        return text_of(self.source, target) if target is not None and is_named else ""

    def _definition(self, node: Node, place: Place, kind: str) -> None:
        """Record the clauses of a function or macro, then search its body for modules."""
        module, start = place.module, node.start_byte
        if module is not None and not place.in_function:
            plain = _PLAIN_HEAD.match(self.source, start) if self._is_sound else None
            if plain is not None and plain.group(1) not in _NO_NAMES:
                defined: Head | None = self._plain_clause(plain, node, kind, module, place)
            elif (first := grammar.arguments(node)[1]) is not None:
                defined = self._clauses(node, first, kind, place)
            else:
                defined = None
            if self._has_macros and defined is not None and kind in MACROS:
                self._macros_of(module).add(Definition(kind, defined, node, place.scope))
            if self._signs and defined is not None and self._holds(self._signs, node):
                self._process(node, defined, module, place)
            if self.sigils.offsets and defined is not None:
                self._hold(node, module, f"{defined.name}/{defined.arity}", place.scope)
        if start <= self._last_definer and self._holds(self._definers, node):
            arguments, head = grammar.arguments(node)
            scope = Scope(place.scope)
            inner = Place(module, scope, True, place.depth + 1, place.branch)
            self._push(grammar.body(node, arguments, head), inner)

    def _process(self, node: Node, defined: Head, module: ModuleRecord, place: Place) -> None:
        """Read what a clause tells of processes."""
        reader = self._readers.get(module)
        if reader is None:
            reader = self._readers[module] = Reader(
                self.source, module.name, self._signs, self._allowance
            )
        reader.read(node, defined.name, defined.arity, place.scope)

    def _hold(self, node: Node, module: ModuleRecord, function: str | None, scope: Scope) -> None:
        """Remember a module or a clause with a sigil in it."""
        if self._holds(self.sigils.offsets, node):
            start, end = node.start_byte, node.end_byte
            self.sigils.hold(Holder(start, end, module.name, function, scope))

    def _macros_of(self, module: ModuleRecord) -> Macros:
        macros = self._macros.get(module)
        if macros is None:
            macros = self._macros[module] = Macros(self.source, module.name, self._allowance)
        return macros

    def _finished(self, record: ModuleRecord) -> Module:
        named, macros = list(record.named), self._macros.get(record)
        reader = self._readers.get(record)
        processes = NO_PROCESSES if reader is None else reader.record.processes()
        if macros is None and not named:
            return record.module("", "", processes)
        macros = macros or Macros(self.source, record.name, self._allowance)
        return record.module(macros.used(named), macros.kept(), processes)

    def _using(self, node: Node, place: Place, kind: str) -> None:
        """Keep `using do` and `using options do`, by which a case template defines `__using__`."""
        block = node.named_children[-1]
        if place.module is None or place.in_function or block.kind_id != grammar.DO_BLOCK:
            return
        head = Head(kind, 1, 0, None)
        self._macros_of(place.module).add(Definition(USING, head, node, place.scope))

    def _plain_clause(
        self, head: re.Match[bytes], node: Node, kind: str, module: ModuleRecord, place: Place
    ) -> Head:
        text, arguments, condition = head.groups()
        arity = defaults = 0
        if arguments:
            if b"[" in arguments or b"{" in arguments:
                arguments = _BRACKETS.sub(b"a", _BRACKETS.sub(b"a", arguments))
            arity, defaults = arguments.count(b",") + 1, arguments.count(b"\\\\")
        name, guard = text.decode(), None if condition is None else condition.decode()
        self._spend()
        clause = new(Clause, (*self._span(node), guard))
        module.add_clause(kind, name, arity, defaults, place.branch, clause)
        module.settle()
        return new(Head, (name, arity, defaults, guard))

    def _span(self, node: Node) -> tuple[int, int, int, int]:
        """Return the first and the last line, the first byte and the end of a node.

        Lines are counted from the previous node. For an earlier node, which occurs only in repeated
        walks over one body, the tree is asked.
        """
        start, end = node.start_byte, node.end_byte
        if start < self._offset:
            return node.start_point.row + 1, node.end_point.row + 1, start, end
        count = self.source.count
        first = self._line + count(b"\n", self._offset, start)
        last = first + count(b"\n", start, end)
        self._offset, self._line = end, last
        return first, last, start, end

    def _clauses(self, node: Node, head: Node, kind: str, place: Place) -> Head | None:
        """Record what a head defines, for `defdelegate` a list; return the last one."""
        module, read = place.module, None
        assert module is not None, "definitions outside of modules are not listed"
        listed = kind == "defdelegate" and head.kind_id == grammar.LIST
        for each in grammar.parts(head) if listed else [head]:
            read = read_head(self.source, each)
            if read is not None:
                self._spend()
                clause = Clause(*self._span(node), read.guard)
                module.add_clause(kind, read.name, read.arity, read.defaults, place.branch, clause)
        module.settle()
        return read

    def _spend(self) -> None:
        """Limit the number of definitions that nested `defimpl` for many targets multiply."""
        self._budget -= 1
        if self._budget < 0:
            raise NestedTooDeeply(
                "nested defimpl for many targets multiply into more definitions than the file "
                "has bytes"
            )

    def _module(self, node: Node, place: Place, kind: str) -> None:
        """Return the name of a module: a plain name inside another is nested below it and becomes
        an alias.
        """
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
        """Walk the body once for each record; the first one is pushed last on the stack."""
        self.records.extend(records)
        for record in reversed(records):
            self._spend()
            inner = Place(record, Scope(place.scope), False, place.depth + 1, place.branch)
            self._push(grammar.body(node, *grammar.arguments(node)), inner)
            if self.sigils.offsets:
                self._hold(node, record, None, inner.scope)

    def _implementation(self, node: Node, place: Place, kind: str) -> None:
        """`defimpl P, for: [A, B]` gives one module per target; without `for`, the target is the
        module around it.
        """
        arguments, head = grammar.arguments(node)
        protocol = None if head is None else self._name(head, place)
        if protocol is None:
            return
        records = []
        for target in self._targets(arguments, place):
            record = ModuleRecord(kind, f"{protocol}.{target.removeprefix(':')}", *_lines(node))
            record.add_behaviour(protocol, BehaviourEvidence.STRUCTURAL)
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
        arguments, head = grammar.arguments(node)
        module = place.module
        if head is None or module is None or place.in_function:
            return
        given = [] if arguments is None else grammar.parts(arguments)[1:]
        for name in full_names(self.source, head, module.name, place.scope):
            module.uses[name] = None
            self._macros_of(module).use(name, given, place.scope)
            if name in BEHAVIOUR_OF_USE:
                module.add_behaviour(BEHAVIOUR_OF_USE[name], BehaviourEvidence.TABLE)

    def _alias(self, node: Node, place: Place, kind: str) -> None:
        """`alias A.B`, `alias A.B, as: C`, `alias A.{B, C}`, and `require A.B, as: C`."""
        arguments, head = grammar.arguments(node)
        if head is None:
            return
        around = None if place.module is None else place.module.name
        as_node = _option(self.source, arguments, b"as:")
        as_name = None if as_node is None else full_name(self.source, as_node, None, Scope())
        for name in full_names(self.source, head, around, place.scope):
            if as_name is not None:
                place.scope.aliases[as_name] = name
            elif kind == "alias":
                place.scope.aliases[name.rpartition(".")[2]] = name

    def _import(self, node: Node, place: Place, kind: str) -> None:
        """`import A, only: [f: 1]`: the components that sigils may call by their name."""
        arguments, head = grammar.arguments(node)
        value = _option(self.source, arguments, b"only:") if self.sigils.offsets else None
        if head is None or value is None or place.module is None or place.in_function:
            return
        for imported in full_names(self.source, head, place.module.name, place.scope):
            for name, arity in name_arities(self.source, value):
                if arity == 1:
                    self.sigils.take(place.module.name, name, imported)

    def _struct(self, node: Node, place: Place, kind: str) -> None:
        """`defstruct` and `defexception` define functions, so they take pending attributes."""
        if place.module is not None and not place.in_function:
            place.module.settle()
            if kind == "defexception":
                place.module.add_behaviour("Exception", BehaviourEvidence.STRUCTURAL)

    def _overridable(self, node: Node, place: Place, kind: str) -> None:
        """`defoverridable f: 1`; for a behaviour, the functions are not listed here."""
        _, head = grammar.arguments(node)
        if head is not None and place.module is not None and not place.in_function:
            for name, arity in name_arities(self.source, head):
                place.module.allow_override(name, arity)

    def _skip(self, node: Node, place: Place, kind: str) -> None:
        """`quote`: its code is not part of this module."""

    def finish(self) -> tuple[tuple[Module, ...], tuple[Function, ...]]:
        """Modules and functions, in the order in which they begin in the file."""
        modules = tuple(map(self._finished, self.records))
        functions = [each for record in self.records for each in record.finished_functions()]
        return modules, tuple(functions)


Handler = Callable[[Walk, Node, Place, str], None]
_HANDLERS: Final[dict[bytes, tuple[str, Handler]]] = {
    word.encode(): (word, handler)
    for word, handler in {
        **dict.fromkeys(
            ("def", "defp", "defmacro", "defmacrop", "defdelegate", "defguard", "defguardp"),
            Walk._definition,
        ),
        "defmodule": Walk._module,
        "defprotocol": Walk._module,
        "defimpl": Walk._implementation,
        "use": Walk._use,
        "using": Walk._using,
        "alias": Walk._alias,
        "require": Walk._alias,
        "import": Walk._import,
        "defstruct": Walk._struct,
        "defexception": Walk._struct,
        "defoverridable": Walk._overridable,
        **dict.fromkeys(
            ("if", "unless", "case", "cond", "with", "try", "receive"), Walk._conditional
        ),
        "quote": Walk._skip,
    }.items()
}


def _places(source: bytes) -> tuple[list[int], list[int]]:
    """Return where something of processes may stand, and where a module may be defined, sorted.

    Without one of `WORDS` in the file, `FURTHER` ones say nothing of processes.
    """
    found = _FIND(source)
    last = len(WORDS) + len(FURTHER)
    signs = [offset for offset, number in found if number < last]
    if not any(number < len(WORDS) for _, number in found):
        signs = []
    definers = [offset for offset, number in found if number >= last]
    return signs, [offset for offset in definers if _DEFINES_MODULE.match(source, offset)]


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


def _has_else(call: Node) -> bool:
    """Return whether a call of an unknown macro has a do block with an `else`."""
    block = call.named_children[-1]
    return block.kind_id == grammar.DO_BLOCK and any(
        child.kind_id == grammar.ELSE for child in block.named_children
    )


def _branches(source: bytes, call: Node) -> tuple[list[Node], list[tuple[str, list[Node]]]]:
    """Return the conditions of a call and its branches, each with a label.

    `if a do b else c end` has the branches `if a: do` and `if a: else`, `case a do 1 -> b end` has
    `case a: 1 ->`.
    """
    children = call.named_children
    word, conditions, sections = children[0], list[Node](), list[tuple[str, list[Node]]]()
    for child in children[1:]:
        if child.kind_id == grammar.ARGUMENTS:
            for argument in grammar.parts(child):
                if argument.kind_id != grammar.KEYWORDS:
                    conditions.append(argument)
                    continue
                for pair in grammar.parts(argument):
                    key = _excerpt(source, pair).partition(":")[0]
                    if key in _SECTION_NAMES:
                        sections.append((key, pair.named_children[1:]))
                    else:
                        conditions.append(pair)
        elif child.kind_id == grammar.DO_BLOCK:
            own = [each for each in child.named_children if each.kind_id not in grammar.SECTIONS]
            sections.append(("do", own))
            for section in child.named_children:
                if section.kind_id in grammar.SECTIONS:
                    key = _excerpt(source, section).split(maxsplit=1)[0]
                    sections.append((key, section.named_children))
    told = _told([_excerpt(source, word), ", ".join(_excerpt(source, each) for each in conditions)])
    return conditions, [
        (f"{told}: {label}", nodes)
        for key, inside in sections
        for label, nodes in _clauses_of(source, key, inside)
    ]


def _clauses_of(source: bytes, key: str, nodes: list[Node]) -> Iterator[tuple[str, list[Node]]]:
    """Yield a section of a block, by clause if it has clauses."""
    if len(nodes) == 1 and nodes[0].kind_id == grammar.BLOCK:
        nodes = nodes[0].named_children
    clauses = [node for node in nodes if node.kind_id == grammar.STAB_CLAUSE]
    if not clauses:
        yield key, nodes
    for clause in clauses:
        left = clause.child_by_field_id(grammar.LEFT)
        pattern = "" if left is None else _excerpt(source, left)
        yield _told([*([] if key == "do" else [key]), pattern, "->"]), clause.named_children


def _excerpt(source: bytes, node: Node) -> str:
    """Return the beginning of a node's text; it is limited because conditions nest."""
    end = min(node.end_byte, node.start_byte + LONGEST_CONDITION)
    return source[node.start_byte : end].decode("utf-8", "replace")


def _told(words: list[str]) -> str:
    """Return the words of a text on one line."""
    return " ".join(" ".join(words).split())
