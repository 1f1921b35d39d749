"""Full names of modules: aliases, `__MODULE__`, atoms.

A name that only running the code could tell (a variable, `unquote`, an attribute) is None, and
what it names is not listed. Aliases are lexical: a block sees those of the blocks around it.
"""

import re
import unicodedata
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.literals import unescape

LONGEST_NAME: Final = 255
"""Characters in an atom, the limit of the Erlang runtime; a longer name cannot exist."""

_PLAIN_ATOM: Final = re.compile(r"[^\W\d][\w@]*[?!]?")
_ALIAS_ATOM: Final = re.compile(r"Elixir(?:\.[^\W\d_]\w*)+")


class Scope:
    """The aliases of one block, chained to the block around it and filled as the walk goes on."""

    __slots__ = ("aliases", "parent")

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.aliases: dict[str, str] = {}
        # A scope that will never hold an alias need not be asked, so chains stay short.
        while parent is not None and not parent.aliases and parent.parent is not None:
            parent = parent.parent
        self.parent: Scope | None = parent

    def expand(self, name: str) -> str | None:
        """Return the full name of `name` as it is written, None if it is too long to exist."""
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
    """Return the name at `node` as the compiler knows it: in Normalization Form C.

    Elixir's reference page "Unicode syntax": two ways to write `é` are one name.
    """
    text = text_of(source, node)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def unquoted_name(source: bytes, call: Node) -> str | None:
    """Return the name in `unquote(:name)`, which is known without running anything; else None."""
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
    """Tell whether an atom is what an alias stands for: Elixir, then names that begin large."""
    return _ALIAS_ATOM.fullmatch(atom) is not None and all(
        segment[0].isupper() for segment in atom.split(".")
    )


def full_name(source: bytes, node: Node, module: str | None, scope: Scope) -> str | None:
    """Return the full name that `node` stands for in `module`, None where only running tells."""
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
