"""What a piece of Elixir uses from the code around it, found in the parse tree.

A local call counts by name and arity, as the compiler resolves it: in captures (`&f/1`), behind a
pipe (one argument more), with a do block (one more again), and as an operator. A bare name counts
as a call without arguments unless the piece binds it. Inside `quote`, up to an `unquote`, only
aliases count, because other names belong to the user of the macro. The same applies to types.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final, NamedTuple

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.record import name_arities
from corpus.elixir.repair import read
from corpus.elixir.terms import Scope, alias_text, full_names, identifier_text, text_of
from corpus.parsing import Unparsable, parse

Span = tuple[int, int]
"""A half-open range of bytes."""
Signature = tuple[str, int]

KERNEL_NAMES: Final = """
__CALLER__ __DIR__ __ENV__ __MODULE__ __STACKTRACE__ __aliases__ __block__ abs alias alias! and
apply binary_part binary_slice binding bit_size byte_size case ceil cond dbg def defdelegate
defexception defguard defguardp defimpl defmacro defmacrop defmodule defoverridable defp
defprotocol defstruct destructure div elem exit floor fn for function_exported? get_and_update_in
get_in hd if import in inspect is_atom is_binary is_bitstring is_boolean is_exception is_float
is_function is_integer is_list is_map is_map_key is_nil is_non_struct_map is_number is_pid is_port
is_reference is_struct is_tuple length macro_exported? make_ref map_size match? max min node not
or pop_in put_elem put_in quote raise receive rem require reraise round self send sigil_C sigil_D
sigil_N sigil_R sigil_S sigil_T sigil_U sigil_W sigil_c sigil_r sigil_s sigil_w spawn spawn_link
spawn_monitor struct struct! super tap then throw tl to_char_list to_charlist to_string to_timeout
trunc try tuple_size unless unquote unquote_splicing update_in use var! with
! != !== && & * ** + ++ - -- . .. ..// / < <= <> = == === =~ > >= @ ^ |> || :: | -> \\\\ // <-
"""
KERNEL: Final = frozenset(KERNEL_NAMES.split())
"""Functions of every module (Kernel and Kernel.SpecialForms of Elixir 1.14 and later)."""
MOST_NEEDS: Final = 100
"""Maximum number of needs of one answer; an answer with more is not useful without its file."""
MOST_DIRECTIVES: Final = 500
"""Maximum number of aliases, imports, requires and inner modules: each answer is compared with all.
"""
_DEFINES: Final = frozenset(
    {"def", "defp", "defmacro", "defmacrop", "defguard", "defguardp", "defdelegate"}
)
_DEFINES_STRUCT: Final = frozenset({"defstruct", "defexception", "schema", "embedded_schema"})
"""Kernel's macros, and Ecto's."""
_TYPES: Final = frozenset(
    {"spec", "type", "typep", "opaque", "callback", "macrocallback", "optional_callbacks"}
)
_BINDS: Final = frozenset({b"=", b"<-", b"\\\\"})
_SIGIL: Final = re.compile(rb"~([a-z]|[A-Z][A-Z0-9]*)")
_BLOCKS: Final = frozenset({grammar.DO_BLOCK, grammar.STAB_CLAUSE}) | grammar.SECTIONS
_VISITED: Final = _BLOCKS | {
    *(grammar.CALL, grammar.UNARY_OPERATOR, grammar.BINARY_OPERATOR, grammar.ALIAS),
    *(grammar.SIGIL, grammar.DOT, grammar.STRUCT),
}
"""Kinds of nodes that say something, but for plain names."""


class Need(NamedTuple):
    """A need: its kind and its name.

    The name is name/arity for private_function, the name for attribute, the alias as it is written,
    the module for import, and the module of the struct for struct.
    """

    kind: str
    name: str


class Uses(NamedTuple):
    """What a piece of code uses by name; see `Surroundings.uses`.

    `calls` are local calls, where a bare name that the piece does not bind counts as one without
    arguments; `certain` are those that cannot be variables. `aliases` are the first parts of module
    names that a directive outside of the piece explains. `remote` has `Module.function`, as it is
    written, with the arity.
    """

    calls: frozenset[Signature]
    certain: frozenset[Signature]
    attributes: frozenset[str]
    has_struct: bool
    aliases: frozenset[str]
    remote: frozenset[Signature]


class _Alias(NamedTuple):
    """From `start` to `end` a name stands for a module; `at` is the position of the directive."""

    at: int
    start: int
    end: int


class _Import(NamedTuple):
    """From `start` to `end`, functions of `module` are local: those in `only`, or all for None.

    Functions in `without` are excluded.
    """

    at: int
    module: str
    only: frozenset[Signature] | None
    without: frozenset[Signature]
    start: int
    end: int


class _Use(NamedTuple):
    """A name at a position; `arity` is -1 for a bare name, which may be a variable."""

    at: int
    name: str
    arity: int


class Surroundings:
    """One file, read once for queries about the pieces of it in `spans`.

    Definitions outside the pieces are not visited: nothing in them has an effect on a piece. `root`
    is the tree, if there is one already. Raises Unparsable, also for more directives than
    MOST_DIRECTIVES.
    """

    def __init__(self, source: bytes, spans: Sequence[Span], root: Node | None = None) -> None:
        self.source = source
        self._starts = sorted(start for start, _ in spans)
        self._ends = sorted(end for _, end in spans)
        self.calls: list[_Use] = []
        self.reads: list[_Use] = []
        self.sets: list[_Use] = []
        self.bound: list[_Use] = []
        self.structs: list[_Use] = []
        self.names: list[_Use] = []
        self.remote: list[_Use] = []
        self.aliases: dict[str, list[_Alias]] = {}
        self.imports: list[_Import] = []
        self._directives = 0
        self._last_end = 0
        self._walk(read(source).root if root is None else root)

    def uses(self, spans: Sequence[Span], module: str) -> Uses:
        """Return the names that the code in `spans` takes from elsewhere.

        `spans` are sorted and inside `module`.
        """
        variables = {each.name for each in _within(self.bound, spans)}
        taken = frozenset(
            (use.name, max(0, use.arity))
            for use in _within(self.calls, spans)
            if use.arity >= 0 or use.name not in variables
        )
        written = {use.name for use in _within(self.sets, spans)}
        read = frozenset(use.name for use in _within(self.reads, spans) if use.name not in written)
        has_struct = False
        if not any(use.name in _DEFINES_STRUCT for use in _within(self.calls, spans)):
            names = {each.name for each in _within(self.structs, spans)}
            has_struct = bool(names & {"__MODULE__", module})
        certain = frozenset(
            (use.name, use.arity) for use in _within(self.calls, spans) if use.arity >= 0
        )
        remote = frozenset((use.name, use.arity) for use in _within(self.remote, spans))
        return Uses(taken, certain, read, has_struct, frozenset(self._aliases(spans)), remote)

    def needs(
        self,
        spans: Sequence[Span],
        module: str,
        private: Mapping[Signature, Signature],
        own: AbstractSet[Signature],
    ) -> tuple[Need, ...]:
        """Return the needs of the code in `spans`, sorted.

        `spans` are sorted and inside `module`. `private` has the private functions elsewhere in it:
        for each callable name and arity the one of the definition. `own` are all callable functions
        of the module.
        """
        used = self.uses(spans, module)
        called = {private[each] for each in used.calls if each in private}
        found = {Need("private_function", f"{name}/{arity}") for name, arity in called}
        found |= {Need("attribute", name) for name in used.attributes}
        found |= {Need("struct", module)} if used.has_struct else set()
        found |= {Need("alias", name) for name in used.aliases}
        return tuple(sorted(found | self._imports(spans, set(used.certain - own))))

    def _aliases(self, spans: Sequence[Span]) -> set[str]:
        """Return the used aliases whose directive is outside of the spans."""
        last = {use.name: use.at for use in _within(self.names, spans)}
        return {
            name
            for name, at in last.items()
            if any(
                alias.start <= at < alias.end and not _covers(spans, alias.at)
                for alias in self.aliases.get(name, ())
            )
        }

    def _imports(self, spans: Sequence[Span], unknown: set[Signature]) -> set[Need]:
        """Return the imports that may define a function of unknown origin."""
        calls = {call for call in unknown if call[0] not in KERNEL}
        first = spans[0][0]
        found = (
            Need("import", each.module)
            for each in self.imports
            if calls
            and each.start <= first < each.end
            and not _covers(spans, each.at)
            and (calls - each.without if each.only is None else each.only & calls)
        )
        return set(islice(found, MOST_NEEDS + 1))

    def _walk(self, root: Node) -> None:
        """Visit the nodes in the order of the file, from a stack.

        Most nodes are names, or only hold others: these are visited here, without a generator.
        """
        stack = [(root, _Context(len(self.source), 0, False, False))]
        while stack:
            node, context = stack.pop()
            kind = node.kind_id
            if kind in _VISITED:
                stack.extend(reversed(list(self._visit(node, context))))
            elif kind == grammar.IDENTIFIER:
                self._bare(node, context)
            else:
                inner = context.unpiped()
                stack.extend([(child, inner) for child in reversed(node.named_children)])

    def _visit(self, node: Node, context: "_Context") -> Iterator[tuple[Node, "_Context"]]:
        kind = node.kind_id
        plain = context.plain()
        if kind == grammar.CALL:
            yield from self._call(node, context)
        elif kind == grammar.UNARY_OPERATOR:
            yield from self._unary(node, plain)
        elif kind == grammar.BINARY_OPERATOR:
            yield from self._binary(node, context)
        elif kind == grammar.ALIAS:
            name = alias_text(self.source, node).partition(".")[0]
            self.names.append(_Use(node.start_byte, name, 0))
        elif kind == grammar.SIGIL:
            match = _SIGIL.match(self.source, node.start_byte)
            if match is not None and not context.names_only:
                self.calls.append(_Use(node.start_byte, f"sigil_{match[1].decode()}", 2))
            yield from self._inside(node, plain)
        elif kind == grammar.DOT:
            left = node.child_by_field_id(grammar.LEFT)
            if left is not None:
                yield left, plain
            right = node.child_by_field_id(grammar.RIGHT)
            if right is not None and right.kind_id in (grammar.TUPLE, grammar.CALL):
                yield right, plain
        elif kind == grammar.STRUCT:
            inside = grammar.named(node, 0)
            if inside is not None and inside.kind_id in (grammar.ALIAS, grammar.IDENTIFIER):
                name = alias_text(self.source, inside)
                self.structs.append(_Use(node.start_byte, name, 0))
            yield from self._inside(node, context)
        elif kind == grammar.STAB_CLAUSE:
            scope = plain.within(node.end_byte)
            left, right = (node.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
            for child, inner in ((left, scope.pattern()), (right, scope)):
                if child is not None:
                    yield child, inner
        elif kind in _BLOCKS:
            yield from self._inside(node, plain.within(node.end_byte))

    def _inside(self, node: Node, context: "_Context") -> Iterator[tuple[Node, "_Context"]]:
        for child in node.named_children:
            yield child, context

    def _bare(self, node: Node, context: "_Context") -> None:
        name = identifier_text(self.source, node)
        if context.is_pattern:
            self.bound.append(_Use(node.start_byte, name, -1))
        elif not context.names_only:
            arity = context.piped or -1
            self.calls.append(_Use(node.start_byte, name, arity))

    def _call(self, node: Node, context: "_Context") -> Iterator[tuple[Node, "_Context"]]:
        children = node.named_children
        target, rest = children[0], children[1:]
        plain = context.plain()
        if target.kind_id != grammar.IDENTIFIER:
            self._remote(node, target, rest, context)
            yield target, plain
            for child in rest:
                yield child, plain
            return
        name = identifier_text(self.source, target)
        arguments = next((each for each in rest if each.kind_id == grammar.ARGUMENTS), None)
        given = [] if arguments is None else grammar.parts(arguments)
        if name in _DEFINES and given and not context.names_only:
            if self._is_asked(node):
                inner = plain.within(node.end_byte)
                yield from self._head(given[0], inner)
                for child in [*given[1:], *(each for each in rest if each != arguments)]:
                    yield child, inner
            return
        if name in ("alias", "import", "require"):
            self._directive(name, node, given, context)
        elif name in ("defmodule", "defprotocol") and given:
            self._nested(node, given[0], context)
        if name in ("unquote", "unquote_splicing"):
            plain = plain.with_values()
        if not context.names_only:
            arity = len(given) + context.piped + (rest[-1:] != [] and _is_block(rest[-1]))
            self.calls.append(_Use(node.start_byte, name, arity))
        inner = plain.with_names_only() if name == "quote" else context.unpiped()
        if name in ("unquote", "unquote_splicing"):
            inner = plain
        for child in rest:
            yield child, inner

    def _remote(self, node: Node, target: Node, rest: list[Node], context: "_Context") -> None:
        """Record `Module.function(...)`."""
        if target.kind_id != grammar.DOT or context.names_only:
            return
        left, right = (target.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
        if left is None or right is None or left.kind_id != grammar.ALIAS:
            return
        if right.kind_id == grammar.IDENTIFIER:
            given = grammar.parts(rest[0]) if rest and rest[0].kind_id == grammar.ARGUMENTS else ()
            arity = len(given) + context.piped + (rest[-1:] != [] and _is_block(rest[-1]))
            name = f"{alias_text(self.source, left)}.{identifier_text(self.source, right)}"
            self.remote.append(_Use(node.start_byte, name, arity))

    def _is_asked(self, node: Node) -> bool:
        """Return whether a node overlaps one of the pieces.

        It does if fewer pieces have ended before it than have started before its end.
        """
        ended = bisect_right(self._ends, node.start_byte)
        return ended < bisect_left(self._starts, node.end_byte)

    def _head(self, head: Node, plain: "_Context") -> Iterator[tuple[Node, "_Context"]]:
        """Visit a head: its arguments bind variables; its guard and defaults are code."""
        if head.kind_id == grammar.BINARY_OPERATOR and _operator(self.source, head) == b"when":
            left, right = (head.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
            if left is not None:
                yield from self._head(left, plain)
            if right is not None:
                yield right, plain
        elif head.kind_id == grammar.CALL:
            for child in head.named_children[1:]:
                yield child, plain.pattern()
        elif head.kind_id != grammar.IDENTIFIER:
            for child in head.named_children:
                yield child, plain.pattern()

    def _nested(self, node: Node, name: Node, context: "_Context") -> None:
        """Record an inner module, which is known by the first part of its name."""
        if node.start_byte < self._last_end and name.kind_id == grammar.ALIAS:
            self._count(1)
            short = alias_text(self.source, name).partition(".")[0]
            alias = _Alias(node.start_byte, node.end_byte, context.end)
            self.aliases.setdefault(short, []).append(alias)
        self._last_end = max(self._last_end, node.end_byte)

    def _directive(self, word: str, node: Node, given: list[Node], context: "_Context") -> None:
        """`alias`, `import` and `require`: in effect from here to the end of the block."""
        if not given:
            return
        names = full_names(self.source, given[0], "__MODULE__", Scope())
        self._count(len(names))
        options = {
            text_of(self.source, pair).partition(":")[0]: pair.child_by_field_id(grammar.VALUE)
            for argument in given[1:]
            if argument.kind_id == grammar.KEYWORDS
            for pair in grammar.parts(argument)
        }
        span = (node.end_byte, context.end)
        if word == "import":
            only, but = options.get("only"), options.get("except")
            listed = None if only is None else frozenset(_signatures(self.source, only))
            without = (
                frozenset[Signature]() if but is None else frozenset(_signatures(self.source, but))
            )
            at = node.start_byte
            self.imports += [_Import(at, name, listed, without, *span) for name in names]
            return
        renamed = options.get("as")
        for name in names:
            short = name.rpartition(".")[2]
            if renamed is not None:
                short = text_of(self.source, renamed)
            if renamed is not None or (word == "alias" and short != name):
                self.aliases.setdefault(short, []).append(_Alias(node.start_byte, *span))

    def _count(self, directives: int) -> None:
        self._directives += directives
        if self._directives > MOST_DIRECTIVES:
            raise Unparsable(
                f"more than {MOST_DIRECTIVES} aliases and imports; nobody writes that by hand: "
                "leave the file out"
            )

    def _unary(self, node: Node, plain: "_Context") -> Iterator[tuple[Node, "_Context"]]:
        operand = grammar.named(node, 0)  # the field may be a bracket: `&(f/1)`
        if operand is None:
            return
        sign = _operator(self.source, node)
        if sign == b"@":
            yield from self._attribute(node, operand, plain)
        elif sign == b"&" and (captured := _captured(self.source, operand)) is not None:
            if not plain.names_only:
                self.calls.append(_Use(node.start_byte, *captured))
        elif sign == b"^":
            yield operand, plain.with_values()
        else:
            if not plain.names_only and not plain.is_pattern:
                self.calls.append(_Use(node.start_byte, sign.decode("utf-8", "replace"), 1))
            yield operand, plain

    def _attribute(
        self, node: Node, operand: Node, plain: "_Context"
    ) -> Iterator[tuple[Node, "_Context"]]:
        if operand.kind_id == grammar.IDENTIFIER:
            if not plain.in_quote:
                name = text_of(self.source, operand)
                self.reads.append(_Use(node.start_byte, name, 0))
            return
        target = grammar.named(operand, 0)
        if target is None:
            return
        name = text_of(self.source, target)
        if operand.kind_id == grammar.CALL and target.kind_id == grammar.IDENTIFIER:
            self.sets.append(_Use(node.start_byte, name, 0))
            inner = plain.of_types() if name in _TYPES else plain
            for child in operand.named_children[1:]:
                yield child, inner
        else:
            yield operand, plain

    def _binary(self, node: Node, context: "_Context") -> Iterator[tuple[Node, "_Context"]]:
        sign = _operator(self.source, node)
        left, right = (node.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
        plain = context.plain()
        if sign not in _BINDS and not context.names_only and not context.is_pattern:
            self.calls.append(_Use(node.start_byte, sign.decode("utf-8", "replace"), 2))
        if left is not None:
            binds = sign in _BINDS or (sign == b"when" and context.is_pattern)
            yield left, plain.pattern() if binds else context.unpiped()
        if right is not None:
            if sign in (b"\\\\", b"when"):
                yield right, plain
            else:
                yield right, context.unpiped().behind_pipe() if sign == b"|>" else context.unpiped()


class _Context:
    """The state on the way down: the end of the block, and how names are resolved."""

    __slots__ = ("end", "in_quote", "is_pattern", "names_only", "piped")

    def __init__(
        self, end: int, piped: int, names_only: bool, is_pattern: bool, in_quote: bool = False
    ) -> None:
        self.end, self.piped, self.names_only = end, piped, names_only
        self.is_pattern, self.in_quote = is_pattern, in_quote

    def within(self, end: int) -> "_Context":
        return _Context(end, 0, self.names_only, self.is_pattern, self.in_quote)

    def plain(self) -> "_Context":
        if not self.piped and not self.is_pattern:
            return self
        return _Context(self.end, 0, self.names_only, False, self.in_quote)

    def unpiped(self) -> "_Context":
        if not self.piped:
            return self
        return _Context(self.end, 0, self.names_only, self.is_pattern, self.in_quote)

    def behind_pipe(self) -> "_Context":
        return _Context(self.end, 1, self.names_only, self.is_pattern, self.in_quote)

    def pattern(self) -> "_Context":
        return _Context(self.end, 0, self.names_only, not self.names_only, self.in_quote)

    def with_names_only(self) -> "_Context":
        return _Context(self.end, 0, True, False, True)

    def of_types(self) -> "_Context":
        return _Context(self.end, 0, True, False, self.in_quote)

    def with_values(self) -> "_Context":
        return _Context(self.end, 0, False, False, False)


def _within(uses: list[_Use], spans: Sequence[Span]) -> Iterator[_Use]:
    """Yield the uses inside one of the spans; both are sorted."""
    for start, end in spans:
        place = bisect_right(uses, (start - 1, "\U0010ffff", 0))
        while place < len(uses) and uses[place].at < end:
            yield uses[place]
            place += 1


def _covers(spans: Sequence[Span], position: int) -> bool:
    return any(start <= position < end for start, end in spans)


def _operator(source: bytes, node: Node) -> bytes:
    operator = node.child_by_field_id(grammar.OPERATOR)
    return b"" if operator is None else source[operator.start_byte : operator.end_byte]


def _is_block(node: Node) -> bool:
    return node.kind_id == grammar.DO_BLOCK


def _captured(source: bytes, operand: Node) -> Signature | None:
    """Read `f/1` behind an ampersand."""
    operand = grammar.unwrapped(operand)
    if operand.kind_id != grammar.BINARY_OPERATOR or _operator(source, operand) != b"/":
        return None
    left, right = (operand.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
    if left is None or right is None or right.kind_id != grammar.INTEGER:
        return None
    if left.kind_id not in (grammar.IDENTIFIER, grammar.OPERATOR_IDENTIFIER):
        return None
    arity = text_of(source, right)
    return (identifier_text(source, left), int(arity[:3])) if arity.isdecimal() else None


def _signatures(source: bytes, value: Node) -> Iterator[Signature]:
    """Read `[f: 1, g: 2]`; nothing from `:macros`, `:functions` or `:sigils`."""
    yield from name_arities(source, value)


_UNQUOTE: Final = re.compile(rb"\bunquote(?:_splicing)?\b")
_UNQUOTES: Final = frozenset({b"unquote", b"unquote_splicing"})


def unquotes_outside_quote(source: bytes) -> bool:
    """Return whether there is an `unquote` outside every `quote`.

    Such a fragment uses a value of the module body around the definition (Elixir's documentation of
    Kernel.SpecialForms.quote/2, "Unquote fragments"). Raises Unparsable.
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
