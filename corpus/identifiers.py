"""Columns of SHA-256 digests as arrays of bytes, for lookups without hashing."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

DIGITS = 64
"""Number of hexadecimal digits of a SHA-256 digest."""
PREFIXES = 1 << 16
"""Number of prefixes: a prefix is the first four digits of an identifier, read as a number."""

_VALUES = np.zeros(256, dtype=np.uint16)
_VALUES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)

Identifiers = npt.NDArray[np.bytes_]
Prefixes = npt.NDArray[np.uint16]


def identifiers(column: pa.Array | pa.ChunkedArray) -> Identifiers:
    """Return a string column without nulls as an array with 64 bytes per entry.

    Raises pyarrow.ArrowInvalid for a value of another length.
    """
    whole: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    fixed = whole.cast(pa.binary(DIGITS))
    values = np.frombuffer(fixed.buffers()[1], dtype=f"S{DIGITS}")
    return values[fixed.offset : fixed.offset + len(fixed)]


def among(known: npt.NDArray[Any], asked: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which of some values a sorted array contains.

    The array is searched; `np.isin` would sort it again in each call.
    """
    if not len(known):
        return np.zeros(len(asked), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.asarray(known[places] == asked)


def prefixes(column: pa.Array | pa.ChunkedArray) -> Prefixes:
    """Return the first four digits of every identifier as a number, in the order of identifiers."""
    values = identifiers(column)
    digits = _VALUES[values.view(np.uint8).reshape(-1, DIGITS)[:, :4]]
    numbers: Prefixes = digits @ np.array([1 << 12, 1 << 8, 1 << 4, 1], dtype=np.uint16)
    return numbers
