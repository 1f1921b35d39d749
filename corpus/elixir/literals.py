"""The text of string literals, as the compiler would read it."""

import re
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar

_ESCAPE: Final = re.compile(
    r"\\(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{1,2})|u\{([0-9a-fA-F]{1,6})\}"
    r"|u([0-9a-fA-F]{4})|(\r?\n)|(.))",
    re.DOTALL,
)
_SINGLE: Final = {
    "0": "\0", "a": "\a", "b": "\b", "d": "\x7f", "e": "\x1b",
    "f": "\f", "n": "\n", "r": "\r", "s": " ", "t": "\t", "v": "\v",
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
    start, end = children[opening].end_byte, children[closing].start_byte
    text = source[start:end].decode("utf-8", "replace")
    if children[opening].end_byte - children[opening].start_byte == 3:
        text = _dedent(text, children[closing].start_point.column)
    raw = opening == 2 and source[children[1].start_byte : children[1].end_byte].isupper()
    return text if raw else unescape(text)


def _dedent(text: str, indentation: int) -> str:
    """Drop the line break after the quotes and the indentation of the closing ones."""
    _, _, body = text.partition("\n")
    if not indentation:
        return body
    return re.sub(rf"^[ \t]{{1,{indentation}}}", "", body, flags=re.MULTILINE)


def unescape(text: str) -> str:
    """Replace escape sequences; those that name no character stay as they are written."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = next((group for group in match.groups()[:4] if group), None)
    if code is not None:
        value = int(code, 16)
        valid = value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
        return chr(value) if valid else match.group()
    if match.group(5):
        return ""
    return _SINGLE.get(match.group(6), match.group(6))
