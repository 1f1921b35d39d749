"""The text of Erlang's string literals, as the compiler would read it."""

import re
from typing import Final

_STRING: Final = re.compile(r'(~[bBsS]?)?("{3,}[^\n"]*\n|")(.*?)(\n[ \t]*"{3,}|")\Z', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SINGLE: Final = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "e": "\x1b", "d": "\x7f"}
"""The escapes that prose uses (Erlang reference manual, Escape Sequences)."""


def literal_text(literal: str) -> str | None:
    """Return the value of a string literal; None for what is none by itself, such as `"a" "b"`."""
    match = _STRING.match(literal)
    if match is None:
        return None
    sigil, opening, body, closing = match.groups()
    if len(opening) > 1:
        body = re.sub(rf"^[ \t]{{1,{len(closing.strip(chr(34))) - 1}}}", "", body, flags=re.M)
    verbatim = len(opening) > 1 or sigil in ("~", "~B", "~S")
    return body if verbatim else _ESCAPE.sub(_character, body)


def _character(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2)
    if not code:
        return _SINGLE.get(match.group(3), match.group(3))
    value = int(code[:8], 16)
    return chr(value) if value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else match.group()
