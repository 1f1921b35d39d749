"""Identifiers: the SWHID of a file, the purl of a package, and columns of digests as arrays.

SWHIDs and purls are what others use too. A SWHID (ISO/IEC 18670) names contents, so a file here is
the same file in the archive of Software Heritage. A purl (ECMA-427) names a package.
"""

import hashlib
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa

DIGITS = 64
"""Number of hexadecimal digits of a SHA-256 digest."""
PREFIXES = 1 << 16
"""Number of prefixes: a prefix is the first four digits of an identifier, read as a number."""

_VALUES = np.zeros(256, dtype=np.uint16)
_VALUES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)

PURL_TYPES = {"hex": "hex", "github": "github"}
"""The type of purl for a source of archives; other sources have none of their own."""

Identifiers = npt.NDArray[np.bytes_]
Prefixes = npt.NDArray[np.uint16]


@lru_cache(maxsize=1 << 14)  # three tables of a bundle ask for each
def document_id(archive_sha256: str, path: str) -> str:
    """Return the id of a file: a digest of its archive and path."""
    return hashlib.sha256(f"{archive_sha256}\0{path}".encode(errors="surrogateescape")).hexdigest()


def swhid(data: bytes) -> str:
    """Return the SWHID of a file's contents, `swh:1:cnt:` and forty hexadecimal digits.

    The digits are what Git calls the object id of the blob (`git hash-object`), with SHA-1, which
    the standard prescribes; it says what a file is, not that it may be trusted.
    """
    digest = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return f"swh:1:cnt:{digest.hexdigest()}"


@lru_cache(maxsize=1 << 10)
def purl(source: str, package: str, version: str) -> str:
    """Return the purl of a package from an archive's source, its name and its version.

    Names on Hex and GitHub are the same in capitals and small letters; their purls are in small
    ones. A package of any other source is `generic`, its owner the namespace.
    """
    kind = PURL_TYPES.get(source, "generic")
    name = package if kind == "generic" else package.lower()
    path = "/".join(_encoded(part) for part in name.split("/") if part)
    return f"pkg:{kind}/{path}" + (f"@{_encoded(version)}" if version else "")


def _encoded(component: str) -> str:
    """Percent-encode all but letters, digits and `.-_~:`, as the specification of purls says."""
    return quote(component, safe=":", errors="surrogateescape")


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
    """Return the first four digits of every identifier as a number, in the order of identifiers.

    An identifier may also be a number of 64 bits, whose sixteen digits are meant.
    """
    if pa.types.is_uint64(column.type):
        found: Prefixes = (np.asarray(column) >> np.uint64(48)).astype(np.uint16)
        return found
    values = identifiers(column)
    digits = _VALUES[values.view(np.uint8).reshape(-1, DIGITS)[:, :4]]
    numbers: Prefixes = digits @ np.array([1 << 12, 1 << 8, 1 << 4, 1], dtype=np.uint16)
    return numbers


def numbers(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return the first sixteen digits of every identifier as a number, in their order.

    Among a million documents two agree in them with a probability of 1 in 37 million.
    """
    values = identifiers(column)
    digits = _VALUES[values.view(np.uint8).reshape(-1, DIGITS)[:, :16]].astype(np.uint64)
    powers = np.uint64(1) << np.arange(60, -1, -4, dtype=np.uint64)
    found: npt.NDArray[np.uint64] = digits @ powers
    return found
