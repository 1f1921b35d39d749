"""Near-duplicates across splits, looked for again in the finished release.

The builder drops near-duplicates before it splits; this check does not believe it. Comparing costs
an extraction a document, so it is done for candidates only: a first pass fingerprints every text
with its documentation cut out roughly, and pairs a held-out document with others by the bands that
the builder uses too; a second pass reads the candidates again and compares them exactly.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.deduplicate import NearDuplicates, band_keys
from corpus.fingerprint import fingerprint
from corpus.release import Release
from corpus.schema import SPLIT_NAMES

HELD_OUT = ("validation", "test")
SLACK = 0.15
"""How far below the threshold an estimate from 128 minima may lie and still be looked into: over
three standard deviations (0.04 at 0.7)."""
DOCUMENTATION = re.compile(
    rb"@(?:module|type)?doc\s+~?[sS]?(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\]|\\.)*\")", re.DOTALL
)
BATCH_ROWS = 256

Minima = npt.NDArray[np.uint32]
Shingles = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Two documents in different splits with the same code, by exact Jaccard similarity."""

    first: str
    second: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """One batch: ids, places of splits in SPLIT_NAMES, minima; documents without code left out."""

    ids: list[str]
    splits: npt.NDArray[np.int8]
    minima: Minima


def near_duplicates_across_splits(release: Release) -> list[Leak]:
    """Return the pairs of documents in different splits that are near-duplicates, sorted."""
    config = duplicates_config(release)
    held_out = [sketch for split in HELD_OUT for sketch in _sketches(release, split)]
    if not held_out:
        return []
    index = _Index(_joined(held_out), config)
    candidates = {
        pair
        for split in SPLIT_NAMES
        for sketch in _sketches(release, split)
        for pair in index.pairs(sketch)
    }
    return sorted(_verified(release, candidates, config.threshold))


def duplicates_config(release: Release) -> NearDuplicates:
    """Return the settings under which the release was deduplicated; defaults where none is told."""
    told = release.manifest.config.get("duplicates", {})
    default = NearDuplicates()
    return NearDuplicates(
        threshold=told.get("threshold", default.threshold),
        bands=tuple(told.get("bands", default.bands)),
    )


class _Index:
    """The held-out documents by band."""

    def __init__(self, held_out: Sketch, config: NearDuplicates) -> None:
        self.held_out = held_out
        self.config = config
        keys = band_keys(held_out.minima, config.bands)
        self.order = np.argsort(keys, axis=1)
        self.sorted = np.take_along_axis(keys, self.order, axis=1)

    def pairs(self, sketch: Sketch) -> Iterator[tuple[str, str]]:
        """Yield ids of pairs that share a band, differ in split and look alike, smaller first."""
        keys = band_keys(sketch.minima, self.config.bands)
        for band in range(len(keys)):
            first = np.searchsorted(self.sorted[band], keys[band], side="left")
            last = np.searchsorted(self.sorted[band], keys[band], side="right")
            for row in np.flatnonzero(last > first):
                for other in self.order[band, first[row] : last[row]]:
                    if self._alike(sketch, int(row), int(other)):
                        yield _ordered(sketch.ids[row], self.held_out.ids[other])

    def _alike(self, sketch: Sketch, row: int, other: int) -> bool:
        if sketch.splits[row] == self.held_out.splits[other]:
            return False
        agreement = np.mean(sketch.minima[row] == self.held_out.minima[other])
        return bool(agreement >= self.config.threshold - SLACK)


def _ordered(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)


def _joined(sketches: list[Sketch]) -> Sketch:
    return Sketch(
        [document for sketch in sketches for document in sketch.ids],
        np.concatenate([sketch.splits for sketch in sketches]),
        np.concatenate([sketch.minima for sketch in sketches]),
    )


def _sketches(release: Release, split: str) -> Iterator[Sketch]:
    """Yield the sketches of one split, a batch of text at a time."""
    columns = ["document_id", "language", "text"]
    for batch in release.batches("documents", columns, split, BATCH_ROWS):
        rows = list(_texts(batch))
        if rows:
            places = np.full(len(rows), SPLIT_NAMES.index(split), dtype=np.int8)
            yield Sketch([row[0] for row in rows], places, np.stack([row[1] for row in rows]))


def _texts(batch: pa.RecordBatch) -> Iterator[tuple[str, Minima]]:
    for document, language, text in zip(
        *(batch[name].to_pylist() for name in ("document_id", "language", "text")), strict=True
    ):
        data = text.encode()
        spans = [match.span() for match in DOCUMENTATION.finditer(data)]
        found = fingerprint(data, language, spans)
        if len(found.shingles):
            yield document, found.signature


def _verified(
    release: Release, candidates: set[tuple[str, str]], threshold: float
) -> Iterator[Leak]:
    """Compare candidates by the shingles that the builder would give them."""
    wanted = pa.array(sorted({document for pair in candidates for document in pair}), pa.string())
    shingles = dict(_shingles(release, wanted)) if len(wanted) else {}
    for first, second in candidates:
        similarity = jaccard(shingles[first], shingles[second])
        if similarity >= threshold:
            yield Leak(first, second, similarity)


def _shingles(release: Release, wanted: pa.Array) -> Iterator[tuple[str, Shingles]]:
    from corpus.ingest.source_file import EXTRACTORS, nothing  # grammars, only if there is need

    columns = ["document_id", "language", "text"]
    for batch in release.batches("documents", columns, batch_size=BATCH_ROWS):
        chosen = batch.filter(pc.is_in(batch["document_id"], value_set=wanted))
        for row in chosen.to_pylist():
            data, language = row["text"].encode(), row["language"]
            spans = EXTRACTORS.get(language, nothing)(data).doc_spans
            yield row["document_id"], fingerprint(data, language, spans).shingles


def jaccard(first: Shingles, second: Shingles) -> float:
    """Return the Jaccard similarity of two sets given as sorted, unique arrays."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)
