"""A rough fingerprint of every document, on disk, and the pairs of documents that look alike.

Signatures take half a kilobyte a document and band keys a fifth, so both lie in files without a
name in the system's folder for such files (TMPDIR); in memory are some forty bytes a document.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.deduplicate import NearDuplicates, band_keys
from corpus.deduplicate.scratch import Scratch, open_scratch
from corpus.fingerprint import FingerprintConfig, fingerprint
from corpus.release import Release
from corpus.tables import SPLIT_NAMES

HELD_OUT = tuple(SPLIT_NAMES.index(name) for name in ("validation", "test"))
NOWHERE = -1
"""In place of a split, for a document without code: nothing resembles it."""
SLACK = 0.15
"""How far below the threshold an estimate from 128 minima may lie and still be looked into: over
three standard deviations (0.04 at 0.7)."""
DOCUMENTATION = re.compile(
    rb"@\s*(?:module|type)?doc\s+~?[sS]?(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\]|\\.)*\")",
    re.DOTALL,
)
BATCH_ROWS = 256
PAIRS_AT_ONCE = 4096
"""Pairs whose signatures are in memory at a time (4 MiB)."""

Minima = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


class Sketches:
    """Documents by position: in the order of SPLIT_NAMES, and of the shards within a split."""

    def __init__(self, scratch: Scratch, config: NearDuplicates) -> None:
        self.splits = np.full(len(scratch.sizes), NOWHERE, dtype=np.int8)
        self._scratch = scratch
        self._config = config

    def add(self, position: int, split: int, minima: Sequence[Minima | None]) -> None:
        """Add documents that follow each other; None stands for one without code."""
        known = np.array([each is not None for each in minima], dtype=bool)
        positions = position + np.flatnonzero(known)
        if not len(positions):
            return
        self.splits[positions] = split
        rows = np.stack([each for each in minima if each is not None])
        words = rows.view(np.uint64)
        sizes = np.full(len(rows), words.shape[1])
        keys = band_keys(rows, self._config.bands)
        self._scratch.add(positions, sizes, words.reshape(-1), keys)

    def pairs(self) -> Numbers:
        """Return two columns of positions: documents of different splits that look alike.

        At least one of the two is held out; the first has the smaller position. Rows are unique
        and sorted.
        """
        known = np.empty(0, dtype=np.int64)
        if not np.any(self.splits != NOWHERE):
            return known.reshape(0, 2)
        for band in range(self._config.bands[0]):
            found = [self._alike(pairs) for pairs in self._meeting(band, known)]
            known = np.union1d(known, np.concatenate([*found, known]))
        return np.stack(np.divmod(known, max(len(self.splits), 1)), axis=1)

    def _meeting(self, band: int, known: Numbers) -> Iterator[Numbers]:
        """Yield pairs that share a band and are not known, each as one number, a few at a time."""
        keys = self._scratch.keys(band)
        held_out = np.flatnonzero(np.isin(self.splits, HELD_OUT))
        order = held_out[np.argsort(keys[held_out], kind="stable")]
        ordered = keys[order]
        present = np.flatnonzero(self.splits != NOWHERE)
        first = np.searchsorted(ordered, keys[present], side="left")
        counts = np.searchsorted(ordered, keys[present], side="right") - first
        for some in _portions(counts):
            rows = np.repeat(present[some], counts[some])
            others = order[_ranges(first[some], counts[some])]
            differ = self.splits[rows] != self.splits[others]
            yield np.setdiff1d(self._numbers(rows[differ], others[differ]), known)

    def _numbers(self, rows: Numbers, others: Numbers) -> Numbers:
        return np.asarray(np.minimum(rows, others) * len(self.splits) + np.maximum(rows, others))

    def _alike(self, pairs: Numbers) -> Numbers:
        """Return those pairs whose signatures agree in enough places."""
        if not len(pairs):
            return pairs
        wanted, places = np.unique(np.divmod(pairs, len(self.splits)), return_inverse=True)
        words = [self._scratch.shingles(int(position)) for position in wanted]
        minima = np.stack(words).view(np.uint32)
        rows, others = places.reshape(2, -1)
        agreement = np.mean(minima[rows] == minima[others], axis=1)
        return np.asarray(pairs[agreement >= self._config.threshold - SLACK])


@contextmanager
def open_sketches(
    release: Release, config: NearDuplicates, prints: FingerprintConfig
) -> Iterator[Sketches]:
    """Sketch every document of the release, a batch of texts at a time.

    Raises OSError as it comes, UnknownLanguage and pyarrow.ArrowException for broken rows.
    """
    count = sum(shard.rows for name in SPLIT_NAMES for shard in release.shards("documents", name))
    with open_scratch(Path(tempfile.gettempdir()), count, config.bands[0]) as scratch:
        sketches = Sketches(scratch, config)
        for position, split, batch in documents(release, ["language", "text"]):
            sketches.add(position, split, [_minima(*row, prints) for row in texts(batch)])
        yield sketches


def documents(
    release: Release, columns: Sequence[str]
) -> Iterator[tuple[int, int, pa.RecordBatch]]:
    """Yield batches with the position of their first row and the place of their split."""
    position = 0
    for place, split in enumerate(SPLIT_NAMES):
        for batch in release.batches("documents", columns, split, BATCH_ROWS):
            yield position, place, batch
            position += len(batch)


def texts(batch: pa.RecordBatch) -> Iterator[tuple[str, bytes]]:
    """Yield language and text, one row at a time; a null text is an empty one."""
    for language, text in zip(batch["language"], pc.fill_null(batch["text"], ""), strict=True):
        yield language.as_py(), text.as_buffer().to_pybytes()


def _minima(language: str, text: bytes, config: FingerprintConfig) -> Minima | None:
    spans = [match.span() for match in DOCUMENTATION.finditer(text)]
    found = fingerprint(text, language, spans, config)
    return found.signature if len(found.shingles) else None


def _portions(counts: Numbers) -> Iterator[Numbers]:
    """Yield the places of counts that are not zero, so many that their sum stays small."""
    places = np.flatnonzero(counts)
    portion = np.cumsum(counts[places]) // PAIRS_AT_ONCE
    yield from np.split(places, np.flatnonzero(np.diff(portion)) + 1)


def _ranges(first: Numbers, counts: Numbers) -> Numbers:
    """Return the numbers of all ranges, end to end, each given by its first and its length."""
    starts = np.cumsum(counts) - counts
    return np.asarray(np.arange(counts.sum()) + np.repeat(first - starts, counts))
