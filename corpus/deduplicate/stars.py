"""Near-duplicates among candidates: kept and dropped documents, and connected components.

Documents are processed in order of preference. The first is kept. Each next one is dropped if its
exact Jaccard similarity to a kept document reaches the threshold, and is kept otherwise. Therefore
no two kept documents among the candidates are near-duplicates, every dropped one is a
near-duplicate of its representative, and a chain of small edits loses nothing.

Inside one package similarity is not sufficient, because modules are often written from the same
pattern: there a document is dropped only for one that has all of its functions and nearly all of
the rest (`InsidePackage`). Two kept documents of one package may therefore be similar.

Components join all documents over verified edges, dropped ones included. An edge inside a component
changes neither result, so such candidates are skipped; this makes a bucket with thousands of copies
linear. In a bucket with thousands of documents that are *not* duplicates, each pair is compared,
which an exact result requires; memory is limited to a row of candidates. Documents of one package
with the same shape but without common functions are distinguished by a digest before they are read.
If more than `most_in_vain` documents of one package share a bucket, each of them is compared with
its own package only until that many comparisons dropped nothing. The time for files of one shape in
one package is therefore proportional to their number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from corpus.deduplicate.banding import Buckets

Indices = npt.NDArray[np.int64]
Numbered = npt.NDArray[np.integer]
Similarities = npt.NDArray[np.float64]

_AT_ONCE = 1 << 18
"""Number of shingles of candidates that are compared at once (2 MiB)."""


class Shingles(Protocol):
    """A source of shingles or digests of functions; `sizes` has their number for each document."""

    sizes: Indices

    def shingles(self, document: int) -> npt.NDArray[np.uint64]:
        """Return a document's numbers, sorted and unique."""


@dataclass(frozen=True, slots=True)
class InsidePackage:
    """Conditions, besides similarity, to drop a document for another of its package.

    All its `functions` and at least `share` of its shingles are in the other one, and at most
    `most_missing` of them are not. The same path in another version is an earlier state of the same
    file, for which similarity is sufficient.

    `packages` and `paths` have one number per document, equal for equal values; `first_functions`
    has any one of its functions, or 0. A document is compared with others of its package until
    `most_in_vain` of them were not dropped for it, if more than that share a bucket with it.
    """

    share: float
    most_missing: int
    most_in_vain: int
    packages: npt.NDArray[np.int32]
    paths: npt.NDArray[np.int32]
    functions: Shingles
    first_functions: npt.NDArray[np.uint64]

    def hold(self, document: int, others: Numbered) -> npt.NDArray[np.bool_]:
        """Return which of `others` the rule applies to if they might be dropped for `document`."""
        same = self.packages[others] == self.packages[document]
        held: npt.NDArray[np.bool_] = same & (self.paths[others] != self.paths[document])
        return held

    def hopeless(self, document: int, others: Numbered) -> npt.NDArray[np.bool_]:
        """Return which of `others` have a function that `document` lacks, from one function of
        each.
        """
        held = self.hold(document, others)
        places = np.flatnonzero(held)
        if len(places):
            firsts = self.first_functions[others[places]]
            lacks = ~np.isin(firsts, self.functions.shingles(document))
            held[places] = lacks & (firsts != 0)
        return held

    def stands_in(self, document: int, others: Indices, common: Indices, sizes: Indices) -> Indices:
        """Return the indices in `others` of those that the rule allows to drop for `document`.

        `common` is the number of shingles that each shares with it, of `sizes` in all.
        """
        held = self.hold(document, others)
        free = ~held
        if not held.any():
            return np.flatnonzero(free)
        mine = self.functions.shingles(document)
        most = (common >= self.share * sizes) & (sizes - common <= self.most_missing)
        for place in np.flatnonzero(held & most).tolist():
            theirs = self.functions.shingles(int(others[place]))
            free[place] = bool(np.isin(theirs, mine).all())
        return np.flatnonzero(free)


@dataclass(frozen=True, slots=True)
class Stars:
    """The result, with one entry per document in the order of preference.

    `representatives` is the document itself if it is kept; `similarities` are to the
    representative; `components` is the first document that is connected by verified edges.
    """

    representatives: Indices
    similarities: Similarities
    components: Indices


def stars(
    candidates: Buckets, shingles: Shingles, threshold: float, inside: InsidePackage | None = None
) -> Stars:
    """Verify candidates by exact Jaccard similarity, and choose the representatives."""
    search = _Search(candidates, shingles, threshold, inside)
    for document in np.unique(candidates.members):
        search.visit(int(document))
    return search.result()


class _Crowds:
    """Buckets with more than a given number of documents of one package."""

    def __init__(self, candidates: Buckets, inside: InsidePackage) -> None:
        self._buckets = candidates
        self._packages = inside.packages
        self._paths = inside.paths
        self._crowds: set[tuple[int, int]] = set()
        self._package = -1
        self._divided: dict[int, tuple[Numbered, Numbered]] = {}
        self._by_path: dict[int, Numbered] = {}
        sizes = np.diff(candidates.starts)
        for bucket in np.flatnonzero(sizes > inside.most_in_vain).tolist():
            packages, counts = np.unique(inside.packages[self._members(bucket)], return_counts=True)
            crowding = packages[counts > inside.most_in_vain].tolist()
            self._crowds.update((bucket, package) for package in crowding)

    def of(self, document: int, owners: Numbered) -> npt.NDArray[np.bool_]:
        """Return in which of its buckets a document is among many of its package."""
        if not self._crowds:
            return np.zeros(len(owners), dtype=bool)
        package = int(self._packages[document])
        return np.array([(bucket, package) in self._crowds for bucket in owners.tolist()], bool)

    def own(self, document: int, bucket: int) -> Numbered:
        """Return the members of a bucket that belong to the package of a document."""
        return self._division(document, bucket)[0]

    def states(self, document: int, bucket: int) -> Numbered:
        """Return the later members of a bucket that are earlier states of the same file."""
        own, path = self.own(document, bucket), self._paths[document]
        if bucket not in self._by_path:
            self._by_path[bucket] = own[np.argsort(self._paths[own], kind="stable")]
        ordered = self._by_path[bucket]
        first, end = np.searchsorted(self._paths[ordered], [path, path + 1])
        same = ordered[first:end]
        return same[same > document]

    def strangers(self, document: int, bucket: int) -> Numbered:
        """Return the later members of a bucket that belong to other packages."""
        members = self._division(document, bucket)[1]
        later: Numbered = members[np.searchsorted(members, document) :]
        return later

    def close(self, document: int, bucket: int) -> None:
        """Remove members of other packages, whose comparisons are finished."""
        self._divided[bucket] = (self.own(document, bucket), np.empty(0, dtype=np.int32))

    def _division(self, document: int, bucket: int) -> tuple[Numbered, Numbered]:
        """Divide a bucket by package; the result is kept while one package is processed."""
        package = int(self._packages[document])
        if package != self._package:
            self._package, self._divided, self._by_path = package, {}, {}
        if bucket not in self._divided:
            members = self._members(bucket)
            own = self._packages[members] == package
            self._divided[bucket] = members[own], members[~own]
        return self._divided[bucket]

    def _members(self, bucket: int) -> Numbered:
        starts = self._buckets.starts
        return self._buckets.members[starts[bucket] : starts[bucket + 1]]


class _Search:
    """The state of one pass over the documents in order of preference."""

    def __init__(
        self,
        candidates: Buckets,
        shingles: Shingles,
        threshold: float,
        inside: InsidePackage | None,
    ) -> None:
        documents = len(candidates.firsts) - 1
        self._buckets = candidates
        self._shingles = shingles
        self._sizes = shingles.sizes
        self._threshold = threshold
        self._inside = inside
        self._crowds = _Crowds(candidates, inside) if inside else None
        self._open = np.ones(len(candidates), dtype=bool)
        self._representatives = np.full(documents, -1)
        self._similarities = np.ones(documents)
        self._parents = np.arange(documents)

    def visit(self, document: int) -> None:
        """Decide on one document, and verify its candidates further down the order."""
        kept = self._representatives[document] < 0
        if kept:
            self._representatives[document] = document
        places = self._open_places(document)
        if self._crowds is None:
            self._settle(document, kept, self._unsettled(document, kept, places))
            return
        crowded = self._crowds.of(document, self._buckets.owners[places])
        self._settle(document, kept, self._unsettled(document, kept, places[~crowded]))
        crowds = self._buckets.owners[places[crowded]].tolist()
        self._settle(document, kept, self._strangers(document, kept, self._crowds, crowds))
        if kept:
            self._settle_crowds(document, self._crowds, crowds)

    def _settle(self, document: int, kept: bool, others: Indices) -> int:
        """Verify candidates, drop those that a kept document represents, and count these."""
        others, similarities, common = self._verified(document, others)
        free = np.empty(0, dtype=np.int64)
        if kept:
            free = np.flatnonzero(self._representatives[others] < 0)
            if self._inside is not None:
                sizes = self._sizes[others[free]]
                free = free[self._inside.stands_in(document, others[free], common[free], sizes)]
            self._representatives[others[free]] = document
            self._similarities[others[free]] = similarities[free]
        self._unite(document, others)
        return len(free)

    def result(self) -> Stars:
        """Return the result; documents that were not candidates represent themselves."""
        everyone = np.arange(len(self._parents))
        alone = self._representatives < 0
        representatives = np.where(alone, everyone, self._representatives)
        return Stars(representatives, self._similarities, self._roots(everyone))

    def _open_places(self, document: int) -> Indices:
        """Return the positions of a document among the members of all open buckets."""
        firsts = self._buckets.firsts
        places = self._buckets.places[firsts[document] : firsts[document + 1]]
        opened: Indices = places[self._open[self._buckets.owners[places]]]
        return opened

    def _unsettled(self, document: int, kept: bool, places: Indices) -> Indices:
        """Return later candidates that `document` might represent, or is not connected to yet.

        `places` are the positions of `document` in its buckets. Buckets in which all are decided
        and connected are closed.
        """
        owners = self._buckets.owners[places]
        ends = self._buckets.starts[owners + 1]
        pieces = [self._buckets.members[a + 1 : b] for a, b in zip(places, ends, strict=True)]
        others, is_settled = self._of_interest(document, kept, pieces)
        if is_settled:
            self._open[owners] = False
        return others

    def _strangers(
        self, document: int, kept: bool, crowds: _Crowds, buckets: Sequence[int]
    ) -> Indices:
        """Return the same as `_unsettled`; from crowded buckets only members of other packages."""
        pieces = [crowds.strangers(document, bucket) for bucket in buckets]
        others, is_settled = self._of_interest(document, kept, pieces)
        if is_settled:
            for bucket in buckets:
                crowds.close(document, bucket)
        return others

    def _of_interest(
        self, document: int, kept: bool, pieces: Sequence[Numbered]
    ) -> tuple[Indices, bool]:
        """Return those that `document` might represent or is not connected to.

        And whether all are decided and connected.
        """
        others = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int32)
        apart = self._roots(others) != self._roots(np.array([document]))
        undecided = self._representatives[others] < 0
        is_settled = not (apart | undecided).any()
        if not kept:
            undecided[:] = False
        elif self._inside is not None:
            undecided[undecided] = ~self._inside.hopeless(document, others[undecided])
        return np.unique(others[apart | undecided]).astype(np.int64), is_settled

    def _settle_crowds(self, document: int, crowds: _Crowds, buckets: Sequence[int]) -> None:
        """Compare a kept document with the others of its package in crowded buckets.

        Earlier states of the same file come first, then the others in order, until `most_in_vain`
        of them were not dropped.
        """
        assert self._inside is not None
        if buckets:
            states = np.concatenate([crowds.states(document, bucket) for bucket in buckets])
            undecided = states[self._representatives[states] < 0]
            self._settle(document, True, np.unique(undecided).astype(np.int64))
        left, last = self._inside.most_in_vain, document
        members = [crowds.own(document, bucket) for bucket in buckets]
        while left > 0 and members:
            found = np.unique(np.concatenate([self._next(each, last, left) for each in members]))
            others = found[:left].astype(np.int64)
            if not len(others):
                return
            last = int(others[-1])
            hopeful = others[~self._inside.hopeless(document, others)]
            left -= len(others) - self._settle(document, True, hopeful)

    def _next(self, members: Numbered, after: int, count: int) -> Numbered:
        """Return the first `count` undecided members after one of them."""
        found: list[Numbered] = []
        place = int(np.searchsorted(members, after, side="right"))
        missing = count
        while missing > 0 and place < len(members):
            some = members[place : place + 4 * count]
            place += len(some)
            found.append(some[self._representatives[some] < 0][:missing])
            missing -= len(found[-1])
        return np.concatenate(found) if found else np.empty(0, dtype=np.int32)

    def _verified(self, document: int, others: Indices) -> tuple[Indices, Similarities, Indices]:
        """Return those of `others` whose exact similarity reaches the threshold.

        Also returns their similarities and the numbers of shingles shared with `document`.
        """
        size = self._sizes[document]
        sizes = self._sizes[others]
        smaller, larger = np.minimum(size, sizes), np.maximum(size, sizes)
        others = others[smaller >= self._threshold * larger]
        if not len(others):
            return others, np.empty(0), np.empty(0, dtype=np.int64)
        mine = self._shingles.shingles(document)
        common = np.concatenate([self._common(mine, part) for part in self._portions(others)])
        similarities = common / (len(mine) + self._sizes[others] - common)
        near = similarities >= self._threshold
        return others[near], similarities[near], common[near]

    def _portions(self, others: Indices) -> Iterator[Indices]:
        """Divide `others` into portions by the number of shingles in memory at once."""
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
        """Find the component of each document, with path compression."""
        parents: Indices = self._parents[documents]
        while (above := self._parents[parents]).tobytes() != parents.tobytes():
            parents = above
        self._parents[documents] = parents
        return parents

    def _unite(self, document: int, others: Indices) -> None:
        roots = self._roots(np.append(others, document))
        self._parents[roots] = roots.min()
