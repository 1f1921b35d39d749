"""Lexical tokens of whole texts at once, as arrays.

A token is a run of word bytes (ASCII letters, digits, `_`, and every byte of a non-ASCII character)
or a single punctuation byte; blanks and control bytes only separate. Punctuation is split into
single bytes, not operators, so that `x=-1` and `x = -1` are the same sequence. The content of
strings is split in the same way as code.

Many small texts are processed together, because a call of NumPy takes a microsecond, as long as a
kilobyte of text. The values of text n are from `bounds[n]` to `bounds[n + 1]`.
"""

import hashlib
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

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
_PLACES = np.arange(4, dtype=np.uint64) * _GOLDEN
"""Multipliers that distinguish the first four pieces of a long token."""
_INVERSE = np.uint64(pow(0xC4CEB9FE1A85EC53, -1, 2**64))
"""The inverse of a multiplication by `_SECOND`."""

_KEPT_BITS = 16
"""Tables of powers are cached up to this length, as a power of two: 1 MB per number."""


def mix(values: Hashes) -> Hashes:
    """Distribute numbers over 64 bits, in place and without collisions."""
    values *= _GOLDEN
    values ^= values >> _HALF
    values *= _FIRST
    values ^= values >> _HALF
    return values


_OF_BYTES = mix(np.arange(256, dtype=np.uint64))
"""The hashes of tokens of one byte, two thirds of all."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The positions of tokens of some texts, which are in `text` with blanks after each.

    `starts` and `lengths` are in bytes, one entry per token; `offsets` are the starts of the texts.
    """

    text: bytes
    starts: Places
    lengths: Places
    offsets: Places
    bounds: Places

    def __len__(self) -> int:
        return len(self.starts)

    def values(self) -> list[bytes]:
        """Return the tokens (slow; for debugging and tests)."""
        ends = self.starts + self.lengths
        return [self.text[start:end] for start, end in zip(self.starts, ends, strict=True)]

    def digests(self) -> list[str]:
        """Return the hexadecimal SHA-256 of each text's token sequence: all lengths, then all
        bytes.
        """
        lengths = memoryview(self.lengths.astype("<u4").tobytes())
        written = memoryview(self.text.translate(None, _BLANKS))
        sums = np.zeros(len(self) + 1, dtype=np.int64)
        self.lengths.cumsum(out=sums[1:])
        edges = zip(self.bounds.tolist(), sums.take(self.bounds).tolist(), strict=True)
        digests = []
        for (first, start), (last, end) in pairwise(edges):
            digest = hashlib.sha256(lengths[4 * first : 4 * last])
            digest.update(written[start:end])
            digests.append(digest.hexdigest())
        return digests

    def hashes(self) -> Hashes:
        """Return a 64-bit hash per token; it is unique for tokens of up to eight bytes."""
        hashes: Hashes = _OF_BYTES.take(np.frombuffer(self.text, np.uint8).take(self.starts))
        words = (self.lengths > 1).nonzero()[0]
        # A copy, because access to unaligned data is slow, or copies all of it each time.
        windows: Hashes = np.ndarray(len(self.text) - 7, "<u8", self.text, strides=(1,)).copy()
        starts, lengths = self.starts.take(words), self.lengths.take(words)
        found = _pieces(windows, starts, lengths, _PLACES[0])
        which = np.arange(len(words))
        for place in _PLACES[1:]:
            more = lengths > 8
            which, starts, lengths = which[more], starts[more] + 8, lengths[more] - 8
            if not len(which):
                break
            found[which] += _pieces(windows, starts, lengths, place)
        else:
            which = which[lengths > 8]
            if len(which):
                found[which] += self._tails(windows, words[which])
        hashes[words] = found
        return hashes

    def _tails(self, windows: Hashes, long: Places) -> Hashes:
        """Hash the bytes after the first 32 of some tokens of any length."""
        pieces = ((self.lengths[long] - 1) >> 3) - (len(_PLACES) - 1)
        first = np.cumsum(pieces) - pieces
        place = np.arange(pieces.sum()) - np.repeat(first, pieces) + len(_PLACES)
        owner = np.repeat(long, pieces)
        starts, lengths = self.starts[owner] + 8 * place, self.lengths[owner] - 8 * place
        hashes = _pieces(windows, starts, lengths, place.astype(np.uint64) * _GOLDEN)
        tails: Hashes = np.add.reduceat(hashes, first)
        return tails


def _pieces(windows: Hashes, starts: Places, lengths: Places, places: Hashes | np.uint64) -> Hashes:
    """Hash up to eight bytes at each start, depending on their position in the token."""
    words: Hashes = windows.take(starts)
    words &= _KEEP.take(lengths, mode="clip")
    words += places
    return mix(words)


def tokenize(*texts: bytes) -> Tokens:
    """Find the tokens of texts, which are padded with blanks so that whole words can be read."""
    padded = bytes(8).join([*texts, b""])
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
    edges = np.cumsum([0, *(len(text) + 8 for text in texts)])
    return Tokens(padded, first, last, edges[:-1], first.searchsorted(edges))


def runs(hashes: Hashes, size: int) -> Hashes:
    """Return the hash of every run of `size` tokens of one text, in order; none if it is shorter.

    The hashes are those of `shingle`.
    """
    windows = hashes[: max(0, len(hashes) - size + 1)].copy()
    for place in range(1, size):
        windows *= _SECOND
        windows += hashes[place : place + len(windows)]
    return mix(windows)


def shingle(hashes: Hashes, bounds: Places, size: int) -> tuple[Hashes, Places]:
    """Return the sorted, unique hashes of all runs of `size` tokens of each text, and bounds.

    Fewer tokens than `size` make one shingle; no tokens make none.
    """
    windows = hashes.copy()
    for place in range(1, size):
        windows *= _SECOND
        windows[:-place] += hashes[place:]
    lengths = np.diff(bounds)
    for text in ((lengths > 0) & (lengths < size)).nonzero()[0].tolist():
        alone = hashes[bounds[text] : bounds[text + 1]]
        windows[bounds[text]] = alone @ _powers(_SECOND, len(alone))[::-1]
    runs = np.maximum(lengths - size + 1, lengths > 0)
    return _unique(mix(windows), bounds[:-1], bounds[:-1] + runs)


def digests_of_runs(
    tokens: Tokens, hashes: Hashes, texts: Sequence[Sequence[Sequence[tuple[int, int]]]]
) -> tuple[Hashes, Places]:
    """Return the sorted, unique digests of groups of runs of tokens of each text, and bounds.

    A run is given by the bytes of its text that it spans, half open; `hashes` are those of
    `tokens`. Groups have the same digest when their runs have the same tokens in the same order;
    empty groups, and those of texts without tokens, have none. A run's value is a polynomial of its
    tokens' hashes modulo 2**64, computed from sums over all texts, so that one pass is enough for
    any number of runs.
    """
    texts = [
        groups if first < last else ()
        for groups, (first, last) in zip(texts, pairwise(tokens.bounds.tolist()), strict=True)
    ]
    sizes = np.array([len(group) for groups in texts for group in groups], dtype=np.int64)
    owners = np.arange(len(texts)).repeat([len(groups) for groups in texts])
    sizes, owners = sizes[sizes > 0], owners[sizes > 0]
    firsts = sizes.cumsum() - sizes
    runs_of = chain.from_iterable(chain.from_iterable(texts))
    edges = np.array(list(chain.from_iterable(runs_of)), dtype=np.int64)
    edges += tokens.offsets.take(owners).repeat(2 * sizes)
    places = tokens.starts.searchsorted(edges)
    sums = np.zeros(len(hashes) + 1, dtype=np.uint64)
    (hashes * _powers(_SECOND, len(hashes))).cumsum(out=sums[1:])
    at_edges, starts = sums.take(places), places[::2]
    runs = at_edges[1::2] - at_edges[::2]
    runs *= _powers(_INVERSE, len(sums)).take(starts)
    runs += (places[1::2] - starts + 1).view(np.uint64) * _GOLDEN
    mix(runs)
    if len(sizes) < len(runs):
        within = np.arange(len(runs)) - firsts.repeat(sizes)
        runs *= _powers(_FIRST, int(sizes.max())).take(within)
        runs = np.add.reduceat(runs, firsts)
    bounds = owners.searchsorted(np.arange(len(texts) + 1))
    return _unique(mix(runs), bounds[:-1], bounds[1:])


def _powers(base: np.uint64, count: int) -> Hashes:
    """Return the powers of a number from the 0th on, modulo 2**64, as a read-only array."""
    bits = count.bit_length()
    return (_table if bits <= _KEPT_BITS else _table.__wrapped__)(base, bits)[:count]


@lru_cache(maxsize=3 * (_KEPT_BITS + 1))
def _table(base: np.uint64, bits: int) -> Hashes:
    powers = np.full(1 << bits, base)
    powers[:1] = 1
    np.multiply.accumulate(powers, out=powers)
    return powers


def _unique(values: Hashes, starts: Places, ends: Places) -> tuple[Hashes, Places]:
    """Return the sorted, unique values of some slices of an array, and bounds; the array is
    overwritten.
    """
    slices = list(zip(starts.tolist(), ends.tolist(), strict=True))
    for start, end in slices:
        values[start:end].sort()
    fresh = np.empty(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=fresh[1:])
    for (_, end), (start, _) in pairwise([(0, 0), *slices, (len(values), 0)]):
        fresh[end:start] = False
    fresh[starts[starts < ends]] = True
    kept = fresh.nonzero()[0]
    return values.take(kept), np.append(kept.searchsorted(starts), len(kept))
