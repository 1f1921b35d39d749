"""Cut modules and functions out of a file so that they can stand alone."""

import re
from collections.abc import Sequence
from itertools import accumulate

from corpus.rows import ClauseRow

BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")
NEAR = 4096
"""Bytes that are looked at around a place: a line can be as long as a file."""
CODE = re.compile(rb"^[ \t]*[^#\s]", re.MULTILINE)


def clauses_of(text: bytes, clauses: Sequence[ClauseRow]) -> str:
    """Return all clauses of a function, given as rows of `tables.CLAUSE`.

    Comments and blank lines between clauses stay; attributes and other functions there do not.
    """
    pieces, previous = [], None
    for clause in clauses:
        start = line_start(text, clause["start_byte"])
        if previous is not None:
            pieces.append(between(text, previous, start))
        pieces.append(text[start : clause["end_byte"]])
        previous = clause["end_byte"]
    return dedented(b"".join(pieces))


def between(text: bytes, start: int, end: int) -> bytes:
    """Return what stands between two clauses: the gap itself unless it holds code.

    The gaps of many functions may hold most of a file, so of one with code only the beginning is
    looked at for a blank line.
    """
    beginning = text[start : min(end, start + NEAR)]
    gap = beginning if CODE.search(beginning) else text[start:end]
    if CODE.search(gap):
        return b"\n\n" if BLANK_LINE.search(beginning) else b"\n"
    return gap if b"\n" in gap else b"\n"


def line_starts(text: bytes) -> list[int]:
    """Return where every line begins, and where one more line would."""
    lengths = (len(line) + 1 for line in text.split(b"\n"))
    return list(accumulate(lengths, initial=0))


def line_start(text: bytes, position: int) -> int:
    """Return where the line of a position starts if only blanks stand before it there."""
    before = text[max(0, position - NEAR) : position]
    start = position - len(before) + len(before.rstrip(b" \t\r\f\v"))
    return start if text[start - 1 : start] in (b"\n", b"") else position


def dedented(source: bytes) -> str:
    r"""Return source with the indentation of its first line taken from every line.

    Unlike textwrap.dedent this leaves lines alone that are indented less, such as the text of a
    string that runs over lines. Line ends become `\n`.
    """
    text = source.decode().replace("\r\n", "\n")
    indentation = text[: len(text) - len(text.lstrip(" \t"))]
    lines = (line.removeprefix(indentation) for line in text.split("\n"))
    return "\n".join(lines).strip("\n")
