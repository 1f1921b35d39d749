"""The last files of a candidate: attribution, and a manifest that counts every file."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import pyarrow as pa

from corpus.atomic import replacing, write_bytes
from corpus.attribution import write_attribution
from corpus.counterparts import told_of
from corpus.identifiers import purl
from corpus.optout.ledger import LEDGER_NAME
from corpus.optout.removals import OptedOut, numbers, origin
from corpus.parts import read_part, write_part
from corpus.reasons import Stage
from corpus.release.manifest import Input, Manifest, Removed, StageCount
from corpus.release.reading import batches_of, open_shard
from corpus.rows import IdentityRow, RejectRow, reject_row
from corpus.store import RejectedArchive
from corpus.tables import REJECTS

FILE_STAGES = (
    Stage.UNPACK,
    Stage.LICENSE,
    Stage.FILTER,
    Stage.PARSE,
    Stage.OPT_OUT,
    Stage.DECONTAMINATE,
    Stage.DEDUPLICATE,
)


class InputRow(TypedDict):
    """The columns of `tables.READ_ARCHIVES` that are in the manifest."""

    source: str
    package: str
    version: str
    sha256: str
    license_expression: str | None
    license_evidence: str | None
    license_reason: str | None
    failure: str | None
    files_seen: int


def write_archive_rejects(
    refused: Sequence[RejectedArchive], destination: Path, out: OptedOut
) -> None:
    """Write the rejected archives as reject rows with an empty path."""
    rows = [_archive_reject(row, out) for row in refused]
    table = pa.Table.from_pylist(rows, schema=REJECTS).sort_by("document_id")
    with replacing(destination) as temporary:
        write_part(table, temporary)


def _archive_reject(row: RejectedArchive, out: OptedOut) -> RejectRow:
    name = f"{row.source}\0{row.name}\0{row.version}"
    identity: IdentityRow = {
        "document_id": hashlib.sha256(name.encode()).hexdigest(),
        "content_id": None,
        "swhid": None,
        "source": row.source,
        "package": row.name,
        "version": row.version,
        "purl": purl(row.source, row.name, row.version),
        "archive_sha256": None,
        "path": "",
    }
    if row.reject.stage is not Stage.OPT_OUT:
        return reject_row(identity, row.reject)
    entries = out.removals.of_archive(origin(row.source, row.name))
    return reject_row(identity, row.reject, removed_by=numbers(entries))


def assemble(
    archives: Sequence[Path],
    rejects: Sequence[Path],
    splits: Path,
    alignments: Path,
    candidate: Path,
    out: OptedOut,
    manifest: Manifest,
) -> None:
    """Write attribution, the opt-out ledger and manifest of a candidate with its shards.

    `archives` and `rejects` are parts, those of archives in the order of the index; `splits` has
    the families, `alignments` the commits of versions; `manifest` is without counts. An opted-out
    archive is only counted as seen.
    """
    documents = _documents_by_archive(candidate, manifest)
    if out.ledger.entries:
        write_bytes(candidate / LEDGER_NAME, out.ledger.to_bytes())
    tables = (read_part(part) for part in archives)
    aligned = told_of(alignments, out.archives.keys()).versions
    write_attribution(tables, documents, candidate, read_part(splits), aligned)
    columns = list(InputRow.__annotations__)
    inputs: list[InputRow] = [
        row for part in archives for row in read_part(part, columns=columns).to_pylist()
    ]
    of_files, of_archives = _reasons(rejects)
    files_seen = sum(row["files_seen"] for row in inputs)
    replace(
        manifest,
        inputs=tuple(_input(row, row["sha256"] in out.archives) for row in inputs),
        archives_rejected=dict(sorted(of_archives.items())),
        files_seen=files_seen,
        stages=tuple(_stage_counts(files_seen, of_files)),
        removed=Removed(len(out.ledger.entries), out.ledger.head) if out.ledger.entries else None,
    ).write(candidate)


def _documents_by_archive(candidate: Path, manifest: Manifest) -> dict[str, Counter[str | None]]:
    """Count the documents of every archive by their licence expression."""
    counts: dict[str, Counter[str | None]] = {}
    for shard in manifest.shards:
        if shard.config == "documents":
            with open_shard(candidate / shard.path) as file:
                for batch in batches_of(file, 8192, ["archive_sha256", "license_expression"]):
                    rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
                    for archive, expression in rows:
                        counts.setdefault(archive, Counter())[expression] += 1
    return counts


def _reasons(rejects: Sequence[Path]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Count rejected files by stage and reason, and rejected archives by reason."""
    of_files: Counter[tuple[str, str]] = Counter()
    of_archives: Counter[str] = Counter()
    for part in rejects:
        rows = read_part(part, columns=["path", "stage", "reason"])
        for path, stage, reason in zip(*(c.to_pylist() for c in rows.columns), strict=True):
            if path:
                of_files[stage, reason] += 1
            else:
                of_archives[reason] += 1
    return of_files, of_archives


def _input(row: InputRow, is_excluded: bool) -> Input:
    return Input(
        source=row["source"],
        package=row["package"],
        version=row["version"],
        sha256=row["sha256"],
        license_expression=None if is_excluded else row["license_expression"],
        license_evidence=None if is_excluded else row["license_evidence"],
        kept=not (is_excluded or row["failure"] or row["license_reason"]),
    )


def _stage_counts(files: int, rejected: Counter[tuple[str, str]]) -> Iterator[StageCount]:
    """Yield the counts of each stage, in the order of the stages."""
    for stage in FILE_STAGES:
        reasons = {why: count for (where, why), count in rejected.items() if where == stage.value}
        left = files - sum(reasons.values())
        yield StageCount(
            stage=stage.value,
            files_in=files,
            files_out=left,
            reasons=dict(sorted(reasons.items())),
        )
        files = left
