"""Reading of single terms: heads of definitions, names of modules, string literals.

Each result is what the compiler would read. A name that is only known at run time (a variable,
`unquote`, an attribute) is None, and its definition is not listed. Aliases are lexical: a block
sees those of the blocks around it.
"""

import re
import unicodedata
from typing import Final, NamedTuple

from tree_sitter import Node

from corpus.elixir import grammar

_NAME_AND_PARENTHESIS: Final = re.compile(rb"([a-z_][a-zA-Z0-9_]*[?!]?)\(")


class Head(NamedTuple):
    """The parts of a head; `guard` is the text after `when`, as it is written."""

    name: str
    arity: int
    defaults: int
    guard: str | None


def read_head(source: bytes, node: Node) -> Head | None:
    """Read the head at `node`; None if the name or the arity is only known at run time.

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
    """`name(...)`, or `name a, b`; the common case reads one node only."""
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
    """Return the called name, or the atom in `unquote(:name)(...)`."""
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
    """Return the arguments and the number of defaults; None if an argument is spliced in."""
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


LONGEST_NAME: Final = 255
"""Maximum length of an atom in the Erlang runtime; a longer name cannot exist."""

_PLAIN_ATOM: Final = re.compile(r"[^\W\d][\w@]*[?!]?")
_ALIAS_ATOM: Final = re.compile(r"Elixir(?:\.[^\W\d_]\w*)+")


class Scope:
    """The aliases of one block, chained to the block around it, and filled during the walk."""

    __slots__ = ("aliases", "parent")

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.aliases: dict[str, str] = {}
        # A scope without aliases is skipped, so chains stay short.
        while parent is not None and not parent.aliases and parent.parent is not None:
            parent = parent.parent
        self.parent: Scope | None = parent

    def expand(self, name: str) -> str | None:
        """Return the full name of `name` as it is written, or None if it is too long."""
        first, dot, rest = name.partition(".")
        if first == "Elixir":
            return (rest or first) if len(rest) <= LONGEST_NAME else None
        full = self._lookup(first) + dot + rest
        return full if len(full) <= LONGEST_NAME else None

    def _lookup(self, first: str) -> str:
        scope: Scope | None = self
        while scope is not None:
            if first in scope.aliases:
                return scope.aliases[first]
            scope = scope.parent
        return first


def text_of(source: bytes, node: Node) -> str:
    """Return the source of `node`; bytes that are not UTF-8 become U+FFFD."""
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def identifier_text(source: bytes, node: Node) -> str:
    """Return the name at `node` in Normalization Form C, as in the compiler.

    Elixir's reference page "Unicode syntax": two ways to write `é` are one name.
    """
    text = text_of(source, node)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def unquoted_name(source: bytes, call: Node) -> str | None:
    """Return the name in `unquote(:name)`, which is known without evaluation; else None."""
    value = grammar.arguments(call)[1]
    if value is None:
        return None
    value = grammar.unwrapped(value)
    if value.kind_id == grammar.ATOM:
        return identifier_text(source, value).removeprefix(":")
    return quoted_atom(source, value) if value.kind_id == grammar.QUOTED_ATOM else None


def quoted_atom(source: bytes, node: Node) -> str | None:
    """Return the text of `:"an atom"`; None for one with interpolation."""
    if any(part.kind_id == grammar.INTERPOLATION for part in node.named_children):
        return None
    return unescape(source[node.start_byte + 2 : node.end_byte - 1]).decode("utf-8", "replace")


def alias_text(source: bytes, node: Node) -> str:
    """Join the segments of an alias node without the white space around the dots."""
    text = text_of(source, node)
    return text if text.isalnum() else "".join(text.split())


def atom_name(source: bytes, node: Node) -> str | None:
    """Name the module of an atom: `:gen_server` stays, `:"Elixir.Foo"` is Foo."""
    if node.kind_id == grammar.QUOTED_ATOM:
        quoted = quoted_atom(source, node)
        if quoted is None:
            return None
        name = quoted
    else:
        name = identifier_text(source, node)[1:]
    if name == "Elixir" or is_alias(name):
        return name.removeprefix("Elixir.")
    if _PLAIN_ATOM.fullmatch(name):
        return f":{name}"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f':"{escaped}"'


def is_alias(atom: str) -> bool:
    """Return whether an atom is the value of an alias: Elixir, then capitalised names."""
    return _ALIAS_ATOM.fullmatch(atom) is not None and all(
        segment[0].isupper() for segment in atom.split(".")
    )


def full_name(source: bytes, node: Node, module: str | None, scope: Scope) -> str | None:
    """Return the full name of `node` in `module`; None if it is only known at run time."""
    node = grammar.unwrapped(node)
    kind = node.kind_id
    if kind == grammar.ALIAS:
        return scope.expand(alias_text(source, node))
    if kind in (grammar.ATOM, grammar.QUOTED_ATOM):
        return atom_name(source, node)
    if kind == grammar.IDENTIFIER and text_of(source, node) == "__MODULE__":
        return module
    if kind == grammar.DOT:
        return _below_current(source, node, module)
    return None


def _below_current(source: bytes, node: Node, module: str | None) -> str | None:
    """`__MODULE__.Foo.Bar`."""
    left, right = node.child_by_field_id(grammar.LEFT), node.child_by_field_id(grammar.RIGHT)
    if left is None or right is None or module is None or right.kind_id != grammar.ALIAS:
        return None
    if text_of(source, left) != "__MODULE__":
        return None
    name = f"{module}.{alias_text(source, right)}"
    return name if len(name) <= LONGEST_NAME else None


def full_names(source: bytes, node: Node, module: str | None, scope: Scope) -> list[str]:
    """Like `full_name`, for `Foo.{A, B}` too, which stands for several modules."""
    node = grammar.unwrapped(node)
    if node.kind_id == grammar.DOT:
        right = node.child_by_field_id(grammar.RIGHT)
        if right is not None and right.kind_id == grammar.TUPLE:
            return _braces(source, node, right, module, scope)
    name = full_name(source, node, module, scope)
    return [] if name is None else [name]


def _braces(source: bytes, node: Node, braces: Node, module: str | None, scope: Scope) -> list[str]:
    left = node.child_by_field_id(grammar.LEFT)
    prefix = None if left is None else full_name(source, left, module, scope)
    if prefix is None:
        return []
    inside = (part for part in grammar.parts(braces) if part.kind_id == grammar.ALIAS)
    names = (f"{prefix}.{alias_text(source, part)}" for part in inside)
    return [name for name in names if len(name) <= LONGEST_NAME]


_ESCAPE: Final = re.compile(
    rb"\\(?:x([0-9a-fA-F]{2})|[xu]\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|(\r?\n)|(.))",
    re.DOTALL,
)
_OPENING: Final = re.compile(rb"(?:~([a-z]|[A-Z][A-Z0-9]*))?(\"\"\"|'''|.)", re.DOTALL)
_STRINGS: Final = (None, b"s", b"S")
_MODIFIERS: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SINGLE: Final = {
    b"0": b"\0", b"a": b"\a", b"b": b"\b", b"d": b"\x7f", b"e": b"\x1b",
    b"f": b"\f", b"n": b"\n", b"r": b"\r", b"s": b" ", b"t": b"\t", b"v": b"\v",
}  # fmt: skip
"""Elixir's one-letter escapes (the reference page "Syntax reference", Strings)."""


def literal_text(source: bytes, node: Node) -> str | None:
    """Return the value of a string or of a sigil that makes one (`~s`, `~S`).

    Returns None for any other node, and for interpolation. A heredoc loses its indentation; sigils
    with capital letters keep their backslashes.
    """
    kind = node.kind_id
    if kind not in (grammar.STRING, grammar.SIGIL):
        return None
    literal = source[node.start_byte : node.end_byte]
    opening = _OPENING.match(literal)
    if opening is None:
        return None
    sigil, quotes = opening.groups()
    if sigil not in _STRINGS:
        return None
    closing = len(literal.rstrip(_MODIFIERS) if sigil else literal) - len(quotes)
    text = literal[opening.end() : closing]
    if b"#{" in text and any(part.kind_id == grammar.INTERPOLATION for part in node.named_children):
        return None
    if len(quotes) == 3:
        text = _dedent(text)
    return (text if sigil and sigil.isupper() else unescape(text)).decode("utf-8", "replace")


def _dedent(text: bytes) -> bytes:
    """Drop the line break after the quotes and the indentation of the closing ones."""
    body, _, margin = text.rpartition(b"\n")
    body += b"\n"
    # As a rule every line is blank or indented; then counting and replacing is 20 times faster.
    if not margin.strip(b" ") and _all_indented(body, b"\n" + margin):
        body = body.replace(b"\n" + margin, b"\n")
    else:
        body = re.sub(rb"\n[ \t]{0,%d}" % len(margin), b"\n", body)
    return body.partition(b"\n")[2]


def _all_indented(body: bytes, margin: bytes) -> bool:
    """Return whether every line break except the last is before another one or the margin."""
    return body.count(margin) + body.count(b"\n\n") == body.count(b"\n") - 1


def unescape(text: bytes) -> bytes:
    """Replace escape sequences; invalid ones stay as they are written."""
    return _ESCAPE.sub(_character, text) if b"\\" in text else text


def _character(match: re.Match[bytes]) -> bytes:
    byte, braced, short, line_break, letter = match.groups()
    if byte:
        return bytes([int(byte, 16)])
    if braced or short:
        value = int(braced or short, 16)
        valid = value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
        return chr(value).encode() if valid else match.group()
    return b"" if line_break else _SINGLE.get(letter, letter)
