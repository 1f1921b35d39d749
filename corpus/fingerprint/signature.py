"""MinHash signatures: datasketch's numbers, computed over whole texts, many of them at once.

datasketch 2's `affine32` scheme: the low 32 bits of each shingle go through MurmurHash3's 32-bit
finaliser, then permutation k is `a[k] * x + b[k]` modulo 2**32, and the signature keeps the
smallest. A test holds the result equal to `datasketch.MinHash.update_batch`.
"""

import threading
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus.fingerprint.tokens import Hashes, Places

Signature = npt.NDArray[np.uint32]

_CHUNK, _ROWS = 4096, 64
"""Shingles and permutations taken at once: long rows, for each costs a tenth of a microsecond
besides, and not more of them than the processor's caches hold (1 MB)."""


_BUFFER = 256
"""NumPy's buffer in elements while permuting. With rows shorter than its own of 8,192 it copies
both sides of a product into that, at three times the cost of the product."""


class _Scratch(threading.local):
    """Where products are written, over and over: fresh memory took a quarter more time."""

    def __init__(self) -> None:
        self.products = np.empty(_ROWS * _CHUNK, dtype=np.uint32)


_scratch = _Scratch()


def signature(shingles: Hashes, permutations: int, seed: int) -> Signature:
    """Return the smallest permuted hash for each permutation; all ones where there is nothing."""
    rows = signatures(shingles, np.array([0, len(shingles)]), permutations, seed)
    return rows.reshape(permutations)


def signatures(shingles: Hashes, bounds: Places, permutations: int, seed: int) -> Signature:
    """Return a row for each text: the `signature` of its shingles, which `bounds` tell."""
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
    """Ask datasketch for its factors and summands, each as a column."""
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
