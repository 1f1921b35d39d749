"""What a filter is asked, and what it may answer."""

from collections.abc import Callable
from dataclasses import dataclass

from corpus.filters.limits import Limits
from corpus.reasons import Reject


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file before it is parsed: its path in the package, its bytes, and its language.

    `language` is None for what is not source code; only the first filter sees such a file.
    """

    path: str
    raw: bytes
    language: str | None


@dataclass(frozen=True, slots=True)
class Redaction:
    """A span that was cut: the rule, and half-open byte offsets into the file as it came."""

    rule: str
    start: int
    end: int


Filter = Callable[[Candidate, Limits], Reject | None]
"""A question with a reason for an answer; None means that the file passes."""
