"""Cut modules and functions out of a file so that they can stand alone."""

import re
from collections.abc import Sequence
from typing import Any

BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")
CODE = re.compile(rb"^[ \t]*[^#\s]", re.MULTILINE)


def clauses_of(text: bytes, clauses: Sequence[dict[str, Any]]) -> str:
    """Return all clauses of a function, given as rows of `schema.CLAUSE`.

    Comments and blank lines between clauses stay; attributes and other functions there do not.
    """
    pieces, previous = [], None
    for clause in clauses:
        start = line_start(text, clause["start_byte"])
        if previous is not None:
            pieces.append(between(text[previous:start]))
        pieces.append(text[start : clause["end_byte"]])
        previous = clause["end_byte"]
    return dedented(b"".join(pieces))


def between(gap: bytes) -> bytes:
    """Return what stands between two clauses: the gap itself unless it holds code."""
    if CODE.search(gap):
        return b"\n\n" if BLANK_LINE.search(gap) else b"\n"
    return gap if b"\n" in gap else b"\n"


def lines_of(text: bytes, first: int, last: int) -> str:
    """Return the lines from `first` to `last`, counted from 1, both included."""
    start, end = span_of_lines(text, first, last)
    return dedented(text[start:end])


def span_of_lines(text: bytes, first: int, last: int) -> tuple[int, int]:
    """Return the bytes of the lines from `first` to `last`, without the last line break."""
    lines = text.split(b"\n")
    start = sum(map(len, lines[: first - 1])) + first - 1
    return start, start + sum(map(len, lines[first - 1 : last])) + last - first


def line_start(text: bytes, position: int) -> int:
    """Return where the line of a position starts if only blanks stand before it there."""
    start = text.rfind(b"\n", 0, position) + 1
    return position if text[start:position].strip() else start


def dedented(source: bytes) -> str:
    r"""Return source with the indentation of its first line taken from every line.

    Unlike textwrap.dedent this leaves lines alone that are indented less, such as the text of a
    string that runs over lines. Line ends become `\n`.
    """
    text = source.decode().replace("\r\n", "\n")
    indentation = text[: len(text) - len(text.lstrip(" \t"))]
    lines = (line.removeprefix(indentation) for line in text.split("\n"))
    return "\n".join(lines).strip("\n")
