"""MinHash signatures equal to those of datasketch, computed for many texts at once.

datasketch 2's `affine32` scheme: the low 32 bits of each shingle go through MurmurHash3's 32-bit
finaliser, then permutation k is `a[k] * x + b[k]` modulo 2**32, and the signature keeps the
smallest. A test compares the result with `datasketch.MinHash.update_batch`.
"""

import threading
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus.fingerprint.tokens import Hashes, Places

Signature = npt.NDArray[np.uint32]

_CHUNK, _ROWS = 4096, 64
"""Shingles and permutations processed at once: long rows, because each row takes an additional 0.1
microseconds, but not more than fit in the processor's caches (1 MB).
"""


_BUFFER = 256
"""Size of NumPy's buffer in elements during the permutations. With rows shorter than its default of
8,192, NumPy copies both sides of a product into the buffer, which takes three times as long as the
product.
"""


class _Scratch(threading.local):
    """A reused buffer for products: new memory took a quarter more time."""

    def __init__(self) -> None:
        self.products = np.empty(_ROWS * _CHUNK, dtype=np.uint32)


_scratch = _Scratch()


def signature(shingles: Hashes, permutations: int, seed: int) -> Signature:
    """Return the smallest permuted hash for each permutation; all ones if there is no hash."""
    rows = signatures(shingles, np.array([0, len(shingles)]), permutations, seed)
    return rows.reshape(permutations)


def signatures(shingles: Hashes, bounds: Places, permutations: int, seed: int) -> Signature:
    """Return a row for each text: the `signature` of its shingles, delimited by `bounds`."""
    factors, summands = _permutations(permutations, seed)
    full = (bounds[1:] > bounds[:-1]).nonzero()[0]
    starts = bounds.take(full)
    smallest = np.full((permutations, len(full)), np.iinfo(np.uint32).max, dtype=np.uint32)
    mixed = _finalize(shingles.astype(np.uint32))
    usual = np.setbufsize(_BUFFER)
    try:
        for first in range(0, len(mixed), _CHUNK):
            chunk = mixed[first : first + _CHUNK]
            texts = slice(
                starts.searchsorted(first, "right") - 1, starts.searchsorted(first + len(chunk))
            )
            within = np.maximum(starts[texts] - first, 0)
            for row in range(0, permutations, _ROWS):
                rows = slice(row, row + _ROWS)
                shape = len(factors[rows]), len(chunk)
                permuted = _scratch.products[: shape[0] * shape[1]].reshape(shape)
                np.multiply(factors[rows], chunk, out=permuted)
                permuted += summands[rows]
                found, known = np.minimum.reduceat(permuted, within, axis=1), smallest[rows, texts]
                np.minimum(known, found, out=known)
    finally:
        np.setbufsize(usual)
    signatures = np.full((len(bounds) - 1, permutations), np.iinfo(np.uint32).max, dtype=np.uint32)
    signatures[full] = smallest.T
    return signatures


@lru_cache(maxsize=8)
def _permutations(count: int, seed: int) -> tuple[Signature, Signature]:
    """Return datasketch's factors and summands, each as a column."""
    from datasketch import MinHash

    factors, summands = MinHash(num_perm=count, seed=seed, scheme="affine32").permutations
    return factors[:, np.newaxis], summands[:, np.newaxis]


def _finalize(values: Signature) -> Signature:
    """MurmurHash3's finaliser for 32 bits, in place (Appleby, public domain)."""
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
