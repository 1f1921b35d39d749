"""Near-duplicates among candidates: who is kept, who is dropped for whom, and what hangs together.

Documents are taken in order of preference. The first is kept. Each next one is dropped if its exact
Jaccard similarity to a document that is kept already reaches the threshold, and is kept otherwise.
So no two kept documents among the candidates are near-duplicates, every dropped one is a
near-duplicate of the one that stands for it, and a chain of small edits loses nothing.

Components join all documents over verified edges, dropped ones included. An edge inside a component
changes neither answer, so such candidates are passed over: that is what keeps a bucket with
thousands of copies linear. A bucket with thousands of documents that are *not* duplicates costs one
comparison a pair, which is what exactness takes; memory stays at a row of candidates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from corpus.deduplicate.banding import Buckets

Indices = npt.NDArray[np.int64]
Similarities = npt.NDArray[np.float64]

_AT_ONCE = 1 << 18
"""Shingles of candidates compared at once (2 MiB)."""


class Shingles(Protocol):
    """Where shingles are read from; `sizes` counts each document's."""

    sizes: Indices

    def shingles(self, document: int) -> npt.NDArray[np.uint64]:
        """Return a document's shingles, sorted and unique."""


@dataclass(frozen=True, slots=True)
class Stars:
    """One entry a document, which is named by its place in the order of preference.

    `representatives` is the document itself where it is kept; `similarities` are to it;
    `components` is the first document that is connected by verified edges.
    """

    representatives: Indices
    similarities: Similarities
    components: Indices


def stars(candidates: Buckets, shingles: Shingles, threshold: float) -> Stars:
    """Verify candidates by exact Jaccard similarity and settle who stands for whom."""
    search = _Search(candidates, shingles, threshold)
    for document in np.unique(candidates.members):
        search.visit(int(document))
    return search.result()


class _Search:
    """The state of one pass over the documents in order of preference."""

    def __init__(self, candidates: Buckets, shingles: Shingles, threshold: float) -> None:
        documents = len(candidates.firsts) - 1
        self._buckets = candidates
        self._shingles = shingles
        self._sizes = shingles.sizes
        self._threshold = threshold
        self._open = np.ones(len(candidates), dtype=bool)
        self._representatives = np.full(documents, -1)
        self._similarities = np.ones(documents)
        self._parents = np.arange(documents)

    def visit(self, document: int) -> None:
        """Decide on one document, and verify its candidates further down the order."""
        kept = self._representatives[document] < 0
        if kept:
            self._representatives[document] = document
        others = self._unsettled(document)
        if not kept:
            others = others[self._roots(others) != self._roots(np.array([document]))]
        others, similarities = self._verified(document, others)
        if kept:
            free = self._representatives[others] < 0
            self._representatives[others[free]] = document
            self._similarities[others[free]] = similarities[free]
        self._unite(document, others)

    def result(self) -> Stars:
        """Return the answer; documents that were nobody's candidate stand for themselves."""
        everyone = np.arange(len(self._parents))
        alone = self._representatives < 0
        representatives = np.where(alone, everyone, self._representatives)
        return Stars(representatives, self._similarities, self._roots(everyone))

    def _unsettled(self, document: int) -> Indices:
        """Return later candidates that are undecided yet, or not connected to `document`.

        Where there are none, its buckets have nothing more to say to anyone, and are closed.
        """
        own = self._buckets.places[
            self._buckets.firsts[document] : self._buckets.firsts[document + 1]
        ]
        owners = self._buckets.owners[own]
        alive = self._open[owners]
        own, owners = own[alive], owners[alive]
        ends = self._buckets.starts[owners + 1]
        pieces = [self._buckets.members[a + 1 : b] for a, b in zip(own, ends, strict=True)]
        others = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int32)
        root = self._roots(np.array([document]))
        others = others[(self._representatives[others] < 0) | (self._roots(others) != root)]
        if not len(others):
            self._open[owners] = False
        return np.unique(others).astype(np.int64)

    def _verified(self, document: int, others: Indices) -> tuple[Indices, Similarities]:
        """Return those of `others` whose exact similarity reaches the threshold, and theirs."""
        size = self._sizes[document]
        sizes = self._sizes[others]
        smaller, larger = np.minimum(size, sizes), np.maximum(size, sizes)
        others = others[smaller >= self._threshold * larger]
        similarities = self._jaccard(document, others)
        near = similarities >= self._threshold
        return others[near], similarities[near]

    def _jaccard(self, document: int, others: Indices) -> Similarities:
        if not len(others):
            return np.empty(0)
        mine = self._shingles.shingles(document)
        common = np.concatenate([self._common(mine, part) for part in self._portions(others)])
        similarities: Similarities = common / (len(mine) + self._sizes[others] - common)
        return similarities

    def _portions(self, others: Indices) -> Iterator[Indices]:
        """Cut `others` so that a portion's shingles, or one document's, are held at once."""
        portion = np.cumsum(self._sizes[others]) // _AT_ONCE
        yield from np.split(others, np.flatnonzero(np.diff(portion)) + 1)

    def _common(self, mine: npt.NDArray[np.uint64], others: Indices) -> Indices:
        """Count the shingles that each of `others` has in common with `mine`."""
        theirs = np.concatenate([self._shingles.shingles(int(other)) for other in others])
        found = np.searchsorted(mine, theirs)
        hits = mine.take(found, mode="clip") == theirs
        firsts = np.cumsum(self._sizes[others]) - self._sizes[others]
        counts: Indices = np.add.reduceat(hits, firsts, dtype=np.int64)
        return counts

    def _roots(self, documents: npt.NDArray[np.integer]) -> Indices:
        """Find the component of each document, and shorten the way there."""
        parents: Indices = self._parents[documents]
        while (above := self._parents[parents]).tobytes() != parents.tobytes():
            parents = above
        self._parents[documents] = parents
        return parents

    def _unite(self, document: int, others: Indices) -> None:
        roots = self._roots(np.append(others, document))
        self._parents[roots] = roots.min()
