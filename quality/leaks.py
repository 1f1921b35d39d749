"""Search for near-duplicates across splits in the finished release.

The builder drops near-duplicates before it splits; this check does not rely on that. An exact
comparison needs an extraction per document, so it is done for candidates only. First every text is
fingerprinted with its documentation removed approximately, and held-out documents are paired with
others by the same bands as in the builder. Then the candidates are read again and compared exactly.
Both passes run as tasks, one per span. Signatures take 0.5 kB per document and band keys 0.2 kB, so
both are in unnamed temporary files (in TMPDIR). About forty bytes per document are in memory.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.deduplicate import NearDuplicates, band_keys
from corpus.deduplicate.scratch import Scratch, open_scratch
from corpus.executor import SERIAL, Executor
from corpus.fingerprint import FingerprintConfig, code_only, fingerprint, sketches
from corpus.release import Release, Span
from corpus.tables import PERMUTATIONS, SPLIT_NAMES
from quality.partial import worked_out
from quality.settings import BuiltUnder, built_under

HELD_OUT = tuple(SPLIT_NAMES.index(name) for name in ("validation", "test"))
NOWHERE = -1
"""Used in place of a split for a document without code, which is similar to no other."""
SLACK = 0.15
"""A pair is compared exactly if its estimate from 128 minima is at most this far below the
threshold: more than three standard deviations (0.04 at 0.7).
"""
DOCUMENTATION = re.compile(
    rb"@\s*(?:module|type)?doc\s+~?[sS]?(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\]|\\.)*\")",
    re.DOTALL,
)
BATCH_ROWS = 256
SKETCHED_ROWS = 256
"""Documents per task, or one row group; each document returns half a kilobyte."""
TOGETHER = 256_000
"""Bytes of small texts that are fingerprinted together, as at ingest. It halves the time and takes
about fifty times this size in memory.
"""
PAIRS_AT_ONCE = 4096
"""Number of pairs whose signatures are in memory at a time (4 MiB)."""

Shingles = npt.NDArray[np.uint64]
Minima = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Two documents in different splits with the same code, by exact Jaccard similarity."""

    first: str
    second: str
    similarity: float


def near_duplicates_across_splits(release: Release, executor: Executor = SERIAL) -> list[Leak]:
    """Return the pairs of documents in different splits that are near-duplicates, sorted.

    Raises MalformedManifest, Unreadable, and OSError for the scratch files.
    """
    if not any(release.shards("documents", SPLIT_NAMES[place]) for place in HELD_OUT):
        return []
    documents, built = Documents.of(release), built_under(release)
    with _open_sketches(documents, built, executor) as known:
        pairs = known.pairs()
    return sorted(_verified(documents, pairs, built, executor))


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a release by position: sorted by split in the order of SPLIT_NAMES, then by
    span. `first` is the first position of each span.
    """

    folder: Path
    spans: Sequence[Span]
    first: Sequence[int]
    count: int

    @classmethod
    def of(cls, release: Release) -> "Documents":
        """Give the documents of a release numbers; documents of an unknown split are skipped."""
        spans = release.spans("documents", SKETCHED_ROWS)
        known = [span for span in spans if span.shard.split in SPLIT_NAMES]
        spans = sorted(known, key=lambda span: SPLIT_NAMES.index(span.shard.split))
        ends = np.cumsum([0, *(span.rows for span in spans)]).tolist()
        return cls(release.path, spans, ends[:-1], ends[-1])


class Sketches:
    """Approximate fingerprints of documents by position, and the similar pairs."""

    def __init__(self, scratch: Scratch, config: NearDuplicates) -> None:
        self.splits = np.full(len(scratch.sizes), NOWHERE, dtype=np.int8)
        self._scratch = scratch
        self._config = config

    def add(self, positions: Numbers, split: int, minima: Minima) -> None:
        """Add documents of one split, one row of minima each."""
        if not len(positions):
            return
        self.splits[positions] = split
        words = minima.view(np.uint64)
        sizes = np.full(len(minima), words.shape[1])
        keys = band_keys(minima, self._config.bands)
        self._scratch.add(positions, sizes, words.reshape(-1), keys)

    def pairs(self) -> Numbers:
        """Return two columns of positions: documents of different splits with similar fingerprints.

        At least one of the two is held out. The first has the smaller position. Rows are unique and
        sorted.
        """
        known = np.empty(0, dtype=np.int64)
        if not np.any(self.splits != NOWHERE):
            return known.reshape(0, 2)
        for band in range(self._config.bands[0]):
            found = [self._alike(pairs) for pairs in self._meeting(band, known)]
            known = np.union1d(known, np.concatenate([*found, known]))
        return np.stack(np.divmod(known, max(len(self.splits), 1)), axis=1)

    def _meeting(self, band: int, known: Numbers) -> Iterator[Numbers]:
        """Yield new pairs that share a band, each as one number, in small arrays."""
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
        """Return the pairs whose signatures agree in enough places."""
        if not len(pairs):
            return pairs
        wanted, places = np.unique(np.divmod(pairs, len(self.splits)), return_inverse=True)
        words = [self._scratch.shingles(int(position)) for position in wanted]
        minima = np.stack(words).view(np.uint32)
        rows, others = places.reshape(2, -1)
        agreement = np.mean(minima[rows] == minima[others], axis=1)
        return np.asarray(pairs[agreement >= self._config.threshold - SLACK])


@contextmanager
def _open_sketches(
    documents: Documents, built: BuiltUnder, executor: Executor
) -> Iterator[Sketches]:
    """Fingerprint every document approximately. Raises Unreadable for broken rows, and OSError."""
    bands = built.duplicates.bands[0]
    with open_scratch(Path(tempfile.gettempdir()), documents.count, bands) as scratch:
        known = Sketches(scratch, built.duplicates)
        tasks = [Sketched(span, built.fingerprint) for span in documents.spans]
        done = worked_out(executor, "gate", _sketch, tasks, documents.folder)
        for span, first, (places, minima) in zip(
            documents.spans, documents.first, done, strict=True
        ):
            known.add(first + places, SPLIT_NAMES.index(span.shard.split), minima)
        yield known


@dataclass(frozen=True, slots=True)
class Sketched:
    """A span whose texts are fingerprinted approximately."""

    span: Span
    config: FingerprintConfig


def _sketch(task: Sketched) -> tuple[Numbers, Minima]:
    """Return which rows of a span have code, and their signatures."""
    places: list[int] = []
    minima = np.empty((task.span.rows, PERMUTATIONS), dtype=np.uint32)
    for row, codes in _together(task.span):
        for place, found in enumerate(sketches(codes, task.config), start=row):
            if found is not None:
                minima[len(places)] = found
                places.append(place)
    return np.array(places, dtype=np.int64), minima[: len(places)]


def _together(span: Span) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the code of a span, small texts together, each time with the row of the first text."""
    row, held, codes = 0, 0, list[bytes]()
    for batch in span.batches(["language", "text"], BATCH_ROWS):
        for language, text in _texts(batch):
            if codes and held + len(text) > TOGETHER:
                yield row, codes
                row, held, codes = row + len(codes), 0, []
            spans = [match.span() for match in DOCUMENTATION.finditer(text)]
            codes.append(code_only(text, language, spans))
            held += len(text)
    if codes:
        yield row, codes


def _texts(batch: pa.RecordBatch) -> Iterator[tuple[str, bytes]]:
    """Yield language and text, one row at a time; a null text is returned as an empty one."""
    for language, text in zip(batch["language"], pc.fill_null(batch["text"], ""), strict=True):
        yield language.as_py(), text.as_buffer().to_pybytes()


def _verified(
    documents: Documents, pairs: Numbers, built: BuiltUnder, executor: Executor
) -> Iterator[Leak]:
    """Compare candidates by the same shingles as in the builder; pairs are sorted."""
    wanted, places = np.unique(pairs, return_inverse=True)
    if not len(wanted):
        return
    ids: list[str] = []
    with open_scratch(Path(tempfile.gettempdir()), len(wanted), bands=0) as scratch:
        tasks = list(_candidates(documents, wanted, built.fingerprint))
        for found in worked_out(executor, "gate", _shingles, tasks, documents.folder):
            _spill(scratch, len(ids), found)
            ids += found.ids
        last, mine = -1, np.empty(0, dtype=np.uint64)
        for first, second in places.reshape(-1, 2).tolist():
            if first != last:
                last, mine = first, scratch.shingles(first)
            similarity = jaccard(mine, scratch.shingles(second))
            if similarity >= built.duplicates.threshold:
                one, other = sorted((ids[first], ids[second]))
                yield Leak(one, other, similarity)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The rows of a span that are compared."""

    span: Span
    rows: Numbers
    config: FingerprintConfig


@dataclass(frozen=True, slots=True)
class Compared:
    """Documents by id, their shingles concatenated, and the number of shingles of each."""

    ids: list[str]
    sizes: Numbers
    shingles: Shingles


def _candidates(
    documents: Documents, wanted: Numbers, config: FingerprintConfig
) -> Iterator[Candidates]:
    """Yield the spans that hold wanted positions, which are sorted."""
    for span, first in zip(documents.spans, documents.first, strict=True):
        start, end = np.searchsorted(wanted, [first, first + span.rows])
        if start < end:
            yield Candidates(span, wanted[start:end] - first, config)


def _shingles(task: Candidates) -> Compared:
    """Extract and fingerprint the wanted documents of a span."""
    from corpus.ingest.source_file import EXTRACTORS  # grammars, only if there is need

    ids: list[str] = []
    shingles = [np.empty(0, dtype=np.uint64)]
    position = 0
    for batch in task.span.batches(["document_id", "language", "text"], BATCH_ROWS):
        start, end = np.searchsorted(task.rows, [position, position + len(batch)])
        chosen = batch.take(task.rows[start:end] - position)
        ids += chosen["document_id"].to_pylist()
        for language, text in _texts(chosen):
            spans = EXTRACTORS[language](text).doc_spans
            shingles.append(fingerprint(text, language, spans, task.config).shingles)
        position += len(batch)
    sizes = np.array([len(each) for each in shingles[1:]], dtype=np.int64)
    return Compared(ids, sizes, np.concatenate(shingles))


def _spill(scratch: Scratch, first: int, found: Compared) -> None:
    """Write shingles to the temporary file; the documents are numbered from `first`."""
    no_keys = np.empty((0, len(found.ids)), dtype=np.uint64)
    places = first + np.arange(len(found.ids))
    scratch.add(places, found.sizes, found.shingles, no_keys)


def jaccard(first: Shingles, second: Shingles) -> float:
    """Return the Jaccard similarity of two sets given as sorted, unique arrays; 0 if both are
    empty.
    """
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / max(len(first) + len(second) - shared, 1)


def _portions(counts: Numbers) -> Iterator[Numbers]:
    """Yield the indices of counts that are not zero, in groups with a small sum."""
    places = np.flatnonzero(counts)
    portion = np.cumsum(counts[places]) // PAIRS_AT_ONCE
    yield from np.split(places, np.flatnonzero(np.diff(portion)) + 1)


def _ranges(first: Numbers, counts: Numbers) -> Numbers:
    """Return the numbers of all ranges concatenated; each range has a first number and a length."""
    starts = np.cumsum(counts) - counts
    return np.asarray(np.arange(counts.sum()) + np.repeat(first - starts, counts))
