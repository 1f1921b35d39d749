"""The text of string literals, as the compiler would read it."""

import re
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar

_ESCAPE: Final = re.compile(
    rb"\\(?:x([0-9a-fA-F]{2})|[xu]\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|(\r?\n)|(.))",
    re.DOTALL,
)
_SINGLE: Final = {
    b"0": b"\0", b"a": b"\a", b"b": b"\b", b"d": b"\x7f", b"e": b"\x1b",
    b"f": b"\f", b"n": b"\n", b"r": b"\r", b"s": b" ", b"t": b"\t", b"v": b"\v",
}  # fmt: skip
"""Elixir's one-letter escapes (the reference page "Syntax reference", Strings)."""


def literal_text(source: bytes, node: Node) -> str | None:
    """Return the value of a string or sigil node, with interpolation left as it is written.

    None for any other node. A heredoc loses its indentation; sigils with capital letters keep
    their backslashes.
    """
    if node.kind_id not in (grammar.STRING, grammar.SIGIL):
        return None
    children = node.children
    opening = 0 if node.kind_id == grammar.STRING else 2
    closing = next((i for i in range(len(children) - 1, 0, -1) if not children[i].is_named), 0)
    if closing <= opening:
        return None
    text = source[children[opening].end_byte : children[closing].start_byte]
    if children[opening].end_byte - children[opening].start_byte == 3:
        text = _dedent(text, children[closing].start_point.column)
    raw = opening == 2 and source[children[1].start_byte : children[1].end_byte].isupper()
    return (text if raw else _unescape(text)).decode("utf-8", "replace")


def _dedent(text: bytes, indentation: int) -> bytes:
    """Drop the line break after the quotes and the indentation of the closing ones."""
    body = text[text.find(b"\n") :]
    margin = b"\n" + b" " * indentation
    # As a rule every line is blank or indented; then counting and replacing is 20 times faster.
    if body.count(margin) + body.count(b"\n\n") == body.count(b"\n"):
        return body.replace(margin, b"\n")[1:]
    return re.sub(rb"\n[ \t]{0,%d}" % indentation, b"\n", body)[1:]


def _unescape(text: bytes) -> bytes:
    """Replace escape sequences; those that name no character stay as they are written."""
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
