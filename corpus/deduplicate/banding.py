"""Candidates by locality-sensitive hashing: documents whose signatures agree in a whole band.

The candidates are the same as those of `datasketch.MinHashLSH(params=bands)`; a test compares them.
They are found by sorting the keys of one band at a time, while datasketch keeps every band of every
document in dicts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def band_keys(signatures: npt.NDArray[np.uint32], bands: tuple[int, int]) -> Numbers:
    """Hash each band of each signature to 64 bits: one row per band, one column per document.

    A collision of two different bands only adds a candidate, which verification refuses.
    """
    count, rows = bands
    used = signatures[:, : count * rows].reshape(len(signatures), count, rows).transpose(2, 1, 0)
    keys = np.zeros((count, len(signatures)), dtype=np.uint64)
    for row in used:
        keys ^= row
        keys *= _MULTIPLIER
        keys ^= keys >> _SHIFT
    return keys


@dataclass(frozen=True, slots=True)
class Buckets:
    """Sets of documents that share a band, each of at least two.

    Bucket b has `members[starts[b]:starts[b + 1]]`, ascending; `owners` has the bucket of each
    entry of `members`. `places[firsts[d]:firsts[d + 1]]` are the positions of document d in
    `members`.
    """

    members: npt.NDArray[np.int32]
    starts: Places
    owners: npt.NDArray[np.int32]
    places: Places
    firsts: Places

    def __len__(self) -> int:
        return len(self.starts) - 1


def buckets(bands: Iterable[Numbers], takes_part: npt.NDArray[np.bool_]) -> Buckets:
    """Group documents by equal keys, band by band; buckets of one document are left out.

    `bands` yields one array per band with one key per document; `takes_part` has one entry per
    document.
    """
    documents = np.flatnonzero(takes_part)
    found = [_shared(keys[documents]) for keys in bands]
    members = documents[np.concatenate([members for members, _ in found])].astype(np.int32)
    sizes = np.concatenate([sizes for _, sizes in found])
    places = np.argsort(members, kind="stable")
    firsts = np.searchsorted(members, np.arange(len(takes_part) + 1), sorter=places)
    owners = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return Buckets(members, np.concatenate([[0], np.cumsum(sizes)]), owners, places, firsts)


def _shared(keys: Numbers) -> tuple[Places, Places]:
    """Return the members of all buckets of two or more, concatenated, and the buckets' sizes."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(keys)])
    sizes = np.diff(starts, append=len(keys))
    shared = sizes > 1
    return order[np.repeat(shared, sizes)], sizes[shared]
