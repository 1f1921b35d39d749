"""What the macros of a module put into the modules that use it, as terms that can be evaluated.

`use M` calls `M.__using__/1` and compiles what it returns. Which behaviours that sets cannot be
seen in the file of the user, so functions that build such code are kept here in a compact form,
and `corpus.behaviours` evaluates them when the modules of all packages are known.

A term is null (unknown), or a list whose first item says what it is. Values are computed when the
macro is called:

    ["a", name]                an atom or a module: ":live_view", "Phoenix.Component"
    ["v", name]                a variable, or a local call without arguments
    ["k", [[key, term]...]]    keywords
    ["l", term...]             a list, a tuple: all of these
    ["b", term...]             a block: the last one is its value
    ["=", name, term]          a match with a variable
    ["?", term...]             one of these
    ["if", condition, term, term], ["case", subject, [pattern, is_guarded, term]...]
    ["g", options, key, default]    an option by its key
    ["d", module, name]        a module below another
    ["c", module, name, term...]    a call; of a local function if the module is null
    ["p", module, function, arguments]    `apply`
    ["q", [[variable, term]...], item...]    a quote, with what `bind_quoted` binds
    ["m"]                      `__MODULE__` inside a quote: the module of the caller

Items of a quote act on the module of the caller:

    ["@", term]                `@behaviour`
    ["u", term, term...]       `use` with its arguments
    ["B", term, function]      `@before_compile`
    ["i", term]                `unquote`
    ["c", null, name, term...], ["C", module, name, term...]    a call, which may be of a macro
    ["if", condition, [item...], [item...]]
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.terms import (
    Head,
    Scope,
    alias_text,
    full_name,
    full_names,
    identifier_text,
    text_of,
)
from corpus.extraction import Term
from corpus.parsing import Allowance

DEEPEST: Final = 60
"""Nesting of expressions; what is deeper is unknown."""
MOST_CALLERS: Final = 100
"""Functions of a module whose callers are looked for; each takes a search of its text."""

UNKNOWN: Final[Term] = None
USING: Final = "using"
"""The macro of ExUnit.CaseTemplate that defines `__using__`."""
ROOTS: Final = frozenset({"__using__", "__before_compile__", USING})
MACRO_KINDS: Final = frozenset({"defmacro", "defmacrop", USING})
_QUOTE: Final = re.compile(rb"quote(?<=\bquote)[ (]")
_ACTS: Final = re.compile(rb"@be(?:haviour|fore_compile)|\buse[ (]|\bdefexception")
_USES: Final = re.compile(rb"us(?<=\bus)(?:e|ing)[ (]")
_BUILDS: Final = (b"@behaviour", b"@before_compile", b"__using__", b"__before_compile__")
"""Patterns for the whole file begin with a literal: then a search takes a tenth of the time."""
_DEFINES: Final = frozenset(
    {
        *("def", "defp", "defmacro", "defmacrop", "defdelegate", "defguard", "defguardp"),
        *("defmodule", "defimpl", "defprotocol", "defstruct", "defoverridable", "import"),
    }
)
"""Calls whose content says nothing of the behaviours of the module around a quote."""
_BRANCHING: Final = frozenset({"if", "unless", "case", "cond", "with", "for", "try", "receive"})
_EXPANDS: Final = frozenset({"expand", "expand_once", "expand_literals", "escape"})
"""Functions of Macro that return their first argument, as far as modules and options go."""
_READS: Final = frozenset({"get", "fetch!", "get_lazy"})
_OPERATOR_OF_CHOICE: Final = frozenset({b"||", b"or", b"&&", b"and", b"<>"})


class Definition(NamedTuple):
    """One clause of a function that may build code, or a block of a case template (`USING`)."""

    kind: str
    head: Head
    node: Node
    scope: Scope


def may_build(source: bytes) -> bool:
    """Return whether macros of a file may set behaviours of other modules."""
    if b"quote" not in source or _QUOTE.search(source) is None:
        return False
    has_word = any(word in source for word in _BUILDS) or b"defexception" in source
    return has_word or _USES.search(source) is not None


class Macros:
    """What one module uses, and its functions that build code, chosen when all of it was read.

    Kept are `__using__` and `__before_compile__`, functions with a quote that sets a behaviour or
    uses a module, what those call, and what calls those. The rest says nothing of behaviours.
    """

    __slots__ = ("allowance", "definitions", "hooks", "module", "source", "spans", "uses")

    def __init__(self, source: bytes, module: str, allowance: Allowance) -> None:
        self.source, self.module, self.allowance = source, module, allowance
        self.definitions: dict[str, list[Definition]] = {}
        self.spans: dict[str, list[tuple[int, int]]] = {}
        self.uses: list[Term] = []
        self.hooks: list[Term] = []

    def add(self, definition: Definition) -> None:
        """Take a clause into account."""
        name, node = definition.head.name, definition.node
        self.definitions.setdefault(name, []).append(definition)
        self.spans.setdefault(name, []).append((node.start_byte, node.end_byte))

    def use(self, name: str, given: list[Node], scope: Scope) -> None:
        """Take a `use` with its other arguments into account."""
        terms: list[Term] = []
        if given:
            terms = Encoder(self.source, self.module, scope, self.allowance).arguments(given)
        self.uses.append([name, *terms])

    def hook(self, value: Node, scope: Scope) -> None:
        """Take the value of `@before_compile` into account."""
        self.hooks.append(Encoder(self.source, self.module, scope, self.allowance).hook(value))

    def used(self, named: list[str]) -> str:
        """Return uses, hooks, and the behaviours that `@impl` names, as JSON; empty for none."""
        return _json([self.uses, self.hooks, named]) if self.uses or self.hooks or named else ""

    def kept(self) -> str:
        """Return the functions that build code as JSON; empty for none."""
        terms = self.terms() if self.definitions else []
        return _json(terms) if terms else ""

    def terms(self) -> list[Term]:
        """Return the functions as terms, by name and arity, in the order of the file.

        A term has the name, the arity and the number of defaults as digits, whether it is a macro,
        and its clauses.
        """
        waiting = [name for name in self.definitions if name in ROOTS or self._acts(name)]
        waiting += self._callers(waiting)
        quoting: set[str] | None = None
        read: dict[tuple[str, int], list[Term]] = {}
        facts: dict[tuple[str, int], Definition] = {}
        seen = set(waiting)
        while waiting:
            for each in self.definitions[waiting.pop()]:
                key = (each.head.name, each.head.arity)
                encoder = Encoder(self.source, self.module, each.scope, self.allowance)
                read.setdefault(key, []).append(encoder.clause(each))
                if key not in facts or each.head.defaults > facts[key].head.defaults:
                    facts[key] = each
                called = encoder.called & self.definitions.keys()
                if encoder.applies:
                    if quoting is None:
                        quoting = {name for name in self.definitions if self._quotes(name)}
                    called |= quoting
                waiting += sorted(called - seen)
                seen |= called
        return [
            [name, str(arity), str(fact.head.defaults), fact.kind in MACRO_KINDS, list(read[key])]
            for key, fact in sorted(facts.items(), key=lambda item: item[1].node.start_byte)
            for name, arity in [key]
        ]

    def _acts(self, name: str) -> bool:
        """Return whether a quote of a function sets a behaviour or uses a module."""
        return any(
            _QUOTE.search(self.source, *span) is not None
            and _ACTS.search(self.source, *span) is not None
            for span in self._spans(name)
        )

    def _quotes(self, name: str) -> bool:
        return any(_QUOTE.search(self.source, *span) is not None for span in self._spans(name))

    def _names(self, name: str, word: bytes) -> bool:
        return any(self.source.find(word, *span) >= 0 for span in self._spans(name))

    def _spans(self, name: str) -> Iterator[tuple[int, int]]:
        """Yield where the clauses of a function stand, as long as they may be searched."""
        for start, end in self.spans[name]:
            if self.allowance.spend((end - start) // 100):
                yield start, end

    def _callers(self, names: list[str]) -> list[str]:
        """Return the functions that name one of these, or one that does."""
        found, asked = dict.fromkeys(names), names[:MOST_CALLERS]
        while asked and len(found) < len(names) + MOST_CALLERS:
            word = asked.pop().encode()
            for other in self.definitions:
                if other not in found and self._names(other, word):
                    found[other] = None
                    asked.append(other)
        return [name for name in found if name not in names]


class Encoder:
    """Turns nodes into terms; `module` is the name of the module around them."""

    def __init__(self, source: bytes, module: str, scope: Scope, allowance: Allowance) -> None:
        self.source, self.module, self.scope = source, module, Scope(scope)
        self._allowance, self._depth = allowance, 0
        self.called: set[str] = set()
        self.applies = False

    def clause(self, definition: Definition) -> Term:
        """Return the clause of a definition: patterns, whether it has a guard, and its value."""
        node = definition.node
        arguments, head = grammar.arguments(node)
        is_template = definition.kind == USING
        body = node.named_children[-1:] if is_template else grammar.body(node, arguments, head)
        if definition.head.name == USING and (head is None or head.kind_id != grammar.CALL):
            return [[self.pattern(head)], False, self.body(body)]
        if head is None:
            return [[], False, self.body(body)]
        is_guarded = self._is_binary(head, b"when")
        if is_guarded:
            head = head.child_by_field_id(grammar.LEFT) or head
        arguments = grammar.named(head, 1)
        given = [] if arguments is None else grammar.parts(arguments)
        return [[self.pattern(each) for each in given], is_guarded, self.body(body)]

    def body(self, nodes: list[Node]) -> Term:
        """Return the value of the parts of a definition besides its head."""
        found: list[Term] = []
        for node in nodes:
            if node.kind_id == grammar.DO_BLOCK:
                found += self._all(node)
            elif node.kind_id == grammar.KEYWORDS:
                found += [self.code(value) for key, value in self._pairs(node) if key == "do"]
        return _block(found)

    def arguments(self, nodes: list[Node]) -> list[Term]:
        """Return the arguments of a call that stands in a module."""
        return [self.quoted_value(node) for node in nodes]

    def code(self, node: Node) -> Term:
        """Return the value of an expression that runs when the macro is called."""
        if not self._enter():
            return UNKNOWN
        try:
            return self._code(grammar.unwrapped(node))
        finally:
            self._depth -= 1

    def _code(self, node: Node) -> Term:
        kind = node.kind_id
        name = full_name(self.source, node, self.module, self.scope)
        if name is not None:
            return ["a", name]
        if kind == grammar.IDENTIFIER:
            word = identifier_text(self.source, node)
            self.called.add(word)
            return ["v", word]
        if kind in (grammar.NIL, grammar.BOOLEAN):
            return ["a", f":{text_of(self.source, node)}"]
        if kind in (grammar.LIST, grammar.TUPLE):
            return self._list(node, self.code)
        if kind == grammar.KEYWORDS:
            return ["k", *([key, self.code(value)] for key, value in self._pairs(node))]
        if kind == grammar.CALL:
            return self._call(node, [])
        if kind == grammar.BINARY_OPERATOR:
            return self._binary(node)
        if kind == grammar.ACCESS_CALL:
            return self._option([self.code(each) for each in grammar.parts(node)])
        if kind in (grammar.BLOCK, grammar.DO_BLOCK):
            return _block(self._all(node))
        if kind == grammar.UNARY_OPERATOR:
            return self._unary(node)
        return _choice(self._all(node))

    def _all(self, node: Node) -> list[Term]:
        return [self.code(each) for each in grammar.parts(node)]

    def _enter(self) -> bool:
        """Begin a node, unless the nesting or the number of nodes exceeds its limit."""
        if self._depth >= DEEPEST or not self._allowance.spend():
            return False
        self._depth += 1
        return True

    def _call(self, node: Node, piped: list[Term]) -> Term:
        """Return the value of a call; `piped` is what a pipe puts before its arguments."""
        target, given, block = self._parts_of(node)
        if target.kind_id == grammar.DOT:
            return self._remote(target, given, block, piped)
        if target.kind_id != grammar.IDENTIFIER:
            return _choice([self.code(each) for each in given])
        word = identifier_text(self.source, target)
        if word == "quote":
            return self._quote(given, block)
        if word in ("alias", "require"):
            self._alias(word, given)
            return UNKNOWN
        if word in ("if", "unless"):
            return self._if(word, given, block, self._values)
        if word == "case" and given and block is not None:
            clauses: list[Term] = list(self._clauses(block))
            return ["case", self.code(given[0]), *clauses]
        if word == "apply" and len(given) in (2, 3):
            module, function, *rest = (self.code(each) for each in given)
            self.applies = True
            return ["p", module, function, *rest] if rest else UNKNOWN
        arguments = [*piped, *(self.code(each) for each in given)]
        if block is not None:
            arguments += self._all(block)
        if word in _BRANCHING:
            return _choice(arguments)
        self.called.add(word)
        return ["c", None, word, *arguments]

    def _remote(
        self, target: Node, given: list[Node], block: Node | None, piped: list[Term]
    ) -> Term:
        left = target.child_by_field_id(grammar.LEFT)
        right = target.child_by_field_id(grammar.RIGHT)
        arguments = [*piped, *(self.code(each) for each in given)]
        if block is not None:
            arguments += self._all(block)
        if left is None or right is None:
            return _choice(arguments)
        module = full_name(self.source, left, self.module, self.scope)
        name = identifier_text(self.source, right)
        if module == self.module:
            self.called.add(name)
        if right.kind_id == grammar.ALIAS:
            return ["d", self.code(left), alias_text(self.source, right)]
        if module in ("Keyword", "Access") and name in _READS:
            return self._option(arguments)
        if module == "Macro" and name in _EXPANDS and arguments:
            return arguments[0]
        if module == "Module" and name == "concat" and len(arguments) == 2:
            return ["d", *arguments]
        return _choice(arguments) if module is None else ["c", module, name, *arguments]

    def _option(self, arguments: list[Term]) -> Term:
        """Return the reading of an option; without a default it is nil."""
        key = arguments[1] if len(arguments) > 1 else None
        if not isinstance(key, list) or key[0] != "a":
            return _choice(arguments)
        default: Term = ["a", ":nil"]
        if len(arguments) > 2:
            default = arguments[2]
        return ["g", arguments[0], key[1], default]

    def _quote(self, given: list[Node], block: Node | None) -> Term:
        bound, items = list[Term](), list[Term]()
        scope, self.scope = self.scope, Scope(self.scope)
        for each in given:
            for key, value in self._pairs(each):
                if key == "bind_quoted":
                    inside = grammar.named(value, 0) if value.kind_id == grammar.LIST else value
                    if inside is not None:
                        bound += [[name, self.code(term)] for name, term in self._pairs(inside)]
                elif key == "do":
                    items += self._items([value])
        if block is not None:
            items += self._items(grammar.parts(block))
        self.scope = scope
        return ["q", bound, *items]

    def _binary(self, node: Node) -> Term:
        left, right = (node.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
        if left is None or right is None:
            return UNKNOWN
        operator = self._operator(node)
        if operator == b"=":
            name = self._variable(left)
            value = self.code(right)
            return value if name is None else ["=", name, value]
        if operator == b"|>":
            return self._piped(left, right)
        if operator in _OPERATOR_OF_CHOICE:
            return _choice([self.code(left), self.code(right)])
        if operator == b"++":
            return ["l", self.code(left), self.code(right)]
        return UNKNOWN

    def _piped(self, left: Node, right: Node) -> Term:
        first = self.code(left)
        if right.kind_id == grammar.CALL:
            return self._call(right, [first])
        name = self._variable(right)
        if name is None:
            return first
        self.called.add(name)
        return ["c", None, name, first]

    def _unary(self, node: Node) -> Term:
        operand = grammar.named(node, 0)
        sign = self._operator(node)
        if operand is None or sign == b"@":
            return UNKNOWN
        if sign == b"&" and self._is_binary(operand, b"/"):
            left = operand.child_by_field_id(grammar.LEFT)
            if left is not None and left.kind_id == grammar.IDENTIFIER:
                arity = text_of(self.source, operand.named_children[-1])[:2]
                unknown: list[Term] = [UNKNOWN] * (int(arity) if arity.isdecimal() else 0)
                word = identifier_text(self.source, left)
                self.called.add(word)
                return ["c", None, word, *unknown]
            return UNKNOWN
        return self.code(operand)

    def _clauses(self, block: Node) -> Iterator[list[Term]]:
        """Yield the clauses of `case`: pattern, whether there is a guard, and value."""
        for clause in grammar.parts(block):
            left = clause.child_by_field_id(grammar.LEFT)
            right = clause.child_by_field_id(grammar.RIGHT)
            if clause.kind_id != grammar.STAB_CLAUSE or right is None:
                continue
            is_guarded = left is not None and self._is_binary(left, b"when")
            pattern: Term = UNKNOWN
            if left is not None and not is_guarded:
                inside = grammar.parts(left)
                pattern = self.pattern(inside[0]) if len(inside) == 1 else UNKNOWN
            yield [pattern, is_guarded, _block(self._all(right))]

    def pattern(self, node: Node | None) -> Term:
        """Return a pattern: an atom, or a variable for the whole argument; else unknown."""
        if node is None:
            return UNKNOWN
        node = grammar.unwrapped(node)
        if self._is_binary(node, b"\\\\"):
            node = grammar.unwrapped(node.child_by_field_id(grammar.LEFT) or node)
        if node.kind_id in (grammar.NIL, grammar.BOOLEAN):
            return ["a", f":{text_of(self.source, node)}"]
        name = full_name(self.source, node, self.module, self.scope)
        if name is not None:
            return ["a", name]
        variable = self._variable(node)
        if variable is not None:
            return ["v", variable]
        if self._is_binary(node, b"="):
            sides = (node.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
            for side in sides:
                name = None if side is None else self._variable(side)
                if name is not None:
                    return ["v", name]
        return UNKNOWN

    def _variable(self, node: Node) -> str | None:
        return identifier_text(self.source, node) if node.kind_id == grammar.IDENTIFIER else None

    def _values(self, nodes: list[Node]) -> Term:
        return _block([self.code(each) for each in nodes])

    def _if(
        self,
        word: str,
        given: list[Node],
        block: Node | None,
        read: Callable[[list[Node]], Term],
    ) -> Term:
        """Return `if` with the branches as `read` reads them."""
        if not given:
            return UNKNOWN
        branches: dict[str, list[Node]] = {"do": [], "else": []}
        for each in given[1:]:
            for key, value in self._pairs(each):
                if key in branches:
                    branches[key].append(value)
        for each in [] if block is None else grammar.parts(block):
            if each.kind_id == grammar.ELSE:
                branches["else"] += grammar.parts(each)
            else:
                branches["do"].append(each)
        then, other = read(branches["do"]), read(branches["else"])
        condition = self.code(given[0]) if read == self._values else self.quoted_value(given[0])
        return ["if", condition, *((other, then) if word == "unless" else (then, other))]

    def _items(self, nodes: list[Node]) -> list[Term]:
        """Return what quoted code does to the module that it is put into."""
        found = list[Term]()
        for node in nodes:
            if self._enter():
                found += self._item(grammar.unwrapped(node))
                self._depth -= 1
        return found

    def _item(self, node: Node) -> list[Term]:
        kind = node.kind_id
        if kind == grammar.CALL:
            return self._quoted_call(node)
        if kind == grammar.UNARY_OPERATOR:
            return self._attribute(node) if self._operator(node) == b"@" else []
        if kind == grammar.BINARY_OPERATOR and self._operator(node) != b"=":
            return []
        return self._items(grammar.parts(node))

    def _attribute(self, node: Node) -> list[Term]:
        call = grammar.named(node, 0)
        if call is None or call.kind_id != grammar.CALL:
            return []
        target, given, _ = self._parts_of(call)
        name = text_of(self.source, target)
        if name == "behaviour" and given:
            return [["@", self.quoted_value(given[0])]]
        if name == "before_compile" and given:
            return [["B", *self.hook(given[0])]]
        return []

    def hook(self, node: Node) -> list[Term]:
        """Return module and function of `@before_compile`: `M`, or `{M, :function}`."""
        node = grammar.unwrapped(node)
        if node.kind_id == grammar.TUPLE:
            parts = [self.quoted_value(each) for each in grammar.parts(node)]
            name = parts[1] if len(parts) == 2 else None
            return [parts[0], name[1] if isinstance(name, list) and name[0] == "a" else None]
        return [self.quoted_value(node), None]

    def _quoted_call(self, node: Node) -> list[Term]:
        target, given, block = self._parts_of(node)
        if target.kind_id == grammar.DOT:
            left = target.child_by_field_id(grammar.LEFT)
            right = target.child_by_field_id(grammar.RIGHT)
            if left is None or right is None or right.kind_id != grammar.IDENTIFIER:
                return []
            name = identifier_text(self.source, right)
            self.called.add(name)
            call: Term = ["C", self.quoted_value(left), name, *self.arguments(given)]
            return [call, *self._items([] if block is None else grammar.parts(block))]
        if target.kind_id != grammar.IDENTIFIER:
            return []
        word = identifier_text(self.source, target)
        if word in ("unquote", "unquote_splicing"):
            return [["i", self.code(given[0])]] if given else []
        if word == "use" and given:
            rest = self.arguments(given[1:])
            return [["u", each, *rest] for each in self._used(given[0])]
        if word in ("alias", "require"):
            self._alias(word, given)
            return []
        if word == "defexception":
            return [["@", ["a", "Exception"]]]
        if word in _DEFINES or word == "quote":
            return []
        if word in ("if", "unless"):
            return [self._if(word, given, block, self._items)]  # its branches are items
        inside = self._items([] if block is None else grammar.parts(block))
        if word in _BRANCHING:
            return inside
        self.called.add(word)
        return [["c", None, word, *self.arguments(given)], *inside]

    def _used(self, node: Node) -> list[Term]:
        names = full_names(self.source, node, None, self.scope)
        return [["a", name] for name in names] or [self.quoted_value(node)]

    def quoted_value(self, node: Node) -> Term:
        """Return the value of an expression in a quote, where `__MODULE__` is the caller."""
        node = grammar.unwrapped(node)
        kind = node.kind_id
        if kind == grammar.IDENTIFIER:
            name = identifier_text(self.source, node)
            return ["m"] if name == "__MODULE__" else ["v", name]
        name_of = full_name(self.source, node, None, self.scope)
        if name_of is not None:
            return ["a", name_of]
        if kind in (grammar.NIL, grammar.BOOLEAN):
            return ["a", f":{text_of(self.source, node)}"]
        if not self._enter():
            return UNKNOWN
        try:
            return self._quoted_value(node)
        finally:
            self._depth -= 1

    def _quoted_value(self, node: Node) -> Term:
        kind = node.kind_id
        if kind in (grammar.LIST, grammar.TUPLE):
            return self._list(node, self.quoted_value)
        if kind == grammar.KEYWORDS:
            return ["k", *([key, self.quoted_value(value)] for key, value in self._pairs(node))]
        if kind == grammar.ACCESS_CALL:
            return self._option([self.quoted_value(each) for each in grammar.parts(node)])
        if kind == grammar.DOT:
            left = node.child_by_field_id(grammar.LEFT)
            right = node.child_by_field_id(grammar.RIGHT)
            if left is None or right is None or right.kind_id != grammar.ALIAS:
                return UNKNOWN
            return ["d", self.quoted_value(left), alias_text(self.source, right)]
        if kind == grammar.CALL:
            target, given, _ = self._parts_of(node)
            word = text_of(self.source, target)
            if word == "unquote" and given:
                return self.code(given[0])
            if word in ("Keyword.get", "Keyword.fetch!") and len(given) > 1:
                return self._option([self.quoted_value(each) for each in given])
        return UNKNOWN

    def _list(self, node: Node, read: Callable[[Node], Term]) -> Term:
        parts = grammar.parts(node)
        if len(parts) == 1 and parts[0].kind_id == grammar.KEYWORDS:
            return read(parts[0])
        if not parts and node.kind_id == grammar.LIST:
            return ["k"]
        return ["l", *(read(each) for each in parts)]

    def _alias(self, word: str, given: list[Node]) -> None:
        """Take an alias into the scope."""
        if not given:
            return
        renamed = None
        for each in given[1:]:
            for key, value in self._pairs(each):
                if key == "as":
                    renamed = full_name(self.source, value, None, Scope())
        for name in full_names(self.source, given[0], self.module, self.scope):
            if renamed is not None:
                self.scope.aliases[renamed] = name
            elif word == "alias":
                self.scope.aliases[name.rpartition(".")[2]] = name

    def _pairs(self, node: Node) -> Iterator[tuple[str, Node]]:
        """Yield key and value of keywords."""
        if node.kind_id != grammar.KEYWORDS:
            return
        for pair in grammar.parts(node):
            key = pair.child_by_field_id(grammar.KEY)
            value = pair.child_by_field_id(grammar.VALUE)
            if key is not None and value is not None:
                text = text_of(self.source, key).strip().removesuffix(":")
                yield text.strip('"'), value

    def _parts_of(self, call: Node) -> tuple[Node, list[Node], Node | None]:
        """Return the target of a call, its arguments and its do block."""
        target, *rest = call.named_children
        given, block = list[Node](), None
        for child in rest:
            if child.kind_id == grammar.ARGUMENTS:
                given = grammar.parts(child)
            elif child.kind_id == grammar.DO_BLOCK:
                block = child
        return target, given, block

    def _operator(self, node: Node) -> bytes:
        operator = node.child_by_field_id(grammar.OPERATOR)
        return b"" if operator is None else self.source[operator.start_byte : operator.end_byte]

    def _is_binary(self, node: Node, operator: bytes) -> bool:
        return node.kind_id == grammar.BINARY_OPERATOR and self._operator(node) == operator


_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _block(terms: list[Term]) -> Term:
    """Return a block without what has no effect on its value."""
    if not terms:
        return UNKNOWN
    kept = [each for each in terms[:-1] if isinstance(each, list) and each[0] == "="]
    return ["b", *kept, terms[-1]] if kept else terms[-1]


def _choice(terms: list[Term]) -> Term:
    kept = [each for each in terms if each is not None]
    return ["?", *kept] if kept else UNKNOWN
