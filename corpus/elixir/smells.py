"""Structural smells of an Elixir file, by the names that credo gives to its checks.

One pass over the tree counts what a tree can show. The rules are written from what credo's
documentation says of each check, at credo's default limits; a name is the check's module below
`Credo.Check`. `python -m benchmarks.smells` compares the counts with credo's. Code in `quote`
counts too, as in credo: somebody wrote it.
"""

import re
from collections import Counter
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.repair import read
from corpus.elixir.terms import read_head
from corpus.tables import SMELL_CHECKS

CHECKS: Final = tuple(name for name in SMELL_CHECKS if name != "Readability.ModuleDoc")
"""What `smells` counts; modules without documentation are counted from what was extracted."""
MOST_COMPLEX: Final = 9
"""Cyclomatic complexity of a function."""
DEEPEST_NESTING: Final = 2
"""Conditions and anonymous functions inside each other."""
MOST_ARGUMENTS: Final = 8
LONGEST_NAME: Final = 40
"""Bytes of the names that are compared; those that rules ask for are shorter."""

_DEFINES: Final = frozenset({b"def", b"defp", b"defmacro"})
_NESTS: Final = frozenset({b"if", b"unless", b"case", b"cond"})
_DECIDES: Final = frozenset({b"if", b"unless", b"for", b"try"})
_CHOOSES: Final = frozenset({b"case", b"cond"})
_OUTSIDE: Final = frozenset({b"unquote", b"unquote_splicing", b"defdelegate"})
"""What stands in these, in an attribute, or in the head of a function, is no call at run time."""
_MAKES_ATOMS: Final = frozenset(
    {
        *(b"String.to_atom", b"List.to_atom", b"Module.concat"),
        *(b":erlang.binary_to_atom", b":erlang.list_to_atom"),
    }
)
_DECODES: Final = frozenset({b"Jason.decode", b"Jason.decode!"})
_ATOM_KEYS: Final = re.compile(rb"\bkeys:\s*:atoms(?![!\w])")
_CONFIGURATION: Final = re.compile(rb"\bApplication\s*\.\s*(?:fetch_env!?|get_env|get_all_env)\b")
_PAIRS: Final = {
    (b"Enum.map", b"Enum.join"): "Refactor.MapJoin",
    (b"Enum.filter", b"Enum.count"): "Refactor.FilterCount",
    (b"Enum.filter", b"Enum.filter"): "Refactor.FilterFilter",
    (b"Enum.reject", b"Enum.reject"): "Refactor.RejectReject",
}
"""Checks by two calls, the second of which takes what the first returns."""
_SECONDS: Final = frozenset(second for _, second in _PAIRS)

_COUNTS: Final = frozenset({b"Enum.count", b"length"})
_TAGS: Final = (
    (re.compile(rb"#\s*TODO:?\s*.", re.IGNORECASE), "Design.TagTODO"),
    (re.compile(rb"#\s*FIXME:?\s*.", re.IGNORECASE), "Design.TagFIXME"),
)
_ELSE_KEY: Final = re.compile(rb"else:\s")

_COMPILED: Final = 1
"""In an attribute or `unquote`."""
_RESCUED: Final = 2
"""In the `rescue` of a function or `try`."""
_PIPED: Final = 4
"""The left side of a pipe."""
_ASKED: Final = 8
"""In the condition of an `if` or `unless`."""
_HEADS_CONDITION: Final = 16
"""The condition itself."""


class _Function:
    """What is counted of one function; code in a function inside it counts for both."""

    __slots__ = ("complexity", "deepest", "is_using", "outer")

    def __init__(self, outer: "_Function | None", is_using: bool) -> None:
        self.complexity, self.deepest, self.is_using, self.outer = 1, 0, is_using, outer


def smells(source: bytes) -> dict[str, int]:
    """Return how often each of `CHECKS` finds something, without those that find nothing.

    Takes any bytes; code that cannot be read counts for nothing. Raises Unparsable.
    """
    found = _Walk(source)
    found.run(read(source).root)
    return {name: found.counts[name] for name in CHECKS if found.counts[name]}


class _Walk:
    """One walk over one file, from a stack, so that depth takes memory and not recursion."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.counts: Counter[str] = Counter()
        self.functions: list[_Function] = []
        self.is_callback = False
        self.stack: list[tuple[Node, _Function | None, int, int]] = []

    def run(self, root: Node) -> None:
        """Visit all nodes in the order of the file."""
        stack = self.stack
        stack.append((root, None, 0, 0))
        visits = {
            grammar.CALL: self._call,
            grammar.BINARY_OPERATOR: self._binary,
            grammar.UNARY_OPERATOR: self._unary,
            grammar.ANONYMOUS_FUNCTION: self._anonymous,
            grammar.COMMENT: self._comment,
            grammar.RESCUE: self._rescue,
            grammar.QUOTED_ATOM: self._quoted,
            grammar.QUOTED_KEYWORD: self._quoted,
        }
        while stack:
            node, function, depth, flags = stack.pop()
            visit = visits.get(node.kind_id)
            if visit is None:
                # Only one expression in brackets is still the left side, or the condition.
                kept = flags if node.kind_id == grammar.BLOCK else flags & ~_PIPED
                if children := node.named_children:
                    self._push(children, function, depth, kept)
            else:
                visit(node, function, depth, flags)
        self._measure()

    def _push(self, nodes: list[Node], function: _Function | None, depth: int, flags: int) -> None:
        self.stack += [(node, function, depth, flags) for node in reversed(nodes)]

    def _text(self, node: Node) -> bytes:
        return self.source[node.start_byte : node.end_byte]

    def _measure(self) -> None:
        """Count the functions that are too complex or nested too deeply, the inner ones first."""
        for function in reversed(self.functions):
            if function.outer is not None:
                function.outer.complexity += function.complexity
                function.outer.deepest = max(function.outer.deepest, function.deepest)
            self.counts["Refactor.CyclomaticComplexity"] += (
                function.complexity > MOST_COMPLEX and not function.is_using
            )
            self.counts["Refactor.Nesting"] += function.deepest > DEEPEST_NESTING

    def _comment(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        text = self._text(node)
        for pattern, check in _TAGS:
            self.counts[check] += pattern.match(text) is not None

    def _rescue(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        self._push(node.named_children, function, depth, flags | _RESCUED)

    def _quoted(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        """Count atoms with an interpolation, which are made when the code runs."""
        children = node.named_children
        is_made = any(each.kind_id == grammar.INTERPOLATION for each in children)
        self.counts["Warning.UnsafeToAtom"] += is_made and not flags & _COMPILED
        self._push(children, function, depth, flags)

    def _anonymous(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        depth = self._nest(function, depth)
        self._push(node.named_children, function, depth, flags & ~(_PIPED | _ASKED))

    def _nest(self, function: _Function | None, depth: int) -> int:
        if function is not None:
            function.deepest = max(function.deepest, depth + 1)
        return depth + 1

    def _unary(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        flags &= ~(_PIPED | _HEADS_CONDITION)
        if self.source[node.start_byte : node.start_byte + 1] == b"@":
            text = self._text(node)
            self.is_callback = text.startswith(b"@impl") and not text.endswith(b"false")
            if b"Application" in text and not text.startswith((b"@doc", b"@moduledoc")):
                found = _CONFIGURATION.search(text) is not None
                self.counts["Warning.ApplicationConfigInModuleAttribute"] += found
            flags |= _COMPILED
        self._push(node.named_children, function, depth, flags)

    def _binary(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        children = node.named_children
        operator = node.child_by_field_id(grammar.OPERATOR)
        kind = -1 if operator is None else operator.kind_id
        below = flags & ~(_PIPED | _HEADS_CONDITION)
        if kind == grammar.PIPE and len(children) > 1:
            left = grammar.unwrapped(children[0])
            is_longer = self._is_pipe(left)
            self.counts["Readability.SinglePipe"] += not is_longer and not flags & _PIPED
            self._pair(self._last_call(left), called := self._target(children[-1]))
            if called in _MAKES_ATOMS and children[-1].named_child_count == 1:
                self.counts["Warning.UnsafeToAtom"] += not flags & _COMPILED
            self._push(children[1:], function, depth, below)
            self._push(children[:1], function, depth, below | (_PIPED if is_longer else 0))
            return
        if kind in grammar.DECIDING:
            if function is not None:
                function.complexity += 1
        elif kind == grammar.MATCH:
            if flags & _ASKED and not (
                flags & _HEADS_CONDITION and children[0].kind_id == grammar.IDENTIFIER
            ):
                self.counts["Refactor.MatchInCondition"] += 1
        elif kind in grammar.EQUAL and len(children) == 2:
            sides = {self._text(each) for each in children if each.kind_id == grammar.INTEGER}
            if sides == {b"0"}:
                targets = {self._target(each) for each in children}
                self.counts["Warning.ExpensiveEmptyEnumCheck"] += not _COUNTS.isdisjoint(targets)
        self._push(children, function, depth, below)

    def _is_pipe(self, node: Node) -> bool:
        if node.kind_id != grammar.BINARY_OPERATOR:
            return False
        operator = node.child_by_field_id(grammar.OPERATOR)
        return operator is not None and operator.kind_id == grammar.PIPE

    def _last_call(self, node: Node) -> bytes:
        """Return what a call names, or the last call of a pipeline."""
        if self._is_pipe(node):
            right = node.child_by_field_id(grammar.RIGHT)
            return b"" if right is None else self._target(right)
        return self._target(node)

    def _target(self, node: Node) -> bytes:
        """Return what a call names, with or without brackets: `length`, `Enum.count`."""
        target = grammar.named(node, 0) if node.kind_id == grammar.CALL else None
        if target is None or target.end_byte - target.start_byte > LONGEST_NAME:
            return b""
        return self._text(target)

    def _pair(self, first: bytes, second: bytes) -> None:
        if check := _PAIRS.get((first, second)):
            self.counts[check] += 1

    def _call(self, node: Node, function: _Function | None, depth: int, flags: int) -> None:
        children = node.named_children
        target = children[0] if children else node
        flags &= ~(_PIPED | _HEADS_CONDITION)
        if target.kind_id == grammar.IDENTIFIER:
            name = self._text(target)
            if name in _DEFINES:
                function, depth = self._definition(name, node, children, function), 0
                self._push(children[2:], function, depth, flags)
                children, flags = children[:2], flags | _COMPILED
            elif name in _OUTSIDE:
                flags |= _COMPILED
            elif name == b"with":
                self._with(children)
            elif name == b"raise":
                self.counts["Warning.RaiseInsideRescue"] += bool(flags & _RESCUED)
            elif name == b"dbg":
                self.counts["Warning.Dbg"] += not flags & _COMPILED and _given(children) <= 2
            elif name in _NESTS or name in _DECIDES:
                depth = self._decision(name, children, function, depth)
                if name in (b"if", b"unless"):
                    self._condition(children, function, depth, flags)
                    children = children[2:]
        elif target.kind_id == grammar.DOT:
            self._remote(self._text(target), children, flags)
        self._push(children, function, depth, flags)

    def _definition(
        self, kind: bytes, node: Node, children: list[Node], outer: _Function | None
    ) -> _Function | None:
        """Note a function, its arguments, its name, and a body that is one `try`."""
        head_node = grammar.arguments(node)[1]
        if head_node is None:
            return outer
        head = read_head(self.source, head_node)
        is_callback, self.is_callback = self.is_callback, False
        if head is not None:
            self.counts["Refactor.FunctionArity"] += head.arity > MOST_ARGUMENTS
            misnamed = (
                head.name.endswith("?") if kind == b"defmacro" else head.name.startswith("is_")
            )
            self.counts["Readability.PredicateFunctionNames"] += misnamed and not is_callback
        body = children[-1]
        if body.kind_id == grammar.DO_BLOCK:
            lines = grammar.parts(body)
            if len(lines) == 1 and lines[0].kind_id == grammar.CALL:
                named = grammar.named(lines[0], 0)
                is_try = named is not None and self._text(named) == b"try"
                self.counts["Readability.PreferImplicitTry"] += is_try
        function = _Function(outer, head is not None and head.name == "__using__")
        self.functions.append(function)
        return function

    def _decision(
        self, name: bytes, children: list[Node], function: _Function | None, depth: int
    ) -> int:
        """Count what a condition adds to the complexity, and return the depth inside it."""
        clauses = _clauses(children) if name in _CHOOSES else []
        if function is not None:
            function.complexity += len(clauses) if name in _CHOOSES else 1
        if name == b"cond" and len(clauses) <= 2:
            self.counts["Refactor.CondStatements"] += any(map(self._always_holds, clauses))
        return self._nest(function, depth) if name in _NESTS else depth

    def _always_holds(self, clause: Node) -> bool:
        left = clause.child_by_field_id(grammar.LEFT)
        text = b"" if left is None else self._text(left).strip()
        return text == b"true" or re.fullmatch(rb"_\w*", text) is not None

    def _condition(
        self, children: list[Node], function: _Function | None, depth: int, flags: int
    ) -> None:
        """Read the condition of `if` and `unless`, and visit it and the target of the call."""
        self._push(children[:1], function, depth, flags)
        if len(children) < 2 or children[1].kind_id != grammar.ARGUMENTS:
            self._push(children[1:2], function, depth, flags)
            return
        given = children[1].named_children
        asked = grammar.parts(children[1])[:1]
        negated = bool(asked) and self._is_negated(grammar.unwrapped(asked[0]))
        has_else = self._has_else(children)
        if self._text(children[0]) == b"unless":
            self.counts["Refactor.NegatedConditionsInUnless"] += negated
            self.counts["Refactor.UnlessWithElse"] += has_else
        else:
            self.counts["Refactor.NegatedConditionsWithElse"] += negated and has_else
        others = [each for each in given if each not in asked]
        self._push(others, function, depth, flags)
        self._push(asked, function, depth, flags | _ASKED | _HEADS_CONDITION)

    def _is_negated(self, condition: Node) -> bool:
        if condition.kind_id == grammar.UNARY_OPERATOR:
            text = self.source[condition.start_byte : condition.start_byte + 4]
            return text.startswith(b"!") or (text[:3] == b"not" and not text[3:].isalnum())
        if condition.kind_id != grammar.BINARY_OPERATOR:
            return False
        operator = condition.child_by_field_id(grammar.OPERATOR)
        return operator is not None and self._text(operator).startswith(b"not")

    def _has_else(self, children: list[Node]) -> bool:
        block = children[-1]
        if block.kind_id == grammar.DO_BLOCK:
            return any(each.kind_id == grammar.ELSE for each in block.named_children)
        options = [each for each in children[1].named_children if each.kind_id == grammar.KEYWORDS]
        return any(
            _ELSE_KEY.match(self.source, pair.start_byte) is not None
            for keywords in options
            for pair in keywords.named_children
        )

    def _with(self, children: list[Node]) -> None:
        """Count a `with` of one pattern that has an `else`: it is a `case`."""
        if len(children) < 2 or children[1].kind_id != grammar.ARGUMENTS:
            return
        given = grammar.parts(children[1])
        patterns = sum(self._is_arrow(each) for each in given)
        is_spliced = any(self._text(each).startswith(b"unquote_splicing") for each in given)
        self.counts["Readability.WithSingleClause"] += (
            patterns <= 1 and not is_spliced and self._has_else(children)
        )

    def _is_arrow(self, node: Node) -> bool:
        if node.kind_id != grammar.BINARY_OPERATOR:
            return False
        operator = node.child_by_field_id(grammar.OPERATOR)
        return operator is not None and operator.kind_id == grammar.ARROW

    def _remote(self, name: bytes, children: list[Node], flags: int) -> None:
        """Count calls of other modules' functions, such as `IO.inspect`."""
        if name == b"IO.inspect":
            self.counts["Warning.IoInspect"] += _given(children) <= 2
        elif name == b"IEx.pry":
            self.counts["Warning.IExPry"] += 1
        elif name == b"Kernel.dbg":
            self.counts["Warning.Dbg"] += 1
        elif len(children) > 1 and children[1].kind_id == grammar.ARGUMENTS:
            arguments = children[1]
            if name in _MAKES_ATOMS:
                self.counts["Warning.UnsafeToAtom"] += not flags & _COMPILED
            elif name in _DECODES:
                found = _ATOM_KEYS.search(self.source, arguments.start_byte, arguments.end_byte)
                self.counts["Warning.UnsafeToAtom"] += found is not None and not flags & _COMPILED
            elif name in _SECONDS and (given := grammar.parts(arguments)):
                self._pair(self._last_call(grammar.unwrapped(given[0])), name)


def _given(children: list[Node]) -> int:
    """Return the number of arguments between the brackets of a call."""
    behind = children[1:2]
    return len(grammar.parts(behind[0])) if behind else 0


def _clauses(children: list[Node]) -> list[Node]:
    """Return the clauses of the do block of `case` and `cond`."""
    block = children[-1]
    if block.kind_id != grammar.DO_BLOCK:
        return []
    return [each for each in block.named_children if each.kind_id == grammar.STAB_CLAUSE]
