"""Figures about the corpus as a whole, each one number, and the promises about them.

They are computed from sums by package and split, and from counts over all ids. Tables are read one
span at a time and added up, and ids are held as keys, so about fifty bytes per document are in
memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.executor import SERIAL, Executor
from corpus.packages import Link
from corpus.reasons import Stage
from corpus.release import Release, Span
from corpus.split import PackageLinks
from corpus.split.repository import families_by_repository
from corpus.tables import ATTRIBUTION_TABLE, SPLIT_NAMES, unique_in_release
from quality.leaks import near_duplicates_across_splits
from quality.lookup import MISSING, Codes, Keys, joined, keys, lookup_of, split_places
from quality.partial import READABLE, Totals, explain, worked_out
from quality.promises import Promise, among, bounded, equal
from quality.settings import GateConfig

Value = float | int
BATCH_ROWS = 2048


def corpus_promises(config: GateConfig) -> list[Promise]:
    """Return the promises about the corpus; they are checked on a table of one row with all
    figures.
    """
    return [
        _same(
            "files_accounted",
            "files_seen",
            "documents and rejected files together are the files seen",
        ),
        _same("documents", "files_out", "the number of documents is what the last stage kept"),
        _none(
            "files_miscounted", "the manifest and the rejects have the same count for every reason"
        ),
        _same(
            "archives_accounted",
            "archives_seen",
            "archives read and rejected together are the archives seen",
        ),
        _same(
            "archives_listed",
            "archives_seen",
            "inputs and rejects together list every archive seen",
        ),
        _least("documents", 1, "at least one document"),
        _least("smallest_split", 1, "at least one document in every split"),
        *(_none(promised.figure, promised.expected) for _, promised in unique_in_release()),
        _none("documents_also_rejected", "no document is also a reject"),
        _none("documents_without_signals", "every document has its signals"),
        _none("packages_across_splits", "no package is in two splits"),
        _none(
            "families_across_splits", "no two packages of one repository are in different splits"
        ),
        _none(
            "near_duplicates_across_splits",
            "no held-out document is a near-duplicate of a training document",
        ),
        _most(
            "documents_in_split_clusters",
            config.documents_in_split_clusters,
            "of documents are in clusters with documents of another split",
        ),
        _most("parse_error_share", config.parse_errors, "of documents have parse errors"),
        _most(
            "largest_package_share",
            config.largest_package,
            "of all bytes are from one package",
            warning=True,
        ),
        _least_share("smallest_split_share", config.smallest_split, "of documents in every split"),
        _least_share(
            "verified_license_share",
            config.verified_licenses,
            "of documents have a verified licence",
        ),
        _least("instruct_rows", 1, "at least one instruction row", warning=True),
        _most(
            "commonest_problem_share",
            config.commonest_problem,
            "of documents hold the same problem of a benchmark",
            warning=True,
        ),
    ]


def _same(column: str, other: str, expected: str) -> Promise:
    return equal(f"corpus.{column}.equal_{other}", column, other, expected)


def _none(column: str, expected: str) -> Promise:
    return among(f"corpus.{column}", column, [0], expected)


def _least(column: str, least: int, expected: str, *, warning: bool = False) -> Promise:
    name = f"corpus.{column}.not_empty"
    return bounded(name, column, expected, least=least, warning=warning)


def _most(column: str, most: float, of: str, *, warning: bool = False) -> Promise:
    expected = f"at most {most:.0%} {of}"
    return bounded(f"corpus.{column}", column, expected, most=most, warning=warning)


def _least_share(column: str, least: float, of: str) -> Promise:
    expected = f"at least {least:.0%} {of}"
    return bounded(f"corpus.{column}", column, expected, least=least, warning=True)


@dataclass(slots=True)
class Evidence:
    """The data that figures are computed from, for one span or for all.

    `documents` has one row per package and split: the number of documents, their bytes, the number
    with parse errors (`broken`) and with a verified licence (`verified`). `rejects` has one row per
    reason, separately for files and for whole archives. `ids` has the keys of every column without
    repetitions, by the figure that counts these; `clusters` those of the documents that have one,
    `splits` the places of their splits. `also_rejected` counts rejects with the id of a document.
    """

    documents: Totals = field(
        default_factory=lambda: Totals(
            ["package", "split"], ["rows", "bytes", "broken", "verified"]
        )
    )
    rejects: Totals = field(
        default_factory=lambda: Totals(["kind", "stage", "reason"], ["rows", "without_checksum"])
    )
    ids: dict[str, list[Keys]] = field(default_factory=dict)
    clusters: list[Keys] = field(default_factory=list)
    splits: list[Codes] = field(default_factory=list)
    also_rejected: int = 0

    def merge(self, later: "Evidence") -> None:
        """Add what was found in later rows."""
        self.documents.merge(later.documents)
        self.rejects.merge(later.rejects)
        for figure, found in later.ids.items():
            self.ids.setdefault(figure, []).extend(found)
        self.clusters += later.clusters
        self.splits += later.splits
        self.also_rejected += later.also_rejected

    def total(self, column: str) -> int:
        """Add up a column of the documents."""
        return int(pc.sum(self.documents.table[column]).as_py() or 0)


def read_evidence(release: Release, executor: Executor = SERIAL) -> Evidence:
    """Add up documents, rejects and ids. Raises Unreadable."""
    tables = dict.fromkeys(["documents", "rejects", *(table for table, _ in unique_in_release())])
    spans = [span for table in tables for span in release.spans(table)]
    evidence = Evidence()
    for found in worked_out(executor, "gate", _evidence_of, spans, release.path):
        evidence.merge(found)
    return evidence


def _evidence_of(span: Span) -> Evidence:
    evidence = Evidence()
    table = span.shard.config
    _count_ids(span, evidence)
    if table == "documents":
        _count_documents(span, evidence)
    elif table == "rejects":
        _count_rejects(span, evidence)
    return evidence


def _count_ids(span: Span, evidence: Evidence) -> None:
    unique = [promised for table, promised in unique_in_release() if table == span.shard.config]
    for promised in unique:
        batches = span.batches([promised.column], BATCH_ROWS)
        evidence.ids[promised.figure] = [joined([keys(batch[0]) for batch in batches])]


def _count_documents(span: Span, evidence: Evidence) -> None:
    columns = ["package", "split", "bytes", "license_evidence", "parse_errors", "cluster_id"]
    for batch in span.batches(columns, BATCH_ROWS):
        rows = {
            "package": batch["package"],
            "split": batch["split"],
            "rows": np.ones(len(batch), dtype=np.int64),
            "bytes": batch["bytes"],
            "broken": pc.greater(batch["parse_errors"], 0),
            "verified": pc.equal(batch["license_evidence"], "verified"),
        }
        evidence.documents.add(pa.table(rows))
        known = batch.filter(pc.is_valid(batch["cluster_id"]))
        evidence.clusters.append(keys(known["cluster_id"]))
        evidence.splits.append(split_places(known["split"]))


def _count_rejects(span: Span, evidence: Evidence) -> None:
    columns = ["archive_sha256", "path", "stage", "reason", "document_id"]
    lookup = lookup_of(span)
    for batch in span.batches(columns, BATCH_ROWS):
        rows = {
            "kind": pc.if_else(pc.not_equal(batch["path"], ""), "file", "archive"),
            "stage": batch["stage"],
            "reason": batch["reason"],
            "rows": np.ones(len(batch), dtype=np.int64),
            "without_checksum": pc.is_null(batch["archive_sha256"]),
        }
        evidence.rejects.add(pa.table(rows))
        evidence.also_rejected += int((lookup.places(batch["document_id"]) != MISSING).sum())


@dataclass(frozen=True, slots=True)
class Offenders:
    """Violations: the figure is their number, and the first few are named."""

    names: tuple[str, ...]

    def told(self, limit: int) -> str:
        """Return the names of the first few."""
        return f"for example {', '.join(self.names[:limit])}" if self.names else ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures by name, examples that violate some, and why others could not be computed."""

    values: dict[str, Value]
    blame: dict[str, str]
    failures: dict[str, str]

    def add(self, name: str, found: Value | Offenders, examples: int) -> None:
        """Keep a figure."""
        if isinstance(found, Offenders):
            self.blame[name] = found.told(examples)
            found = len(found.names)
        self.values[name] = found


def measure(release: Release, config: GateConfig, executor: Executor = SERIAL) -> Metrics:
    """Compute every figure. If one cannot be computed, its error is kept instead.

    Raises Unreadable when the tables themselves cannot be read.
    """
    known = Known(release, read_evidence(release, executor), executor)
    metrics = Metrics({}, {}, {})
    for names, function in MEASURES.items():
        try:
            for name, found in zip(names, function(known), strict=True):
                metrics.add(name, found, config.examples)
        except READABLE as error:
            unknown = [name for name in names if name not in metrics.values]
            metrics.failures.update(dict.fromkeys(unknown, explain(error, release.path)))
    return metrics


@dataclass(frozen=True, slots=True)
class Known:
    """The data that a figure may be computed from."""

    release: Release
    evidence: Evidence
    executor: Executor


def _files(known: Known) -> Iterator[Value]:
    """Yield the number of documents and rejected files, and the files seen by the manifest."""
    manifest = known.release.manifest
    documents = known.evidence.total("rows")
    yield documents
    yield documents + _rejected(known, "file", "rows")
    yield manifest.files_seen
    yield manifest.stages[-1].files_out if manifest.stages else manifest.files_seen


def _reasons(known: Known) -> Iterator[Value]:
    """Yield the number of files by which the table's reasons differ from the manifest's counts."""
    counted = {
        (row["stage"], row["reason"]): row["rows"]
        for row in known.evidence.rejects.table.to_pylist()
        if row["kind"] == "file"
    }
    listed = {
        (stage.stage, reason): count
        for stage in known.release.manifest.stages
        for reason, count in stage.reasons.items()
    }
    keys = counted.keys() | listed.keys()
    yield sum(abs(counted.get(key, 0) - listed.get(key, 0)) for key in keys)


def _archives(known: Known) -> Iterator[Value]:
    """Yield the number of archives read or rejected before, and the archives seen by the manifest.

    An archive counts as read if its licence was judged, kept or not. An archive that the crawl
    refused is not in the store, and its reject row has no checksum.
    """
    manifest = known.release.manifest
    read = sum(item.license_evidence is not None for item in manifest.inputs)
    yield read + _rejected(known, "archive", "rows")
    yield manifest.archives_seen
    yield len(manifest.inputs) + _rejected(known, "archive", "without_checksum")


def _rejected(known: Known, kind: str, column: str) -> int:
    rejects = known.evidence.rejects.table
    of_kind = rejects.filter(pc.equal(rejects["kind"], kind))
    return int(pc.sum(of_kind[column]).as_py() or 0)


def _duplicates(known: Known) -> Iterator[Value]:
    """Yield the rows of a table whose id is in an earlier row, or is null."""
    for table, promised in unique_in_release():
        found = joined(known.evidence.ids.pop(promised.figure, []))
        yield sum(shard.rows for shard in known.release.shards(table)) - len(np.unique(found))


def _in_both(known: Known) -> Iterator[Value]:
    yield known.evidence.also_rejected


def _without_signals(known: Known) -> Iterator[Value]:
    """Yield how many documents more than signals there are; 0 in a release without the table.

    Signals belong to a document each, and to no other's, by the promises about their rows.
    """
    shards = known.release.shards("signals")
    missing = known.evidence.total("rows") - sum(shard.rows for shard in shards)
    yield missing if shards else 0


def _splits(known: Known) -> Iterator[Value]:
    by_split = known.evidence.documents.table.group_by("split").aggregate([("rows", "sum")])
    counts = dict(zip(*(by_split[name].to_pylist() for name in ("split", "rows_sum")), strict=True))
    sizes = [counts.get(name, 0) for name in SPLIT_NAMES]
    yield min(sizes)
    yield min(sizes) / known.evidence.total("rows")
    yield sum(shard.rows for shard in known.release.shards("instruct"))


def _packages(known: Known) -> Iterator[Offenders]:
    yield Offenders(tuple(_in_several_splits(known.evidence.documents.table, "package")))


def _families(known: Known) -> Iterator[Offenders]:
    yield Offenders(tuple(_in_several_splits(_with_families(known), "family")))


def _clusters(known: Known) -> Iterator[Value]:
    """Yield the share of documents whose cluster has documents in another split."""
    evidence = known.evidence
    splits = np.concatenate([np.empty(0, dtype=np.int8), *evidence.splits]) + 1
    _, owners = np.unique(joined(evidence.clusters), return_inverse=True)
    places = len(SPLIT_NAMES) + 1
    touched = np.unique(owners * places + splits)
    reaches = np.bincount(touched // places, minlength=1) > 1
    yield int(reaches[owners].sum()) / evidence.total("rows")


def _with_families(known: Known) -> pa.Table:
    """Return one row per package and split, with the package's family by repository."""
    attribution = known.release.read(ATTRIBUTION_TABLE.name, ["package", "links"])
    families = families_by_repository(
        PackageLinks(row["package"], tuple(Link(**link) for link in row["links"] or ()))
        for row in attribution.to_pylist()
    )
    places = known.evidence.documents.table
    names = [families.get(name, name) for name in places["package"].to_pylist()]
    return places.append_column("family", pa.array(names, pa.string()))


def _in_several_splits(table: pa.Table, column: str) -> list[str]:
    splits = table.group_by(column).aggregate([("split", "count_distinct")])
    several = splits.filter(pc.greater(splits["split_count_distinct"], 1))
    return sorted(str(name) for name in several[column].to_pylist())


def _leaks(known: Known) -> Iterator[Offenders]:
    leaks = near_duplicates_across_splits(known.release, known.executor)
    yield Offenders(
        tuple(f"{leak.first[:12]} and {leak.second[:12]}, {leak.similarity:.3f}" for leak in leaks)
    )


def _shares(known: Known) -> Iterator[Value]:
    """Yield the shares of documents with parse errors, with verified licences, and of bytes in one
    package.
    """
    yield known.evidence.total("broken") / known.evidence.total("rows")
    yield known.evidence.total("verified") / known.evidence.total("rows")
    sizes = known.evidence.documents.table.group_by("package").aggregate([("bytes", "sum")])[
        "bytes_sum"
    ]
    yield float(np.max(sizes.to_numpy())) / float(pc.sum(sizes).as_py())


def _problems(known: Known) -> Iterator[Value]:
    """Yield the share of the compared documents that were left out for the same problem."""
    manifest = known.release.manifest
    stages = [stage for stage in manifest.stages if stage.stage == Stage.DECONTAMINATE.value]
    most = max((max(each.found.values(), default=0) for each in manifest.benchmarks), default=0)
    yield most / max(1, sum(stage.files_in for stage in stages))


MEASURES: dict[tuple[str, ...], Callable[[Known], Iterator[Value | Offenders]]] = {
    ("documents", "files_accounted", "files_seen", "files_out"): _files,
    ("files_miscounted",): _reasons,
    ("archives_accounted", "archives_seen", "archives_listed"): _archives,
    tuple(promised.figure for _, promised in unique_in_release()): _duplicates,
    ("documents_also_rejected",): _in_both,
    ("documents_without_signals",): _without_signals,
    ("smallest_split", "smallest_split_share", "instruct_rows"): _splits,
    ("packages_across_splits",): _packages,
    ("families_across_splits",): _families,
    ("documents_in_split_clusters",): _clusters,
    ("near_duplicates_across_splits",): _leaks,
    ("parse_error_share", "verified_license_share", "largest_package_share"): _shares,
    ("commonest_problem_share",): _problems,
}
"""Each function yields the figures named in the same row, in that order."""
