"""Temporary files for clustering: shingles and band keys, which do not fit in memory.

The files are unnamed, so a killed run leaves nothing behind. They are read explicitly and not
mapped, so that they take only the memory that a caller holds.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

_WORD = 8
Numbers = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]


@contextmanager
def open_scratch(folder: Path, documents: int, bands: int) -> Iterator["Scratch"]:
    """Yield an empty Scratch for this number of documents, with its files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryFile(dir=folder, buffering=0) as shingles,
        tempfile.TemporaryFile(dir=folder, buffering=0) as keys,
    ):
        yield Scratch(shingles.fileno(), keys.fileno(), documents, bands)


class Scratch:
    """Shingles and band keys of numbered documents, added and read in any order."""

    def __init__(self, shingles: int, keys: int, documents: int, bands: int) -> None:
        self._shingles = shingles
        self._keys = keys
        self._bands = bands
        self._added = 0
        self._words = 0
        self._slots = np.zeros(documents, dtype=np.int64)
        self._starts = np.zeros(documents, dtype=np.int64)
        self.sizes = np.zeros(documents, dtype=np.int64)
        """Number of shingles of each document."""

    def add(self, documents: Indices, sizes: Indices, shingles: Numbers, keys: Numbers) -> None:
        """Add documents: the number of shingles of each, the concatenated shingles, and keys by
        band and document.

        Raises OSError (for example on a full disk).
        """
        total = len(self.sizes)
        self._slots[documents] = self._added + np.arange(len(documents))
        self._starts[documents] = self._words + np.cumsum(sizes) - sizes
        self.sizes[documents] = sizes
        _write(self._shingles, shingles, self._words)
        for band in range(self._bands):
            _write(self._keys, keys[band], band * total + self._added)
        self._added += len(documents)
        self._words += len(shingles)

    def shingles(self, document: int) -> Numbers:
        """Read one document's shingles."""
        start, size = int(self._starts[document]), int(self.sizes[document])
        return _read(self._shingles, start, size)

    def keys(self, band: int) -> Numbers:
        """Read one band's keys, by document."""
        total = len(self.sizes)
        return _read(self._keys, band * total, total)[self._slots]


def _write(descriptor: int, numbers: Numbers, place: int) -> None:
    """Write all bytes, in several calls if needed: one call writes at most 2 GiB on Linux."""
    data = memoryview(numbers.tobytes())
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], place * _WORD + done)


def _read(descriptor: int, place: int, count: int) -> Numbers:
    return np.frombuffer(os.pread(descriptor, count * _WORD, place * _WORD), dtype=np.uint64)
