"""The figures that the corpus promises look at: one number each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import CorpusError
from corpus.packages import Link
from corpus.release import Release
from corpus.split import PackageLinks
from corpus.split.repository import families_by_repository
from corpus.tables import ATTRIBUTION_TABLE, SPLIT_NAMES, unique_in_release
from quality.evidence import (
    Evidence,
    documents_in_split_clusters,
    read_evidence,
    rejected_documents,
    repeated_ids,
)
from quality.leaks import near_duplicates_across_splits
from quality.thresholds import GateConfig

Value = float | int


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


def measure(release: Release, config: GateConfig) -> Metrics:
    """Work out every figure. One that cannot be is left out, with the reason.

    Raises OSError and pyarrow.ArrowException when the tables themselves cannot be read.
    """
    evidence = read_evidence(release)
    metrics = Metrics({}, {}, {})
    for names, function in MEASURES.items():
        try:
            for name, found in zip(names, function(evidence), strict=True):
                metrics.add(name, found, config.examples)
        except (CorpusError, OSError, ArithmeticError, LookupError, ValueError) as error:
            unknown = [name for name in names if name not in metrics.values]
            metrics.failures.update(dict.fromkeys(unknown, explain(error, release)))
    return metrics


def explain(error: Exception, release: Release) -> str:
    """Say why something could not be read, the same wherever the release lies."""
    return f"{type(error).__name__}: {error}".replace(f"{release.path}/", "")


def _files(evidence: Evidence) -> Iterator[Value]:
    """Yield documents and rejected files, against what the manifest says was seen."""
    manifest = evidence.release.manifest
    documents = evidence.total("rows")
    yield documents
    yield documents + _rejected(evidence, "file", "rows")
    yield manifest.files_seen
    yield manifest.stages[-1].files_out if manifest.stages else manifest.files_seen


def _reasons(evidence: Evidence) -> Iterator[Value]:
    """Yield by how many files the table's reasons differ from the manifest's counts."""
    counted = {
        (row["stage"], row["reason"]): row["rows"]
        for row in evidence.rejects.to_pylist()
        if row["kind"] == "file"
    }
    listed = {
        (stage.stage, reason): count
        for stage in evidence.release.manifest.stages
        for reason, count in stage.reasons.items()
    }
    keys = counted.keys() | listed.keys()
    yield sum(abs(counted.get(key, 0) - listed.get(key, 0)) for key in keys)


def _archives(evidence: Evidence) -> Iterator[Value]:
    """Yield archives that were read, or rejected before, against what the manifest says was seen.

    An archive is read if its licence was judged, whether it was kept or not; one that the crawl
    refused never got into the store, and its reject row has no checksum.
    """
    manifest = evidence.release.manifest
    read = sum(item.license_evidence is not None for item in manifest.inputs)
    yield read + _rejected(evidence, "archive", "rows")
    yield manifest.archives_seen
    yield len(manifest.inputs) + _rejected(evidence, "archive", "without_checksum")


def _rejected(evidence: Evidence, kind: str, column: str) -> int:
    of_kind = evidence.rejects.filter(pc.equal(evidence.rejects["kind"], kind))
    return int(pc.sum(of_kind[column]).as_py() or 0)


def _duplicates(evidence: Evidence) -> Iterator[Value]:
    for table, promised in unique_in_release():
        yield repeated_ids(evidence.release, table, promised.column)


def _in_both(evidence: Evidence) -> Iterator[Value]:
    yield rejected_documents(evidence.release)


def _splits(evidence: Evidence) -> Iterator[Value]:
    by_split = evidence.documents.group_by("split").aggregate([("rows", "sum")])
    counts = dict(zip(*(by_split[name].to_pylist() for name in ("split", "rows_sum")), strict=True))
    sizes = [counts.get(name, 0) for name in SPLIT_NAMES]
    yield min(sizes)
    yield min(sizes) / evidence.total("rows")
    yield sum(shard.rows for shard in evidence.release.shards("instruct"))


def _packages(evidence: Evidence) -> Iterator[Offenders]:
    yield Offenders(tuple(_in_several_splits(evidence.documents, "package")))


def _families(evidence: Evidence) -> Iterator[Offenders]:
    yield Offenders(tuple(_in_several_splits(_with_families(evidence), "family")))


def _clusters(evidence: Evidence) -> Iterator[Value]:
    yield documents_in_split_clusters(evidence.release) / evidence.total("rows")


def _with_families(evidence: Evidence) -> pa.Table:
    """Return a row a package and split, with the package's family by repository."""
    attribution = evidence.release.read(ATTRIBUTION_TABLE.name, ["package", "links"])
    families = families_by_repository(
        PackageLinks(row["package"], tuple(Link(**link) for link in row["links"] or ()))
        for row in attribution.to_pylist()
    )
    places = evidence.documents
    names = [families.get(name, name) for name in places["package"].to_pylist()]
    return places.append_column("family", pa.array(names, pa.string()))


def _in_several_splits(table: pa.Table, column: str) -> list[str]:
    splits = table.group_by(column).aggregate([("split", "count_distinct")])
    several = splits.filter(pc.greater(splits["split_count_distinct"], 1))
    return sorted(str(name) for name in several[column].to_pylist())


def _leaks(evidence: Evidence) -> Iterator[Offenders]:
    leaks = near_duplicates_across_splits(evidence.release)
    yield Offenders(
        tuple(f"{leak.first[:12]} and {leak.second[:12]}, {leak.similarity:.3f}" for leak in leaks)
    )


def _shares(evidence: Evidence) -> Iterator[Value]:
    """Yield the shares of documents with parse errors, with verified licences, of one package."""
    yield evidence.total("broken") / evidence.total("rows")
    yield evidence.total("verified") / evidence.total("rows")
    sizes = evidence.documents.group_by("package").aggregate([("bytes", "sum")])["bytes_sum"]
    yield float(np.max(sizes.to_numpy())) / float(pc.sum(sizes).as_py())


MEASURES: dict[tuple[str, ...], Callable[[Evidence], Iterator[Value | Offenders]]] = {
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
