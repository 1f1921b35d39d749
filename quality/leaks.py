"""Near-duplicates across splits, looked for again in the finished release.

The builder drops near-duplicates before it splits; this check does not believe it. Comparing costs
an extraction a document, so it is done for candidates only: a first pass fingerprints every text
with its documentation cut out roughly, and pairs held-out documents with others by the bands that
the builder uses too; a second pass reads the candidates again and compares them exactly. Neither
keeps what it reads in memory.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.deduplicate.scratch import Scratch, open_scratch
from corpus.fingerprint import FingerprintConfig, fingerprint
from corpus.release import Release
from corpus.tables import SPLIT_NAMES
from quality.settings import BuiltUnder, built_under
from quality.sketches import HELD_OUT, Numbers, documents, open_sketches, texts

Shingles = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Two documents in different splits with the same code, by exact Jaccard similarity."""

    first: str
    second: str
    similarity: float


def near_duplicates_across_splits(release: Release) -> list[Leak]:
    """Return the pairs of documents in different splits that are near-duplicates, sorted."""
    if not any(release.shards("documents", SPLIT_NAMES[place]) for place in HELD_OUT):
        return []
    built = built_under(release)
    with open_sketches(release, built.duplicates, built.fingerprint) as sketches:
        pairs = sketches.pairs()
    return _named(release, list(_verified(release, pairs, built)))


def _verified(
    release: Release, pairs: Numbers, built: BuiltUnder
) -> Iterator[tuple[int, int, float]]:
    """Compare candidates by the shingles that the builder would give them; pairs are sorted."""
    wanted, places = np.unique(pairs, return_inverse=True)
    if not len(wanted):
        return
    with open_scratch(Path(tempfile.gettempdir()), len(wanted), bands=0) as scratch:
        _spill(release, wanted, scratch, built.fingerprint)
        last, mine = -1, np.empty(0, dtype=np.uint64)
        for first, second in places.reshape(-1, 2).tolist():
            if first != last:
                last, mine = first, scratch.shingles(first)
            similarity = jaccard(mine, scratch.shingles(second))
            if similarity >= built.duplicates.threshold:
                yield int(wanted[first]), int(wanted[second]), similarity


def _spill(release: Release, wanted: Numbers, scratch: Scratch, config: FingerprintConfig) -> None:
    """Extract and fingerprint the wanted documents, and write their shingles to the scratch."""
    from corpus.ingest.source_file import EXTRACTORS, nothing  # grammars, only if there is need

    no_keys = np.empty((0, 1), dtype=np.uint64)
    for position, batch in _chosen(release, wanted, ["language", "text"]):
        for place, (language, text) in enumerate(texts(batch), start=position):
            spans = EXTRACTORS.get(language, nothing)(text).doc_spans
            shingles = fingerprint(text, language, spans, config).shingles
            scratch.add(np.array([place]), np.array([len(shingles)]), shingles, no_keys)


def _named(release: Release, found: list[tuple[int, int, float]]) -> list[Leak]:
    """Tell leaks by the ids of their documents instead of positions."""
    positions = np.unique(np.array([pair[:2] for pair in found], dtype=np.int64))
    ids: dict[int, str] = {}
    for place, batch in _chosen(release, positions, ["document_id"]):
        ids.update(zip(positions[place:].tolist(), batch[0].to_pylist(), strict=False))
    return sorted(_leak(ids[first], ids[second], similarity) for first, second, similarity in found)


def _leak(one: str, other: str, similarity: float) -> Leak:
    return Leak(min(one, other), max(one, other), similarity)


def _chosen(
    release: Release, wanted: Numbers, columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows at the wanted positions, sorted, with the place in `wanted` of the first."""
    if not len(wanted):
        return
    for position, _, batch in documents(release, columns):
        first, last = np.searchsorted(wanted, [position, position + len(batch)])
        if first < last:
            yield int(first), batch.take(wanted[first:last] - position)


def jaccard(first: Shingles, second: Shingles) -> float:
    """Return the Jaccard similarity of two sets given as sorted, unique arrays; 0 of nothing."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / max(len(first) + len(second) - shared, 1)
