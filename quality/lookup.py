"""A lookup of the documents of a release by id; it is the only table held completely in memory.

Ids are compared by keys, which are sixteen bytes of a digest. As text an id takes 68 bytes in Arrow
and 113 in Python. Sixteen bytes of BLAKE2 do not collide in practice, even for ids that an attacker
chose.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Release, Span
from corpus.tables import SPLIT_NAMES

KEY_BYTES = 16
Keys = npt.NDArray[np.bytes_]
NO_KEYS: Keys = np.empty(0, dtype=f"S{KEY_BYTES}")
Codes = npt.NDArray[np.int8]
Licenses = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.signedinteger[Any])
MISSING = -1
BATCH_ROWS = 2048
TOLD = ["split", "bytes", "license_expression"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The sorted keys of documents, and values that other rows must agree with: 29 bytes per
    document.
    """

    keys: Keys
    codes: Codes
    """Index of each document's split in SPLIT_NAMES."""
    sizes: Numbers
    """Bytes of each document's text, from the column `bytes`."""
    licenses: Licenses
    """Index of each document's licence in `expressions`."""
    expressions: tuple[str | None, ...]

    def places(self, ids: pa.Array) -> Numbers:
        """Return the index of each document among the keys; -1 for an unknown document."""
        encoded = ids.dictionary_encode()
        places = np.append(among(keys(encoded.dictionary), self.keys), MISSING)
        return np.asarray(places[np.asarray(pc.fill_null(encoded.indices, len(places) - 1))])

    def split_codes(self, ids: pa.Array) -> Codes:
        """Return the index in SPLIT_NAMES of each document's split; -1 for an unknown document."""
        return _at(self.codes, self.places(ids))

    def bytes_of(self, ids: pa.Array) -> Numbers:
        """Return the bytes of each document's text; -1 for an unknown document."""
        return _at(self.sizes, self.places(ids))

    def license_codes(self, ids: pa.Array) -> Licenses:
        """Return each document's licence as an index in `expressions`; -1 if it is unknown."""
        return _at(self.licenses, self.places(ids))

    def places_of(self, expressions: pa.Array) -> Licenses:
        """Return the index of each licence in `expressions`; -1 if no document has it."""
        found = pc.index_in(expressions, value_set=pa.array(self.expressions, pa.string()))
        return np.asarray(pc.fill_null(found, MISSING))


def lookup_of(span: Span) -> Lookup:
    """Return the lookup of a span's release; each process reads it once."""
    return _lookup_of(span.folder, span.identity)


@lru_cache(maxsize=1)
def _lookup_of(folder: Path, identity: str) -> Lookup:
    """Read a lookup; the identity distinguishes this release from an earlier one in the same
    folder.
    """
    return read_lookup(Release.open(folder))


def read_lookup(release: Release, column: str = "document_id") -> Lookup:
    """Read the values of documents by one of their id columns; an unknown split becomes -1."""
    ids, codes = [NO_KEYS], [np.empty(0, dtype=np.int8)]
    sizes, licenses = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
    expressions: dict[str | None, int] = {}
    for batch in release.batches("documents", [column, *TOLD], None, BATCH_ROWS):
        known = batch.filter(pc.is_valid(batch[column]))
        names = known["license_expression"].to_pylist()
        found = [expressions.setdefault(name, len(expressions)) for name in names]
        ids.append(keys(known[column]))
        codes.append(split_places(known["split"]))
        sizes.append(np.asarray(pc.fill_null(known["bytes"], MISSING)))
        licenses.append(np.array(found, dtype=np.int32))
    unordered = np.concatenate(ids)
    order = np.argsort(unordered, kind="stable")
    return Lookup(
        keys=unordered[order],
        codes=np.concatenate(codes)[order],
        sizes=np.concatenate(sizes)[order],
        licenses=np.concatenate(licenses)[order],
        expressions=tuple(expressions),
    )


def keys(ids: pa.Array) -> Keys:
    """Return a key for each id, of any form; nulls are left out."""
    digests = (
        hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()
        for text in ids.drop_null().to_pylist()
    )
    return np.frombuffer(b"".join(digests), dtype=NO_KEYS.dtype)


def joined(parts: list[Keys]) -> Keys:
    """Return all parts concatenated."""
    return np.concatenate([NO_KEYS, *parts])


def among(wanted: Keys, ordered: Keys) -> npt.NDArray[np.int64]:
    """Return the first index of each wanted key in `ordered`, which is sorted; else -1."""
    if not len(ordered):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[places] == wanted, places, -1)


def _at(values: npt.NDArray[Number], places: Numbers) -> npt.NDArray[Number]:
    """Return the value at each index; -1 where the index is -1."""
    found: npt.NDArray[Number] = np.append(values, values.dtype.type(MISSING))[places]
    return found


def split_places(splits: pa.Array | pa.ChunkedArray) -> Codes:
    """Return the index of each name in SPLIT_NAMES; -1 for an unknown name."""
    found = pc.index_in(splits, value_set=pa.array(SPLIT_NAMES))
    return np.asarray(pc.fill_null(found, MISSING)).astype(np.int8)
