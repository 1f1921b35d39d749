"""The value of Erlang's string literals and quoted atoms, as the compiler would read them.

Rules: Erlang reference manual, Data Types (escape sequences, triple-quoted strings, sigils; the
latter two since OTP 27, EEP 64 and EEP 66).
"""

import re
from typing import Final

from corpus.erlang_tokens import ESCAPE, escaped_character

_OPENING: Final = re.compile(r'(?:~([bBsS]?))?(?:("{3,})[^\n"]*\n|.)', re.DOTALL)
_VERBATIM: Final = frozenset("BS")


def literal_text(literal: str) -> str | None:
    """Return the value of one string literal, with or without a sigil; None if it is none."""
    opening = _OPENING.match(literal)
    if opening is None:
        return None
    sigil, quotes = opening.groups()
    if quotes is None:
        text = literal[opening.end() : -1]
        return text if sigil in _VERBATIM else unescaped(text)
    text = _dedent(literal[opening.end() :], len(quotes))
    return unescaped(text) if sigil in ("b", "s") else text


def _dedent(text: str, quotes: int) -> str:
    """Drop the line of the closing quotes, the line break before it and its indentation."""
    body, _, last = text.rpartition("\n")
    margin = len(last) - quotes
    body = body.removesuffix("\r")
    return re.sub(rf"^[ \t]{{1,{margin}}}", "", body, flags=re.MULTILINE) if margin > 0 else body


def unescaped(text: str) -> str:
    """Resolve escape sequences; those that name no character stay as they are written."""
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    try:
        return escaped_character(match)
    except ValueError:
        return match.group()
