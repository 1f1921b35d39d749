"""Filters that ask whether people wrote what is in a file."""

import re
import statistics

from corpus.filters.encoding import BYTE_ORDER_MARK
from corpus.filters.verdict import Candidate, Limits
from corpus.reasons import Reason, Reject, Stage

CODE = {"elixir": rb"[ \t]*[^#\s]", "erlang": rb"[ \t]*[^%\s]"}
"""How a line begins that is more than a comment (or, in a script, its #! line)."""
FIRST_LINE = {language: re.compile(code) for language, code in CODE.items()}
LATER_LINE = {language: re.compile(rb"\n" + code) for language, code in CODE.items()}
"""The same with the line end before it: a literal first byte is found several times as fast."""
ANYTHING = re.compile(rb"\S")


def oversized(candidate: Candidate, limits: Limits) -> Reject | None:
    """Too large to have been written by hand."""
    size = len(candidate.raw)
    if size <= limits.file:
        return None
    return Reject(Stage.FILTER, Reason.OVERSIZED, f"{size} bytes, the limit is {limits.file}")


def binary(candidate: Candidate, limits: Limits) -> Reject | None:
    """Bytes for machines: no source file has a NUL, every UTF-16 and most binary files do."""
    position = candidate.raw.find(b"\0")
    return None if position < 0 else Reject(Stage.FILTER, Reason.BINARY, f"NUL at byte {position}")


def empty(candidate: Candidate, limits: Limits) -> Reject | None:
    """Nothing but blanks and comments."""
    raw = candidate.raw.removeprefix(BYTE_ORDER_MARK)
    if candidate.language in CODE:
        if first_code(raw, candidate.language) is not None:
            return None
    elif ANYTHING.search(raw):
        return None
    return Reject(
        Stage.FILTER, Reason.EMPTY, "only comments" if raw.strip() else "nothing but blanks"
    )


def first_code(text: bytes, language: str) -> int | None:
    """Return where the first line begins that is more than a comment, None if there is none."""
    if FIRST_LINE[language].match(text):
        return 0
    found = LATER_LINE[language].search(text)
    return found.start() + 1 if found else None


def minified(candidate: Candidate, limits: Limits) -> Reject | None:
    """Source written for machines: most lines far longer than people write.

    Half of the lines must be longer than the limit, so a file with too few bytes for that is
    through without a look at its lines. Mostly its first eighth has enough of them to tell.
    """
    raw = candidate.raw
    for end in (len(raw) // 8, len(raw)):
        lines = raw.count(b"\n", 0, end) + 1
        if len(raw) <= limits.line_length * (lines // 2):
            return None
    median = median_line_length(raw)
    if median <= limits.line_length:
        return None
    return Reject(Stage.FILTER, Reason.MINIFIED, f"the median line has {median:.0f} bytes")


def median_line_length(raw: bytes) -> float:
    """Return the median length of all lines in bytes, 0.0 for an empty file."""
    return float(statistics.median([len(line) for line in raw.splitlines()] or [0]))
