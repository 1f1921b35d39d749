"""What a template says: the components that it calls, its assigns, and its Elixir expressions.

HEEx is read with its grammar, which is loaded with the first template. EEx is divided by the rules
of EEx.Tokenizer instead: a tag ends at the first `%>`, `<%%` is text, and `<%!--` is a comment up
to `--%>`. (The grammar of tree-sitter-language-pack for it is that of ERB, which has no such
comments.)

Expressions in tags are pieces of one program: `<%= if @a do %>`, a text, `<% end %>`. They are put
one after the other, with `nil` in place of a text between them, as EEx itself compiles them, and
parsed once.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from tree_sitter import Language, Node, Parser, Query, QueryCursor

from corpus.elixir import grammar
from corpus.elixir.terms import Scope
from corpus.extraction import MOST_FRAGMENTS, Component, Extraction, Fragment, Function
from corpus.parsing import Allowance, count_errors, parse, refuse_deep_brackets, unread_bytes

MOST_COMPONENTS: Final = 10_000
"""Components of one template that are listed."""
_QUERY: Final = """
(start_component (component_name) @component)
(self_closing_component (component_name) @component)
(start_slot (slot_name) @slot)
(self_closing_slot (slot_name) @slot)
(expression (expression_value) @braces)
(directive [(expression_value) (partial_expression_value) (ending_expression_value)] @tag)
"""
_RAW: Final = re.compile(rb"<(script|style)(?=[\s>])", re.IGNORECASE)
"""Elements whose braces are text (Phoenix.LiveView's tokenizer)."""
_NEWER: Final = re.compile(rb"(?<=\s):(?=(?:key|type)=[{\"])")
"""Special attributes of LiveView 1.1, which the grammar does not know."""
_VOID: Final = re.compile(
    rb"(<(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)(?=[\s>])"
    rb"(?:[^<>{}\"'/]|/(?!>)|\"[^\"]{0,500}\"|'[^']{0,500}'"
    rb"|\{(?:[^{}]|\{[^{}]{0,500}\})*\}|<%[^%]{0,500}%>)*)>"
)
"""An element of HTML without content, which needs no slash at its end, but in the grammar."""
_ASSIGN: Final = re.compile(rb"@([a-z_][A-Za-z0-9_]*[?!]?)")


class Piece(NamedTuple):
    """One expression: its bytes, half open; `is_tag` for `<%= %>`, else it stands in braces."""

    start: int
    end: int
    is_tag: bool


class Markup(NamedTuple):
    """What a template says; components have no module yet."""

    components: tuple[Component, ...]
    assigns: tuple[str, ...]
    expressions: int
    expressions_parsed: int
    parse_errors: int
    unread_bytes: int

    @property
    def is_parsed(self) -> bool:
        """Whether neither markup nor expressions have an error."""
        return not self.parse_errors and self.expressions == self.expressions_parsed


@cache
def _heex() -> tuple[Parser, Query]:
    import tree_sitter_language_pack

    language: Language = tree_sitter_language_pack.get_language("heex")
    return Parser(language), Query(language, _QUERY)


def extract_heex(source: bytes) -> Extraction:
    """Read a HEEx template. Raises NestedTooDeeply, and Unparsable if a parser cannot finish."""
    refuse_deep_brackets(source)
    return _template(source, "heex", read_heex(source))


def extract_eex(source: bytes) -> Extraction:
    """Read an EEx template of any text. Raises NestedTooDeeply and Unparsable."""
    refuse_deep_brackets(source)
    return _template(source, "eex", read_eex(source))


def _template(source: bytes, language: str, found: Markup) -> Extraction:
    lines = source.count(b"\n") + (not source.endswith(b"\n"))
    whole = _fragment("template", language, (1, max(1, lines), 0, len(source)), found)
    return Extraction(found.parse_errors, (), (), (), found.unread_bytes, (whole,))


def _fragment(
    kind: str,
    language: str,
    place: tuple[int, int, int, int],
    found: Markup,
    holder: tuple[str | None, str | None] = (None, None),
) -> Fragment:
    return Fragment(
        kind,
        language,
        *holder,
        *place,
        found.is_parsed,
        found.components,
        found.assigns,
        found.expressions,
        found.expressions_parsed,
    )


def read_heex(source: bytes) -> Markup:
    """Read HEEx. Raises Unparsable."""
    parser, query = _heex()
    readable = _readable(source)
    root, source = parse(parser, readable).root_node, readable
    captures = QueryCursor(query).captures(root)
    pieces = [
        Piece(node.start_byte, node.end_byte, name == "tag")
        for name in ("tag", "braces")
        for node in captures.get(name, ())
    ]
    named = [
        *((node, False) for node in captures.get("component", ())),
        *((node, True) for node in captures.get("slot", ())),
    ]
    named = [each for each in named if each[0].end_byte > each[0].start_byte]  # else missing
    named.sort(key=lambda each: each[0].start_byte)
    components = tuple(_component(source, *each) for each in named[:MOST_COMPONENTS])
    errors, unread = count_errors(root), unread_bytes(root, readable) if root.has_error else 0
    return Markup(components, *_expressions(source, sorted(pieces)), errors, unread)


def read_eex(source: bytes) -> Markup:
    """Read EEx. Raises Unparsable."""
    tags = list(_tags(source))
    is_open = bool(tags) and tags[-1].end < 0
    pieces = tags[:-1] if is_open else tags
    return Markup((), *_expressions(source, pieces), int(is_open), 0)


def _component(source: bytes, node: Node, is_slot: bool) -> Component:
    name = source[node.start_byte : node.end_byte].decode("utf-8", "replace")
    name = name.lstrip(".:")
    kind = "slot" if is_slot else "remote" if name[:1].isupper() else "local"
    return Component(name, kind, None, node.start_point.row + 1)


def _readable(source: bytes) -> bytes:
    """Return `source` with the same lines without what the grammar does not know."""
    if b":" in source:
        source = _NEWER.sub(b"x", source)
    source = _VOID.sub(rb"\1/>", source)
    spans = list(_raw_spans(source))
    if not spans:
        return source
    text = bytearray(source)
    for start, end in spans:
        while start < end:
            tag = source.find(b"<%", start, end)
            text[start : tag if tag >= 0 else end] = b" " * ((tag if tag >= 0 else end) - start)
            closing = source.find(b"%>", tag, end) if tag >= 0 else -1
            start = closing + 2 if closing >= 0 else end
    return bytes(text)


def _raw_spans(source: bytes) -> Iterator[tuple[int, int]]:
    """Yield the contents of scripts and styles in order; an open one goes on to the end."""
    at = 0
    while opening := _RAW.search(source, at):
        closing = re.compile(rb"</%b" % opening[1], re.IGNORECASE).search(source, opening.end())
        at = len(source) if closing is None else closing.start()
        body = source.find(b">", opening.end(), at) + 1
        yield body or at, at


def _tags(source: bytes) -> Iterator[Piece]:
    """Yield the expressions of EEx in order; one that is not closed ends at -1 and is the last."""
    at = source.find(b"<%")
    while at >= 0:
        start, sign = at + 2, source[at + 2 : at + 3]
        if sign == b"%":
            at = source.find(b"<%", start + 1)
            continue
        closing = b"--%>" if source.startswith(b"!--", start) else b"%>"
        end = source.find(closing, start)
        if end < 0:
            yield Piece(start, -1, True)
            return
        if sign != b"#" and closing == b"%>":
            yield Piece(start + (sign in (b"=", b"/", b"|")), end, True)
        at = source.find(b"<%", end + len(closing))


def _expressions(source: bytes, pieces: list[Piece]) -> tuple[tuple[str, ...], int, int]:
    """Return the assigns of expressions, how many there are, and how many have no error."""
    if not pieces:
        return (), 0, 0
    program, bounds = _program(source, pieces)
    root = parse(grammar.PARSER, program).root_node
    places = [match.start() for match in _ASSIGN.finditer(program)]
    names = set[str]()
    for node in nodes_at(root, places, grammar.UNARY_OPERATOR):
        match = _ASSIGN.match(program, node.start_byte)
        if match is not None:
            names.add(match[1].decode())
    unread = _with_errors(root, bounds) if root.has_error else 0
    return tuple(sorted(names)), len(pieces), len(pieces) - unread


def _program(source: bytes, pieces: list[Piece]) -> tuple[bytes, list[int]]:
    """Return the program that the expressions are together, and where in it each begins."""
    parts, bounds, size, before = list[bytes](), list[int](), 0, 0
    previous = b""
    for piece in pieces:
        code = source[piece.start : piece.end].strip()
        if not piece.is_tag:
            part = b"(\n%b\n)\n" % code
        else:
            # The signs of both tags stand between; what else is there is text.
            text = source[before : piece.start].strip(b"<%=/|>{} \t\r\n")
            filled = (text and previous) or previous.endswith(b"->")
            part = b"%b%b\n" % (b"nil\n" if filled else b"", code)
            previous = code
        parts.append(part)
        bounds.append(size)
        size += len(part)
        before = piece.end
    return b"".join(parts), bounds


def _with_errors(root: Node, bounds: list[int]) -> int:
    """Count the pieces of a program that an error touches."""
    touched, stack = set[int](), [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing or (node.has_error and not node.child_count):
            first = max(0, bisect_right(bounds, node.start_byte) - 1)
            last = max(first + 1, bisect_left(bounds, node.end_byte))
            touched.update(range(first, min(last, len(bounds))))
            if len(touched) == len(bounds):
                break
        elif node.has_error:
            stack.extend(node.children)
    return len(touched)


def nodes_at(root: Node, places: list[int], kind: int) -> Iterator[Node]:
    """Yield the nodes of a kind that begin at one of these bytes, which ascend, in order.

    Only nodes that hold such a byte are entered, and no more than `MOST_NODES` in all.
    """
    allowance, stack = Allowance(), [root]
    while stack and places:
        node = stack.pop()
        first = bisect_left(places, node.start_byte)
        if first == len(places) or places[first] >= node.end_byte or not allowance.spend():
            continue
        if node.kind_id == kind and places[first] == node.start_byte:
            yield node
        stack.extend(reversed(node.named_children))


SIGIL: Final = b"~H"
"""What every file with such a sigil contains."""
_SIGIL: Final = re.compile(rb"~H[\"'(\[{<|/]")


class Holder(NamedTuple):
    """What a sigil may stand in: the bytes of a module or a clause, and the names known there.

    `function` is the clause as name/arity, None for a module.
    """

    start: int
    end: int
    module: str
    function: str | None
    scope: Scope


class Sigils:
    """The `~H` sigils of one Elixir file, and what their components are there.

    A component is that of the module around it if that defines a function of its name and arity 1,
    or else that of the module which an `import` with `only:` takes it from. What macros import is
    not known.
    """

    __slots__ = ("_holders", "_imports", "_source", "offsets")

    def __init__(self, source: bytes) -> None:
        self._source = source
        found = _SIGIL.finditer(source) if SIGIL in source else ()
        self.offsets = [match.start() for match in found]
        self._holders: list[Holder] = []
        self._imports: dict[tuple[str, str], str] = {}

    def hold(self, holder: Holder) -> None:
        """Add a module or a clause that has a sigil in it."""
        self._holders.append(holder)

    def take(self, module: str, name: str, imported: str) -> None:
        """Add a function of arity 1 that a module imports by its name."""
        self._imports[module, name] = imported

    def fragments(self, root: Node, functions: Iterable[Function]) -> tuple[Fragment, ...]:
        """Return every sigil in order, `MOST_FRAGMENTS` at most."""
        if not self.offsets:
            return ()
        known = {(f.module, f.name): f.module for f in functions if f.arity == 1}
        known = {**self._imports, **known}
        holders = sorted(self._holders, key=lambda each: (each.start, -each.end))
        found, stack, line, at, waiting = list[Fragment](), list[Holder](), 1, 0, 0
        for node in islice(nodes_at(root, self.offsets, grammar.SIGIL), MOST_FRAGMENTS):
            start, end = node.start_byte, node.end_byte
            while waiting < len(holders) and holders[waiting].start <= start:
                stack.append(holders[waiting])
                waiting += 1
            while stack and stack[-1].end <= start:
                stack.pop()
            line += self._source.count(b"\n", at, start)
            last = line + self._source.count(b"\n", start, end)
            place = (line, last, start, end)
            found.append(self._read(node, place, stack[-1] if stack else None, known))
            line, at = last, end
        return tuple(found)

    def _read(
        self,
        node: Node,
        place: tuple[int, int, int, int],
        holder: Holder | None,
        known: dict[tuple[str, str], str],
    ) -> Fragment:
        content = next((n for n in node.named_children if n.type == "quoted_content"), None)
        text = b"" if content is None else self._source[content.start_byte : content.end_byte]
        found = read_heex(text)
        # The content of a heredoc begins with the line break behind its quotes.
        before = place[0] - 1
        components = tuple(
            each._replace(line=each.line + before, module=_defined(each, holder, known))
            for each in found.components
        )
        inside = (None, None) if holder is None else (holder.module, holder.function)
        return _fragment("sigil", "heex", place, found._replace(components=components), inside)


def _defined(of: Component, holder: Holder | None, known: dict[tuple[str, str], str]) -> str | None:
    """Return the module that defines a component, None where the file does not tell."""
    if holder is None or of.kind == "slot":
        return None
    if of.kind == "local":
        return known.get((holder.module, of.name))
    return holder.scope.expand(of.name.rpartition(".")[0])
