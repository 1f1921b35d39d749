"""Lexical tokens of a whole file at once, as arrays.

A token is a run of word bytes (ASCII letters, digits, `_`, and every byte of a non-ASCII
character) or a single punctuation byte; blanks and control bytes only separate. Single punctuation
bytes, and not operators, because then `x=-1` and `x = -1` are the same sequence. What stands in
strings is cut in the same way as code.
"""

import hashlib
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

_WORD, _PUNCTUATION = 1, 2
_WORD_BYTES = frozenset((string.ascii_letters + string.digits + "_").encode()) | {*range(128, 256)}
_PUNCTUATION_BYTES = frozenset(string.punctuation.encode()) - _WORD_BYTES
_CLASSES = bytes(
    _WORD if byte in _WORD_BYTES else _PUNCTUATION if byte in _PUNCTUATION_BYTES else 0
    for byte in range(256)
)
_BLANKS = bytes(byte for byte in range(256) if not _CLASSES[byte])
_KEEP = np.array([(1 << 8 * kept) - 1 for kept in range(9)], dtype=np.uint64)
"""Masks that keep the first 0 to 8 bytes of a little-endian word."""

# Odd multipliers of 64 bits: the golden ratio's, and MurmurHash3's finaliser (public domain).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_HALF = np.uint64(33)
_EIGHTS = np.array([[8], [16], [24]])
_PLACES = np.array([[1], [2], [3]], dtype=np.uint64) * _GOLDEN
_INVERSE = np.uint64(pow(0xC4CEB9FE1A85EC53, -1, 2**64))
"""What undoes a multiplication by `_SECOND`."""

_KEPT_BITS = 16
"""Tables of powers are kept up to this length, as a power of two: 1 MB a number."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where the tokens of `text` stand: `starts` and `lengths` count bytes, one entry a token."""

    text: bytes
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def values(self) -> list[bytes]:
        """Return the tokens themselves (slow; for reading and for tests)."""
        ends = self.starts + self.lengths
        return [self.text[start:end] for start, end in zip(self.starts, ends, strict=True)]

    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of the sequence: all lengths, then all bytes."""
        digest = hashlib.sha256(self.lengths.astype("<u4").tobytes())
        digest.update(self.text.translate(None, _BLANKS))
        return digest.hexdigest()

    def hashes(self) -> Hashes:
        """Return a 64-bit hash a token; up to eight bytes long, different tokens differ."""
        # A copy, as taking from what is not aligned is slow, or copies all of it each time.
        windows: Hashes = np.ndarray(len(self.text) - 7, "<u8", self.text, strides=(1,)).copy()
        words: Hashes = windows.take(self.starts)
        words &= _KEEP.take(self.lengths, mode="clip")
        hashes = mix(words)
        long = (self.lengths > 8).nonzero()[0]
        if len(long):
            # Row by row what stands 8, 16 and 24 bytes behind the start; past the end, nothing.
            lengths = self.lengths.take(long) - _EIGHTS
            pieces = _pieces(windows, self.starts.take(long) + _EIGHTS, lengths, _PLACES)
            pieces *= lengths > 0
            hashes[long] += pieces.sum(axis=0)
            longest = long[lengths[-1] > 8]
            if len(longest):
                hashes[longest] += self._tails(windows, longest)
        return hashes

    def _tails(self, windows: Hashes, long: npt.NDArray[np.int64]) -> Hashes:
        """Hash what follows the first 32 bytes of some tokens, however long they are."""
        pieces = ((self.lengths[long] - 1) >> 3) - len(_EIGHTS)
        first = np.cumsum(pieces) - pieces
        place = np.arange(pieces.sum()) - np.repeat(first, pieces) + len(_EIGHTS) + 1
        owner = np.repeat(long, pieces)
        starts, lengths = self.starts[owner] + 8 * place, self.lengths[owner] - 8 * place
        hashes = _pieces(windows, starts, lengths, place.astype(np.uint64) * _GOLDEN)
        tails: Hashes = np.add.reduceat(hashes, first)
        return tails


def _pieces(
    windows: Hashes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], places: Hashes
) -> Hashes:
    """Hash up to eight bytes at each start, by their places in the tokens that they belong to."""
    words: Hashes = windows.take(starts, mode="clip")
    words &= _KEEP.take(lengths, mode="clip")
    words += places
    return mix(words)


def tokenize(text: bytes) -> Tokens:
    """Find the tokens of `text`, which is padded with blanks so that words can be read whole."""
    padded = text + bytes(8)
    classes = np.frombuffer(padded.translate(_CLASSES), dtype=np.uint8)
    word = classes == _WORD
    inner = word[1:] & word[:-1]
    starts = classes != 0
    ends = starts.copy()
    starts[1:] ^= inner
    ends[:-1] ^= inner
    first, last = starts.nonzero()[0], ends.nonzero()[0]
    last -= first
    last += 1
    return Tokens(padded, first, last)


def mix(values: Hashes) -> Hashes:
    """Scatter numbers over 64 bits, in place, without making any two equal."""
    values *= _GOLDEN
    values ^= values >> _HALF
    values *= _FIRST
    values ^= values >> _HALF
    return values


def shingle(hashes: Hashes, size: int) -> Hashes:
    """Return the sorted, unique hashes of all runs of `size` tokens.

    Fewer tokens than that make one shingle of what there is, and none make none.
    """
    size = min(size, len(hashes))
    if not size:
        return np.empty(0, dtype=np.uint64)
    runs = len(hashes) - size + 1
    windows = hashes[:runs].copy()
    for place in range(1, size):
        windows *= _SECOND
        windows += hashes[place : place + runs]
    return _unique(mix(windows))


def digests_of_runs(
    tokens: Tokens, hashes: Hashes, groups: Sequence[Sequence[tuple[int, int]]]
) -> Hashes:
    """Return the sorted, unique digests of groups of runs of tokens; empty groups have none.

    A run is given by the bytes that it spans, half open; `hashes` are those of `tokens`. Groups
    have the same digest when their runs have the same tokens in the same order. A run's value is
    a polynomial of its tokens' hashes modulo 2**64, taken from sums over the whole file, so that
    the cost is one pass however many runs there are.
    """
    sizes = np.array([len(group) for group in groups if group], dtype=np.int64)
    if not len(sizes) or not len(hashes):
        return np.empty(0, dtype=np.uint64)
    edges = [edge for group in groups for run in group for edge in run]
    places = tokens.starts.searchsorted(np.array(edges, dtype=np.int64))
    sums = np.zeros(len(hashes) + 1, dtype=np.uint64)
    (hashes * _powers(_SECOND, len(hashes))).cumsum(out=sums[1:])
    at_edges, starts = sums.take(places), places[::2]
    runs = at_edges[1::2] - at_edges[::2]
    runs *= _powers(_INVERSE, len(sums)).take(starts)
    runs += (places[1::2] - starts + 1).view(np.uint64) * _GOLDEN
    mix(runs)
    if len(sizes) < len(runs):
        firsts = sizes.cumsum() - sizes
        within = np.arange(len(runs)) - firsts.repeat(sizes)
        runs *= _powers(_FIRST, int(sizes.max())).take(within)
        runs = np.add.reduceat(runs, firsts)
    return _unique(mix(runs))


def _powers(base: np.uint64, count: int) -> Hashes:
    """Return the powers of a number from the 0th on, modulo 2**64; nobody writes to them."""
    bits = count.bit_length()
    return (_table if bits <= _KEPT_BITS else _table.__wrapped__)(base, bits)[:count]


@lru_cache(maxsize=3 * (_KEPT_BITS + 1))
def _table(base: np.uint64, bits: int) -> Hashes:
    powers = np.full(1 << bits, base)
    powers[:1] = 1
    np.multiply.accumulate(powers, out=powers)
    return powers


def _unique(values: Hashes) -> Hashes:
    values.sort()
    fresh = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=fresh[1:])
    unique: Hashes = values[fresh]
    return unique
