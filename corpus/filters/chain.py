"""All filters, in order."""

from corpus.filters.content import binary, empty, minified, oversized
from corpus.filters.encoding import not_utf8
from corpus.filters.generated import generated
from corpus.filters.origin import not_source_code, vendored
from corpus.filters.verdict import Candidate, Filter, Limits
from corpus.reasons import Reject
from corpus.source import language_of

FILTERS: tuple[Filter, ...] = (
    not_source_code,
    vendored,
    oversized,
    binary,
    not_utf8,
    empty,
    minified,
    generated,
)
"""Cheap ones first, and each may rely on those before it."""


def judge(path: str, raw: bytes, limits: Limits) -> Reject | None:
    """Ask every filter about a file; return the first reason to leave it out, or None."""
    candidate = Candidate(path, raw, language_of(path))
    for ask in FILTERS:
        if reject := ask(candidate, limits):
            return reject
    return None
