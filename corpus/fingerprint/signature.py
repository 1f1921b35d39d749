"""MinHash signatures: datasketch's numbers, computed over whole files.

datasketch 2's `affine32` scheme: the low 32 bits of each shingle go through MurmurHash3's 32-bit
finaliser, then permutation k is `a[k] * x + b[k]` modulo 2**32, and the signature keeps the
smallest. A test holds the result equal to `datasketch.MinHash.update_batch`.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus.fingerprint.tokens import Hashes

Signature = npt.NDArray[np.uint32]

_CHUNK = 1024
"""Shingles permuted at once, so that 128 permutations of them stay in a core's cache."""


def signature(shingles: Hashes, permutations: int, seed: int) -> Signature:
    """Return the smallest permuted hash for each permutation; all ones where there is nothing."""
    factors, summands = _permutations(permutations, seed)
    smallest = np.full(permutations, np.iinfo(np.uint32).max, dtype=np.uint32)
    mixed = _finalize(shingles.astype(np.uint32))
    products = np.empty((permutations, min(_CHUNK, len(mixed))), dtype=np.uint32)
    for start in range(0, len(mixed), _CHUNK):
        chunk = mixed[start : start + _CHUNK]
        permuted = np.multiply(factors, chunk, out=products[:, : len(chunk)])
        permuted += summands
        np.minimum(smallest, permuted.min(axis=1), out=smallest)
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
