"""The types of filters: the candidate, the limits, and the result."""

from collections.abc import Callable
from dataclasses import dataclass

from corpus.bounds import check_least
from corpus.reasons import Reject

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Bytes at the beginning of a candidate that have no meaning."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file before it is parsed: its path in the package, its bytes, and its language.

    `language` is None for files that are not source code; only the first filter gets these.
    """

    path: str
    raw: bytes
    language: str | None


@dataclass(frozen=True, slots=True)
class Redaction:
    """A removed span: the rule, and half-open byte offsets into the original file."""

    rule: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits, in bytes of the original file; the measurements are in docs/filters.md.

    Raises ValueError unless all are above 0.
    """

    file: int = 1_048_576
    """Files above this are data: The Stack keeps nothing above 1 MB (Kocetkov et al. 2022)."""
    line_length: int = 1_000
    """StarCoder2's longest line (Lozhkov et al. 2024), but for the median line, because one long
    line is no reason to leave out a file that people wrote.
    """
    encoded: int = 512
    """Encoded spans from this size on are removed. StarCoder2 drops the *file* at 1,024 characters;
    removal affects only the span, so the limit can be lower. A digest has at most 128 characters.
    """
    encoded_numbers: int = 512
    """Byte lists from this many numbers on are removed: twice the size of a table by byte value (an
    S-box, a character class), which is code.
    """

    numbers: int = 1_000
    """Lists and tables from this many numbers or strings on are data, and are removed. Smaller ones
    are tables for computation (CRC-32 has 256 entries, sines by degree 360), and names.
    """
    drawing: int = 2_048
    """The content of an SVG element of this many bytes is removed if it is mostly outlines; icons
    are shorter. From four times this size on, it is removed in any case.
    """
    fixture: int = 16_384
    """Heredocs with a table are removed from this size on, those with JSON from a quarter. The
    longest table that was found to be code is that of plural rules in expo, with 10,173 bytes.
    """
    words: int = 50
    """Guides with fewer words are left out: Gopher's least (Rae et al. 2021)."""
    data_share: float = 0.9
    """A file with more than this share of data in its bytes is left out."""

    def __post_init__(self) -> None:
        """Check that every limit is above 0."""
        check_least(1, self, *(name for name in self.__slots__ if name != "data_share"))
        check_least(0, self, "data_share")


Filter = Callable[[Candidate, Limits], Reject | None]
"""A filter returns a reject with its reason; None means that the file passes."""
