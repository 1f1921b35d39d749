"""Sections about rejected archives and files, duplicates and their representatives, and data that
was removed from kept documents.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.reasons import Reason
from corpus.release import Release, Span
from corpus.rows import RedactionRow
from corpus.tables import ATTRIBUTION_TABLE
from quality.lookup import Keys, among, joined, keys
from quality.partial import Counts, Each, Listed, summed
from quality.report.figures import Bin, Files, Numbers, Section, even_histogram, share, total
from quality.report.sources import First, Partial, Refusals, Sources, similarity_of, tally
from quality.settings import built_under

LARGEST = 10
MOSTLY = 0.5
"""A package is called a copy of another if at least this share of its bytes was dropped for it."""
DUPLICATES = (Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value)
EXAMPLES = 5
SIGNALS = ("hidden_characters", "control_tokens")
LOOKUP_ROWS = 2048


def funnel(sources: Sources) -> Section:
    """Return the number of archives and files seen and kept, with a count for each reason of
    rejection.
    """
    return {"archives": _archives(sources), "files": _files(sources)}


def _archives(sources: Sources) -> Section:
    """Count archives. An archive refused for its licence has no reject row, but its files have."""
    manifest = sources.release.manifest
    rejected = _reasons(sources)
    told = sources.of(Refusals).license_reasons
    refused = [item for item in manifest.inputs if not item.kept and item.license_evidence]
    rejected.update(("license", told.get(item.sha256, "license_unknown")) for item in refused)
    kept = sum(item.kept for item in manifest.inputs)
    used = len(pc.unique(sources.documents["package"]))
    return {
        "seen": manifest.archives_seen,
        "reasons": _listed(rejected, manifest.archives_seen),
        "kept": kept,
        "packages_with_documents": used,
    }


def _reasons(sources: Sources) -> Counter[tuple[str, str]]:
    archives = sources.of(Refusals).of("archive")
    columns = (archives[name].to_pylist() for name in ("stage", "reason", "rows"))
    return Counter({(stage, reason): rows for stage, reason, rows in zip(*columns, strict=True)})


def _listed(counts: Counter[tuple[str, str]], seen: int) -> list[Section]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"stage": stage, "reason": reason, "count": count, "share": share(count, seen)}
        for (stage, reason), count in ordered
    ]


def _files(sources: Sources) -> Files:
    manifest = sources.release.manifest
    return {
        "seen": manifest.files_seen,
        "stages": [
            {
                "stage": stage.stage,
                "files_in": stage.files_in,
                "files_out": stage.files_out,
                "reasons": [
                    {"reason": reason, "count": count, "share": share(count, manifest.files_seen)}
                    for reason, count in sorted(
                        stage.reasons.items(), key=lambda item: (-item[1], item[0])
                    )
                ],
            }
            for stage in manifest.stages
        ],
        "documents": total(sources.documents, "rows"),
        "rejected_bytes": _bytes_by_reason(sources),
    }


def _bytes_by_reason(sources: Sources) -> dict[str, int]:
    found = summed(sources.of(Refusals).of("file"), ["reason"], ["bytes"])
    pairs = zip(*(values.to_pylist() for values in found.columns), strict=True)
    return {reason: size or 0 for reason, size in sorted(pairs)}


def duplicates(sources: Sources) -> Section:
    """Return counts, cluster sizes, similarities and the packages of duplicates."""
    files = sources.of(Refusals).of("file")
    exact, near = (
        files.filter(pc.equal(files["reason"], reason.value))
        for reason in (Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE)
    )
    dropped = total(exact, "rows") + total(near, "rows")
    compared = total(sources.documents, "rows") + dropped
    threshold = built_under(sources.release).duplicates.threshold
    return {
        "compared": compared,
        "threshold": threshold,
        "exact": _dropped(exact, compared),
        "near": _dropped(near, compared),
        **_by_package(sources, dropped),
        "similarities": _similarities(sources, threshold),
        "clusters": _clusters(sources),
        "aligned": _aligned(sources),
    }


class Aligned(TypedDict):
    """A version of a package and the commit that it is aligned with, from attribution."""

    source: str
    package: str
    version: str
    repository: str | None
    commit: str | None
    repository_folder: str | None
    aligned_files: int | None
    aligned_share: float | None


def _aligned(sources: Sources) -> Section:
    """Count the versions on Hex that a commit of a repository has, and list them, those with the
    most files first.
    """
    columns = list(Aligned.__annotations__)
    rows: list[Aligned] = sources.release.read(ATTRIBUTION_TABLE.name, columns).to_pylist()
    versions = [row for row in rows if row["source"] == "hex"]
    found = [row for row in versions if row["commit"] is not None]
    found.sort(key=lambda row: (-(row["aligned_files"] or 0), row["package"], row["version"]))
    shares = [row["aligned_share"] or 0.0 for row in found]
    return {
        "versions": len(versions),
        "aligned": len(found),
        "repositories": len({row["repository"] for row in found}),
        "unchanged": sum(each == 1 for each in shares),
        "median_share": round(median(shares), 3) if shares else None,
        "largest": [
            {
                "package": row["package"],
                "version": row["version"],
                "repository": row["repository"],
                "commit": row["commit"],
                "folder": row["repository_folder"],
                "files": row["aligned_files"],
                "share": round(row["aligned_share"] or 0.0, 3),
            }
            for row in found[:LARGEST]
        ],
    }


def _dropped(table: pa.Table, compared: int) -> Section:
    return {
        "documents": total(table, "rows"),
        "bytes": total(table, "bytes"),
        "share": share(total(table, "rows"), compared),
    }


class Duplicates(Partial):
    """Files dropped as duplicates, by their package and the package of their representative, with
    the clusters of the representatives.
    """

    table = "rejects"
    columns = (
        *("path", "package", "version", "bytes", "reason", "detail", "representative_id"),
        "functions_lost",
    )

    def __init__(self) -> None:
        self.documents: Counts[tuple[str, str]] = Counts()
        self.bytes: Counts[tuple[str, str]] = Counts()
        self.lost: Counts[str] = Counts()
        self.similarities: Counts[float] = Counts()
        self.clusters: Listed[Keys] = Listed()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Add the files that were dropped as duplicates."""
        is_file = pc.not_equal(batch["path"], "")
        is_duplicate = pc.is_in(batch["reason"], value_set=pa.array(DUPLICATES))
        dropped = batch.filter(pc.and_(is_file, is_duplicate))
        if not len(dropped):
            return
        near = dropped.filter(pc.equal(dropped["reason"], Reason.NEAR_DUPLICATE.value))
        told = map(similarity_of, near["detail"].to_pylist())
        self.similarities.update(value for value in told if value is not None)
        kept = representatives_of(span)
        stood_for = dropped.filter(pc.is_valid(dropped["representative_id"]))
        known = stood_for.filter(pa.array(kept.knows(stood_for["representative_id"])))
        self.clusters.append(kept.clusters_of(known["representative_id"]))
        packages = kept.packages_of(known["representative_id"])
        for row, (package, version) in zip(known.to_pylist(), packages, strict=True):
            pair = row["package"], package
            self.documents[pair] += 1
            self.bytes[pair] += row["bytes"]
            is_same = row["package"] == package
            where = ("versions", "inside")[row["version"] == version] if is_same else "across"
            self.lost[where] += row["functions_lost"] or 0


def _similarities(sources: Sources, threshold: float) -> list[Bin]:
    counts = sources.of(Duplicates).similarities
    values = np.repeat(list(counts), list(counts.values())) if counts else np.empty(0)
    return even_histogram(values, threshold, 1.0, 15) if len(values) else []


def _by_package(sources: Sources, dropped: int) -> Section:
    """Sum duplicates by their package and the package of their representative."""
    found = sources.of(Duplicates)
    across = {pair: count for pair, count in found.documents.items() if pair[0] != pair[1]}
    documents = sum(across.values())
    ordered = sorted(across.items(), key=lambda item: (-item[1], item[0]))[:LARGEST]
    return {
        "across_packages": {
            "documents": documents,
            "share": share(documents, dropped),
            "pairs": [{"dropped": a, "kept": b, "documents": count} for (a, b), count in ordered],
        },
        "copied_packages": _copied(sources),
        "functions_lost": {
            "inside_packages": found.lost["inside"],
            "earlier_versions": found.lost["versions"],
            "across_packages": found.lost["across"],
        },
    }


def _copied(sources: Sources) -> Section:
    """List the packages of which most bytes were dropped for one other package."""
    found = sources.of(Duplicates)
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for row in tally(sources.documents, "package"):
        sizes[row["name"]], files[row["name"]] = row["bytes"], row["documents"]
    for (package, of), count in found.documents.items():
        sizes[package] += found.bytes[package, of]
        files[package] += count
    copies = sorted(
        (-size, pair)
        for pair, size in found.bytes.items()
        if pair[0] != pair[1] and size >= MOSTLY * sizes[pair[0]]
    )
    rows = [
        {
            "package": pair[0],
            "of": pair[1],
            "documents": found.documents[pair],
            "share_of_documents": share(found.documents[pair], files[pair[0]]),
            "bytes": found.bytes[pair],
            "share_of_bytes": share(found.bytes[pair], sizes[pair[0]]),
        }
        for _, pair in copies[:LARGEST]
    ]
    return {"count": len(copies), "largest": rows}


class Clusters(Partial):
    """The clusters of all documents that have one."""

    table = "documents"
    columns = ("document_id", "cluster_id")

    def __init__(self) -> None:
        self.clusters: Listed[Keys] = Listed()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Note the cluster of every document."""
        known = batch.filter(pc.is_valid(batch["document_id"]))
        self.clusters.append(keys(known["cluster_id"]))


def _clusters(sources: Sources) -> Section:
    """Count clusters by size; a cluster is connected by verified pairs."""
    of_kept, of_dropped = sources.of(Clusters).clusters, sources.of(Duplicates).clusters
    found, sizes = np.unique(joined([*of_kept, *of_dropped]), return_counts=True)
    return {
        "count": len(sizes),
        "of_several": int((sizes > 1).sum()),
        "sizes": _sizes(sizes),
        "largest": _largest(sources, found, sizes),
    }


def _sizes(sizes: Numbers) -> list[Section]:
    """Count clusters and files in ranges of size."""
    ranges = [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, None)]
    rows: list[Section] = []
    for least, most in ranges:
        within = sizes[(sizes >= least) & (sizes <= (most or np.inf))]
        files = int(within.sum())
        rows.append({"from": least, "to": most, "clusters": len(within), "files": files})
    return rows


def _largest(sources: Sources, found: Keys, sizes: Numbers) -> list[Section]:
    """List the largest clusters with several files, each with its first document."""
    chosen: dict[str, int] = {}
    for batch in sources.batches("documents", ["cluster_id"]):
        ids = batch[0].unique().drop_null()
        files = sizes[among(keys(ids), found)].tolist()
        several = {name: n for name, n in zip(ids.to_pylist(), files, strict=True) if n > 1}
        ordered = sorted((chosen | several).items(), key=lambda item: (-item[1], item[0]))
        chosen = dict(ordered[:LARGEST])
    documents = _of_clusters(sources, list(chosen))
    return [{"files": files, **documents[name]} for name, files in chosen.items()]


class Place(TypedDict):
    """The cluster, id and path of a document."""

    cluster_id: str
    document_id: str
    package: str
    path: str


def _of_clusters(sources: Sources, ids: list[str]) -> dict[str, Section]:
    """Count the documents of a few clusters, and return the first of each by id."""
    first: dict[str, Place] = {}
    counts: Counter[str] = Counter()
    for batch in sources.batches("documents", list(Place.__annotations__)):
        chosen = batch.filter(pc.is_in(batch["cluster_id"], value_set=pa.array(ids, pa.string())))
        row: Place
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
    """The index of each document's package and version in `names`."""
    names: tuple[tuple[str, str], ...]

    def packages_of(self, ids: pa.Array) -> list[tuple[str, str]]:
        """Return package and version of the known documents among `ids`, in the order of `ids`."""
        return [self.names[place] for place in self.packages[self._places(ids)].tolist()]

    def clusters_of(self, ids: pa.Array) -> Keys:
        """Return the clusters of the known documents among `ids`, in the order of `ids`."""
        return self.clusters[self._places(ids)]

    def knows(self, ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Return, for each id, whether there is such a document; no id may be null."""
        return among(keys(ids), self.ids) >= 0

    def _places(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        places = among(keys(ids), self.ids)
        return places[places >= 0]


def representatives_of(span: Span) -> Representatives:
    """Return the documents of a span's release; each process reads them once."""
    return _representatives_of(span.folder, span.identity)


@lru_cache(maxsize=1)
def _representatives_of(folder: Path, identity: str) -> Representatives:
    """Read ids, clusters and packages of all documents that have an id and a cluster.

    The identity distinguishes this release from an earlier one in the same folder.
    """
    ids, clusters, packages = [], [], [np.empty(0, dtype=np.int32)]
    numbers: dict[tuple[str, str], int] = {}
    columns = ["document_id", "cluster_id", "package", "version"]
    for batch in Release.open(folder).batches("documents", columns, None, LOOKUP_ROWS):
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


class RedactedRow(TypedDict):
    """A document from which data was removed."""

    package: str
    path: str
    redactions: Sequence[RedactionRow]


class Redacted(Partial):
    """Removed data: spans, bytes and documents by rule, and the documents that lost most."""

    table = "documents"
    columns = tuple(RedactedRow.__annotations__)

    def __init__(self) -> None:
        self.spans: Counts[str] = Counts()
        self.bytes: Counts[str] = Counts()
        self.documents: Counts[str] = Counts()
        self.all: Counts[str] = Counts()
        self.largest = Most()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count the spans of every document from which data was removed."""
        cut = batch.select(self.columns)
        cut = cut.take(np.flatnonzero(np.diff(cut["redactions"].offsets.to_numpy())))
        row: RedactedRow
        for row in cut.to_pylist():
            lengths = [(each["rule"], each["end"] - each["start"]) for each in row["redactions"]]
            self.all["documents"] += 1
            self.spans.update(rule for rule, _ in lengths)
            self.documents.update({rule for rule, _ in lengths})
            for rule, length in lengths:
                self.bytes[rule] += length
            size = sum(length for _, length in lengths)
            self.largest.append(Loss(package=row["package"], path=row["path"], bytes=size))


class Loss(TypedDict):
    """A document, and the number of bytes removed from it."""

    package: str
    path: str
    bytes: int


class Most(list[Loss]):
    """The documents that lost most, earlier ones before equal ones."""

    def append(self, loss: Loss) -> None:
        """Add a later document."""
        ordered = sorted([*self, loss], key=lambda item: (-item["bytes"], item["path"]))
        self[:] = ordered[:EXAMPLES]

    def merge(self, later: "Most") -> None:
        """Add the documents of later rows."""
        for loss in later:
            self.append(loss)


def redactions(sources: Sources) -> Section:
    """Return spans, bytes and documents by rule, and the documents that lost most."""
    found = sources.of(Redacted)
    ordered = sorted(found.spans.items(), key=lambda item: (-found.bytes[item[0]], item[0]))
    return {
        "documents": found.all["documents"],
        "spans": found.spans.total(),
        "bytes": found.bytes.total(),
        "rules": [
            {
                "name": rule,
                "spans": count,
                "documents": found.documents[rule],
                "bytes": found.bytes[rule],
            }
            for rule, count in ordered
        ],
        "largest": found.largest,
    }


class Signalled(Partial):
    """Hidden characters and control tokens in kept documents, by signal."""

    table = "documents"
    columns = ("package", "path", *SIGNALS)

    def __init__(self) -> None:
        self.counts: Counts[str] = Counts()
        self.documents: Counts[str] = Counts()
        self.most = Each({name: _with_most(name) for name in SIGNALS})

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Add up the signals, and keep the documents with most of each."""
        for name, most in self.most.items():
            has = pc.greater(batch[name], 0)
            self.counts[name] += pc.sum(batch[name]).as_py() or 0
            self.documents[name] += pc.sum(has).as_py() or 0
            most.add(batch.select(["package", "path", name]).filter(has))


def _with_most(signal: str) -> First:
    order = [(signal, "descending"), ("package", "ascending"), ("path", "ascending")]
    return First(order, EXAMPLES)


def signals(sources: Sources) -> Section:
    """Return, for each signal, its sum, the documents that have it, and those with most of it."""
    found = sources.of(Signalled)
    return {
        name: {
            "count": found.counts[name],
            "documents": found.documents[name],
            "largest": [
                {"package": row["package"], "path": row["path"], "count": row[name]}
                for row in first.rows()
            ],
        }
        for name, first in found.most.items()
    }
