"""The corpus as a whole: figures, one number each, and what is promised of them.

They are worked out from sums by package and split, and from counts over all ids. Tables are read a
span at a time and added up at once, and ids as keys: what is held of a document is some fifty
bytes, and not its row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.executor import SERIAL, Executor
from corpus.packages import Link
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
    """Return the promises about the corpus, over a table of one row, that of the figures."""
    return [
        _same("files_accounted", "files_seen", "documents and rejected files are the files seen"),
        _same("documents", "files_out", "documents are what the last stage let through"),
        _none("files_miscounted", "the manifest counts every reason as the rejects do"),
        _same("archives_accounted", "archives_seen", "archives read or rejected are those seen"),
        _same("archives_listed", "archives_seen", "inputs and rejects list every archive seen"),
        _least("documents", 1, "at least one document"),
        _least("smallest_split", 1, "at least one document in every split"),
        *(_none(promised.figure, promised.expected) for _, promised in unique_in_release()),
        _none("documents_also_rejected", "no document among the rejects"),
        _none("packages_across_splits", "no package in two splits"),
        _none("families_across_splits", "no two packages of one repository in different splits"),
        _none(
            "near_duplicates_across_splits", "no near-duplicate of a training document in a test"
        ),
        _most(
            "documents_in_split_clusters",
            config.documents_in_split_clusters,
            "of documents are in clusters that reach into another split",
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
    """What the figures are worked out from, of a span or of all.

    `documents` has a row a package and split: how many documents, their bytes, how many are
    `broken` by parse errors and how many `verified` in their licence. `rejects` has a row a reason,
    for files and for whole archives apart. `ids` has the keys of every column without repetitions,
    by the figure that counts these; `clusters` those of the documents that have one, `splits` the
    places of their splits. `also_rejected` counts rejects with the id of a document.
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
        """Add what was found in the rows that follow."""
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
    """What should not be there: the figure is how many, and the first few are told by name."""

    names: tuple[str, ...]

    def told(self, limit: int) -> str:
        """Name the first few."""
        return f"for example {', '.join(self.names[:limit])}" if self.names else ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures by name, who is to blame for some, and why others could not be worked out."""

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
    """Work out every figure. One that cannot be is left out, with the reason.

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
    """What a figure may be worked out from."""

    release: Release
    evidence: Evidence
    executor: Executor


def _files(known: Known) -> Iterator[Value]:
    """Yield documents and rejected files, against what the manifest says was seen."""
    manifest = known.release.manifest
    documents = known.evidence.total("rows")
    yield documents
    yield documents + _rejected(known, "file", "rows")
    yield manifest.files_seen
    yield manifest.stages[-1].files_out if manifest.stages else manifest.files_seen


def _reasons(known: Known) -> Iterator[Value]:
    """Yield by how many files the table's reasons differ from the manifest's counts."""
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
    """Yield archives that were read, or rejected before, against what the manifest says was seen.

    An archive is read if its licence was judged, whether it was kept or not; one that the crawl
    refused never got into the store, and its reject row has no checksum.
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
    """Yield the rows of a table whose id stands in an earlier row, or is null."""
    for table, promised in unique_in_release():
        found = joined(known.evidence.ids.pop(promised.figure, []))
        yield sum(shard.rows for shard in known.release.shards(table)) - len(np.unique(found))


def _in_both(known: Known) -> Iterator[Value]:
    yield known.evidence.also_rejected


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
    """Return a row a package and split, with the package's family by repository."""
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
    """Yield the shares of documents with parse errors, with verified licences, of one package."""
    yield known.evidence.total("broken") / known.evidence.total("rows")
    yield known.evidence.total("verified") / known.evidence.total("rows")
    sizes = known.evidence.documents.table.group_by("package").aggregate([("bytes", "sum")])[
        "bytes_sum"
    ]
    yield float(np.max(sizes.to_numpy())) / float(pc.sum(sizes).as_py())


MEASURES: dict[tuple[str, ...], Callable[[Known], Iterator[Value | Offenders]]] = {
    ("documents", "files_accounted", "files_seen", "files_out"): _files,
    ("files_miscounted",): _reasons,
    ("archives_accounted", "archives_seen", "archives_listed"): _archives,
    tuple(promised.figure for _, promised in unique_in_release()): _duplicates,
    ("documents_also_rejected",): _in_both,
    ("smallest_split", "smallest_split_share", "instruct_rows"): _splits,
    ("packages_across_splits",): _packages,
    ("families_across_splits",): _families,
    ("documents_in_split_clusters",): _clusters,
    ("near_duplicates_across_splits",): _leaks,
    ("parse_error_share", "verified_license_share", "largest_package_share"): _shares,
}
"""Each function yields the figures that are named beside it, in that order."""
