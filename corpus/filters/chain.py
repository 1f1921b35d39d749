"""All filters, in order, with the short ones.

The first filters check the origin of a file: is it source code, and does it belong to this package?
The others check whether people wrote its content.
"""

import re
import statistics

from corpus.filters.encoding import not_utf8
from corpus.filters.generated import CODE, first_code, generated
from corpus.filters.verdict import BYTE_ORDER_MARK, Candidate, Filter, Limits
from corpus.reasons import Reason, Reject, Stage
from corpus.source import PROSE, foreign_folder, language_of
from corpus.untrusted import quoted

VENDORED_HEAD = re.compile(rb"%% Vendored from \w+ v[^\n]+, do not edit manually")
"""First line of the copies that hex_core's vendor script makes (rebar3, Hex and others)."""
ANYTHING = re.compile(rb"\S")


def judge(path: str, raw: bytes, limits: Limits) -> Reject | None:
    """Run the filters on a file; return the first reason to leave it out, or None."""
    candidate = Candidate(path, raw, language_of(path))
    for ask in FILTERS:
        if reject := ask(candidate, limits):
            return reject
    return None


def not_source_code(candidate: Candidate, limits: Limits) -> Reject | None:
    """Files that are not a module, a script, a template or a guide of the ecosystem."""
    if candidate.language is None:
        return Reject(Stage.FILTER, Reason.NOT_SOURCE_CODE, candidate.path.rpartition("/")[2])
    return None


def vendored(candidate: Candidate, limits: Limits) -> Reject | None:
    """Vendored code: it belongs to another package, with its own licence."""
    if folder := foreign_folder(candidate.path):
        return Reject(Stage.FILTER, Reason.VENDORED, folder)
    if candidate.raw.startswith(b"%% V") and (head := VENDORED_HEAD.match(candidate.raw)):
        return Reject(
            Stage.FILTER, Reason.VENDORED, quoted(head[0].decode("utf-8", "replace"), 200)
        )
    return None


def oversized(candidate: Candidate, limits: Limits) -> Reject | None:
    """Files that are too large to be written by hand."""
    size = len(candidate.raw)
    if size <= limits.file:
        return None
    return Reject(Stage.FILTER, Reason.OVERSIZED, f"{size} bytes, the limit is {limits.file}")


def binary(candidate: Candidate, limits: Limits) -> Reject | None:
    """Binary files: no source file has a NUL, but every UTF-16 file and most binary files do."""
    position = candidate.raw.find(b"\0")
    return None if position < 0 else Reject(Stage.FILTER, Reason.BINARY, f"NUL at byte {position}")


def empty(candidate: Candidate, limits: Limits) -> Reject | None:
    """Files with only blanks and comments."""
    raw = candidate.raw.removeprefix(BYTE_ORDER_MARK)
    if candidate.language in CODE:
        if first_code(raw, candidate.language) is not None:
            return None
    elif ANYTHING.search(raw):
        return None
    return Reject(
        Stage.FILTER, Reason.EMPTY, "only comments" if raw.strip() else "nothing but blanks"
    )


def too_short(candidate: Candidate, limits: Limits) -> Reject | None:
    """Guides that say nearly nothing, such as the README of a template."""
    if candidate.language not in PROSE:
        return None
    words = len(candidate.raw.split(maxsplit=limits.words))
    if words >= limits.words:
        return None
    return Reject(
        Stage.FILTER, Reason.TOO_SHORT, f"{words} words, at least {limits.words} are asked"
    )


def minified(candidate: Candidate, limits: Limits) -> Reject | None:
    """Minified source: most lines are far longer than in code that people write.

    Half of the lines must be longer than the limit, so a file with too few bytes for that passes
    without a check of its lines. In most files the first eighth has enough lines to decide.
    """
    raw = candidate.raw
    if candidate.language in PROSE:  # A paragraph may be a line.
        return None
    for end in (len(raw) // 8, len(raw)):
        lines = raw.count(b"\n", 0, end) + 1
        if len(raw) <= limits.line_length * (lines // 2):
            return None
    median = median_line_length(raw)
    if median <= limits.line_length:
        return None
    return Reject(Stage.FILTER, Reason.MINIFIED, f"the median line has {median:.0f} bytes")


def median_line_length(raw: bytes) -> float:
    """Return the median length of all lines in bytes; 0.0 for an empty file."""
    return float(statistics.median([len(line) for line in raw.splitlines()] or [0]))


FILTERS: tuple[Filter, ...] = (
    not_source_code,
    vendored,
    oversized,
    binary,
    not_utf8,
    empty,
    too_short,
    minified,
    generated,
)
"""Cheap filters are first, and each may rely on those before it."""
