"""What a filter is asked, the thresholds it goes by, and what it may answer."""

from collections.abc import Callable
from dataclasses import dataclass

from corpus.bounds import check_least
from corpus.reasons import Reject

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What may begin a candidate and says nothing."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Lengths in bytes of the file as it came; the measurements stand in docs/filters.md.

    Raises ValueError unless all are above 0.
    """

    file: int = 1_048_576
    """Files above this are data: The Stack keeps nothing above 1 MB (Kocetkov et al. 2022)."""
    line_length: int = 1_000
    """StarCoder2's longest line (Lozhkov et al. 2024), asked of the median line, because one
    long line is no reason to lose a file that people wrote."""
    encoded: int = 512
    """Encoded spans from here on are cut out. StarCoder2 drops the *file* at 1,024 characters;
    cutting costs only the span, so it can begin earlier. A digest has at most 128 characters."""
    encoded_numbers: int = 512
    """Byte lists from this many numbers on are cut out: twice the size of a table by byte value
    (an S-box, a character class), which is code."""

    numbers: int = 1_000
    """Lists and tables from this many numbers or strings on are data, and cut out. Below are the
    tables that code computes with (CRC-32 has 256 entries, sines by degree 360), and names."""
    drawing: int = 2_048
    """An SVG element of this many bytes, mostly outlines, loses its content; icons are shorter. One
    of four times as many loses it whatever it draws."""
    fixture: int = 16_384
    """Heredocs of a table are cut from this size on, those of JSON from a quarter. The longest
    table that was found to be code is expo's of plural rules, with 10,173 bytes."""
    data_share: float = 0.9
    """Above this share of data in its bytes a file is left out: what remains is a frame."""

    def __post_init__(self) -> None:
        """Check that every limit lets something through."""
        check_least(1, self, *(name for name in self.__slots__ if name != "data_share"))
        check_least(0, self, "data_share")


Filter = Callable[[Candidate, Limits], Reject | None]
"""A question with a reason for an answer; None means that the file passes."""
