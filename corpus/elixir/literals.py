"""The text of string literals, as the compiler would read it."""

import re
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar

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

    None for any other node, and for interpolation, whose value only running could tell. A heredoc
    loses its indentation; sigils with capital letters keep their backslashes.
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
    """Say whether every line break but the last stands before another one or the margin."""
    return body.count(margin) + body.count(b"\n\n") == body.count(b"\n") - 1


def unescape(text: bytes) -> bytes:
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
