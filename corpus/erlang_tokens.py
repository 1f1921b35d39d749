"""The tokens of Erlang terms: names, numbers, strings and marks."""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

LONGEST_NUMBER = 1_000
"""Maximum length of a number, because conversion takes quadratic time."""
LONGEST_ATOM = 255
"""Maximum length of an atom, the limit of Erlang."""
KEYWORDS = """
after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let not of or
orelse receive rem try when xor
"""
RESERVED = frozenset(KEYWORDS.split())
"""Reserved words, which are atoms only in quotes."""

SKIPPED = re.compile(r"(?:[\x00-\x20\x80-\xa0]+|%[^\n]*)*")
TOKEN = re.compile(
    r"""
      (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<quoted>'(?:[^'\\]|\\.)*')
    | (?P<character>\$(?:\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|\^.|.)|[^\\]))
    | (?P<float>[0-9](?:_?[0-9])*\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9]+)?)
    | (?P<based>[0-9]{1,2}\#[0-9A-Za-z](?:_?[0-9A-Za-z])*)
    | (?P<integer>[0-9](?:_?[0-9])*)
    | (?P<atom>[a-z\xdf-\xf6\xf8-\xff][0-9A-Za-z_@\xc0-\xd6\xd8-\xf6\xf8-\xff]*)
    | (?P<stop>\.(?=[\x00-\x20\x80-\xa0%]|\Z))
    | (?P<mark><<|>>|=>|\#\{|[\[\]{},/|:+-])
    """,
    re.VERBOSE | re.DOTALL,
)
ESCAPE = re.compile(
    r"\\(?:x\{(?P<braced>[0-9A-Fa-f]+)\}|x(?P<pair>[0-9A-Fa-f]{2})|(?P<octal>[0-7]{1,3})"
    r"|\^(?P<control>.)|(?P<plain>.))",
    re.DOTALL,
)
NAMED_ESCAPES = dict(zip("bdefnrstv", "\b\x7f\x1b\f\n\r \t\v", strict=True))


class Token(NamedTuple):
    """One lexical token.

    The kind of a mark is its text; the kind of the end of the text is "end".
    """

    kind: str
    text: str
    offset: int


def scan(text: str, offset: int) -> Token:
    """Return the first token at or after `offset`; its kind is "unreadable" if there is no valid
    token.
    """
    start = SKIPPED.match(text, offset).end()  # type: ignore[union-attr]
    match = TOKEN.match(text, start)
    if match is None:
        rest = text[start : start + 20]
        return Token("unreadable" if rest else "end", rest, start)
    kind = match.lastgroup or ""
    return Token(match.group() if kind == "mark" else kind, match.group(), start)


def unescaped(text: str) -> str:
    """Return the inside of a quoted token with its escapes resolved. Raises ValueError."""
    return ESCAPE.sub(escaped_character, text) if "\\" in text else text


def escaped_character(match: re.Match[str]) -> str:
    """Return the character of an escape; raises ValueError for an invalid one."""
    if hexadecimal := match["braced"] or match["pair"]:
        return scalar_value(int(hexadecimal, 16))
    if match["octal"]:
        return chr(int(match["octal"], 8))
    if match["control"]:
        return chr(ord(match["control"]) & 0x1F)
    if match["plain"] == "x":
        raise ValueError(match.group())
    return NAMED_ESCAPES.get(match["plain"], match["plain"])


def scalar_value(point: int) -> str:
    """Return the character of a code point; raises ValueError for an invalid one."""
    if 0xD800 <= point <= 0xDFFF:
        raise ValueError(f"{point:#x} is half a surrogate pair")
    if point > 0x10FFFF:
        raise ValueError(f"{point:#x} is beyond Unicode")
    return chr(point)


def based_integer(text: str) -> int:
    """Convert `BASE#DIGITS`; raises ValueError for a base not in 2..36 or a digit too large."""
    base, digits = text.split("#")
    if int(base) < 2:
        raise ValueError(f"there is no base {base}")
    return int(digits, int(base))


def finite_float(text: str) -> float:
    """Convert a float; raises ValueError if it is too large, because Erlang has no infinities."""
    value = float(text)
    if math.isinf(value):
        raise ValueError("out of range")
    return value


def character(text: str) -> int:
    """Return the code point of `$c`; raises ValueError if its escape is invalid."""
    return ord(unescaped(text[1:]))


def described(token: Token) -> str:
    """Return a token as an error message shows it."""
    return KINDS.get(token.kind, repr(token.text[:20]))


def named(kind: str) -> str:
    """Return a kind of token as an error message shows it."""
    return KINDS.get(kind, repr(kind))


KINDS = {"stop": "a full stop", "end": "the end of the text"}
NUMBERS: dict[str, Callable[[str], int | float]] = {
    "integer": int,
    "based": based_integer,
    "float": finite_float,
    "character": character,
}
