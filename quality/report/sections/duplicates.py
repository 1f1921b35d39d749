"""What was dropped because it stands in the corpus already, and how close the calls were."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.reasons import Reason
from quality.keys import Keys, among, joined, keys
from quality.report.figures import Numbers, Row, Section, even_histogram, share, tally, total
from quality.report.sources import Sources
from quality.settings import built_under

SIMILARITY = re.compile(r"similarity (\d\.\d+)")
"""How `corpus.selection` tells the similarity in the detail of a reject."""
LARGEST = 10
MOSTLY = 0.5
"""Share of a package's bytes from which it is called a copy of another."""
DUPLICATES = (Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value)


def duplicates(sources: Sources) -> Section:
    """Return counts, cluster sizes, similarities and where duplicates came from."""
    dropped = sources.rejected_files
    exact, near = (
        dropped.filter(pc.equal(dropped["reason"], reason.value))
        for reason in (Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE)
    )
    compared = sources.documents.num_rows + exact.num_rows + near.num_rows
    threshold = _threshold(sources)
    kept = read_representatives(sources)
    return {
        "compared": compared,
        "threshold": threshold,
        "exact": _dropped(exact, compared),
        "near": _dropped(near, compared),
        **_by_package(sources, kept, exact.num_rows + near.num_rows),
        "similarities": _similarities(sources, threshold),
        "clusters": _clusters(sources, kept),
    }


def _threshold(sources: Sources) -> float:
    return built_under(sources.release).duplicates.threshold


def _dropped(table: pa.Table, compared: int) -> Row:
    return {
        "documents": table.num_rows,
        "bytes": total(table, "bytes"),
        "share": share(table.num_rows, compared),
    }


def similarity_of(detail: str | None) -> float | None:
    """Return the similarity that a reject's detail tells, None where it tells none."""
    found = SIMILARITY.search(detail or "")
    return float(found[1]) if found else None


def _duplicates(sources: Sources) -> Iterator[pa.RecordBatch]:
    """Yield the files that were dropped as duplicates."""
    columns = ["path", "package", "version", "bytes", "reason", "detail", "representative_id"]
    columns.append("functions_lost")
    for batch in sources.batches("rejects", columns):
        is_file = pc.not_equal(batch["path"], "")
        is_duplicate = pc.is_in(batch["reason"], value_set=pa.array(DUPLICATES))
        yield batch.filter(pc.and_(is_file, is_duplicate))


def _similarities(sources: Sources, threshold: float) -> list[Row]:
    values = [
        similarity_of(detail)
        for batch in _duplicates(sources)
        for reason, detail in zip(
            *(batch[n].to_pylist() for n in ("reason", "detail")), strict=True
        )
        if reason == Reason.NEAR_DUPLICATE.value
    ]
    known = np.array([value for value in values if value is not None])
    return even_histogram(known, threshold, 1.0, 15) if len(known) else []


@dataclass(slots=True)
class _Dropped:
    """What of one package was dropped for another: documents, and their bytes."""

    documents: int = 0
    bytes: int = 0


def _by_package(sources: Sources, kept: "Representatives", dropped: int) -> dict[str, Row]:
    """Tell duplicates by the package that they were dropped in and the one that stands for them."""
    pairs: defaultdict[tuple[str, str], _Dropped] = defaultdict(_Dropped)
    lost: Counter[str] = Counter()
    for row, (package, version) in _with_representatives(sources, kept):
        pair = pairs[row["package"], package]
        pair.documents += 1
        pair.bytes += row["bytes"]
        is_same = row["package"] == package
        where = ("versions", "inside")[row["version"] == version] if is_same else "across"
        lost[where] += row["functions_lost"] or 0
    across = {pair: found for pair, found in pairs.items() if pair[0] != pair[1]}
    documents = sum(found.documents for found in across.values())
    ordered = sorted(across.items(), key=lambda item: (-item[1].documents, item[0]))[:LARGEST]
    return {
        "across_packages": {
            "documents": documents,
            "share": share(documents, dropped),
            "pairs": [
                {"dropped": a, "kept": b, "documents": found.documents} for (a, b), found in ordered
            ],
        },
        "copied_packages": _copied(sources, pairs),
        "functions_lost": {
            "inside_packages": lost["inside"],
            "earlier_versions": lost["versions"],
            "across_packages": lost["across"],
        },
    }


def _with_representatives(
    sources: Sources, kept: "Representatives"
) -> Iterator[tuple[Row, tuple[str, str]]]:
    """Yield each duplicate, with package and version of the document that stands for it."""
    for batch in _duplicates(sources):
        told = batch.filter(pc.is_valid(batch["representative_id"]))
        known = told.filter(pa.array(kept.knows(told["representative_id"])))
        packages = kept.packages_of(known["representative_id"])
        yield from zip(known.to_pylist(), packages, strict=True)


def _copied(sources: Sources, pairs: Mapping[tuple[str, str], _Dropped]) -> Row:
    """Name the packages of which most bytes were dropped for one other package."""
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for row in tally(sources.documents, "package"):
        sizes[row["name"]], files[row["name"]] = row["bytes"], row["documents"]
    for (package, _), found in pairs.items():
        sizes[package] += found.bytes
        files[package] += found.documents
    copies = sorted(
        (-found.bytes, pair)
        for pair, found in pairs.items()
        if pair[0] != pair[1] and found.bytes >= MOSTLY * sizes[pair[0]]
    )
    rows = [
        {
            "package": pair[0],
            "of": pair[1],
            "documents": pairs[pair].documents,
            "share_of_documents": share(pairs[pair].documents, files[pair[0]]),
            "bytes": pairs[pair].bytes,
            "share_of_bytes": share(pairs[pair].bytes, sizes[pair[0]]),
        }
        for _, pair in copies[:LARGEST]
    ]
    return {"count": len(copies), "largest": rows}


def _clusters(sources: Sources, kept: "Representatives") -> Row:
    """Count clusters by size; a cluster is what hangs together over verified edges."""
    of_dropped = [kept.clusters_of(batch["representative_id"]) for batch in _duplicates(sources)]
    found, sizes = np.unique(joined([kept.clusters, *of_dropped]), return_counts=True)
    return {
        "count": len(sizes),
        "of_several": int((sizes > 1).sum()),
        "sizes": _sizes(sizes),
        "largest": _largest(sources, found, sizes),
    }


def _sizes(sizes: Numbers) -> list[Row]:
    """Count clusters and files in ranges of size."""
    ranges = [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, None)]
    rows = []
    for least, most in ranges:
        within = sizes[(sizes >= least) & (sizes <= (most or np.inf))]
        row = {"from": least, "to": most, "clusters": len(within), "files": int(within.sum())}
        rows.append(row)
    return rows


def _largest(sources: Sources, found: Keys, sizes: Numbers) -> list[Row]:
    """Name the largest clusters of several, each by the first of its documents."""
    chosen: dict[str, int] = {}
    for batch in sources.batches("documents", ["cluster_id"]):
        ids = batch[0].unique().drop_null()
        files = sizes[among(keys(ids), found)].tolist()
        several = {name: n for name, n in zip(ids.to_pylist(), files, strict=True) if n > 1}
        ordered = sorted((chosen | several).items(), key=lambda item: (-item[1], item[0]))
        chosen = dict(ordered[:LARGEST])
    documents = _of_clusters(sources, list(chosen))
    return [{"files": files, **documents[name]} for name, files in chosen.items()]


def _of_clusters(sources: Sources, ids: list[str]) -> dict[str, Row]:
    """Count the documents of a few clusters, and name the first of each by its id."""
    first: dict[str, Row] = {}
    counts: Counter[str] = Counter()
    for batch in sources.batches("documents", ["cluster_id", "document_id", "package", "path"]):
        chosen = batch.filter(pc.is_in(batch[0], value_set=pa.array(ids, pa.string())))
        for row in chosen.to_pylist():
            counts[row["cluster_id"]] += 1
            known = first.setdefault(row["cluster_id"], row)
            first[row["cluster_id"]] = min(known, row, key=itemgetter("document_id"))
    return {
        name: {"kept": counts[name], "package": row["package"], "path": row["path"]}
        for name, row in first.items()
    }


@dataclass(frozen=True, slots=True)
class Representatives:
    """All documents, sorted by key: 36 bytes each."""

    ids: Keys
    clusters: Keys
    packages: npt.NDArray[np.int32]
    """Place of each document's package and version in `names`."""
    names: tuple[tuple[str, str], ...]

    def packages_of(self, ids: pa.Array) -> list[tuple[str, str]]:
        """Return package and version of the documents known among `ids`, in their order."""
        return [self.names[place] for place in self.packages[self._places(ids)].tolist()]

    def clusters_of(self, ids: pa.Array) -> Keys:
        """Return the clusters of the documents that are known among `ids`, in their order."""
        return self.clusters[self._places(ids)]

    def knows(self, ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Say of each id, none of them null, whether there is such a document."""
        return among(keys(ids), self.ids) >= 0

    def _places(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        places = among(keys(ids), self.ids)
        return places[places >= 0]


def read_representatives(sources: Sources) -> Representatives:
    """Read ids, clusters and packages of all documents that have an id and a cluster."""
    ids, clusters, packages = [], [], [np.empty(0, dtype=np.int32)]
    numbers: dict[tuple[str, str], int] = {}
    columns = ["document_id", "cluster_id", "package", "version"]
    for batch in sources.batches("documents", columns):
        known = batch.filter(pc.and_(pc.is_valid(batch[0]), pc.is_valid(batch[1])))
        ids.append(keys(known[0]))
        clusters.append(keys(known[1]))
        names = zip(known[2].to_pylist(), known[3].to_pylist(), strict=True)
        places = [numbers.setdefault(name, len(numbers)) for name in names]
        packages.append(np.array(places, dtype=np.int32))
    unordered = joined(ids)
    order = np.argsort(unordered, kind="stable")
    return Representatives(
        unordered[order], joined(clusters)[order], np.concatenate(packages)[order], tuple(numbers)
    )
