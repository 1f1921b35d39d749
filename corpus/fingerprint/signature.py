"""MinHash signatures: datasketch's numbers, computed over whole files.

datasketch 2's `affine32` scheme: the low 32 bits of each shingle go through MurmurHash3's 32-bit
finaliser, then permutation k is `a[k] * x + b[k]` modulo 2**32, and the signature keeps the
smallest. A test holds the result equal to `datasketch.MinHash.update_batch`.
"""

import threading
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus.fingerprint.tokens import Hashes

Signature = npt.NDArray[np.uint32]

_CHUNK = 4096
"""Shingles permuted at once: nearly every file whole, and 128 permutations of them in 2 MB."""


_BUFFER = 256
"""NumPy's buffer in elements while permuting. With rows shorter than its own of 8,192 it copies
both sides of a product into that, at three times the cost of the product."""


class _Scratch(threading.local):
    """Where products are written, over and over: fresh memory took a quarter more time."""

    def __init__(self) -> None:
        self.products = np.empty(0, dtype=np.uint32)

    def rows(self, count: int, length: int) -> Signature:
        """Return an array of this shape, with anything in it, that the next call writes over."""
        if self.products.size < count * _CHUNK:
            self.products = np.empty(count * _CHUNK, dtype=np.uint32)
        return self.products[: count * length].reshape(count, length)


_scratch = _Scratch()


def signature(shingles: Hashes, permutations: int, seed: int) -> Signature:
    """Return the smallest permuted hash for each permutation; all ones where there is nothing."""
    factors, summands = _permutations(permutations, seed)
    smallest = np.full(permutations, np.iinfo(np.uint32).max, dtype=np.uint32)
    mixed = _finalize(shingles.astype(np.uint32))
    usual = np.setbufsize(_BUFFER)
    try:
        for start in range(0, len(mixed), _CHUNK):
            chunk = mixed[start : start + _CHUNK]
            permuted = np.multiply(factors, chunk, out=_scratch.rows(permutations, len(chunk)))
            permuted += summands
            np.minimum(smallest, permuted.min(axis=1), out=smallest)
    finally:
        np.setbufsize(usual)
    return smallest


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
