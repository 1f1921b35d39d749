"""The last files of a candidate: attribution, and a manifest that accounts for every file."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.atomic import replacing
from corpus.attribution import attribution_table, write_attribution
from corpus.reasons import Stage
from corpus.release.manifest import Input, Manifest, StageCount
from corpus.schema import REJECTS
from corpus.store import ArchiveReject

FILE_STAGES = (Stage.UNPACK, Stage.LICENSE, Stage.FILTER, Stage.PARSE, Stage.DEDUPLICATE)


def write_crawl_rejects(missing: Sequence[ArchiveReject], destination: Path) -> None:
    """Write the archives that never reached the store, as reject rows with an empty path."""
    rows = [_crawl_reject(row) for row in missing]
    table = pa.Table.from_pylist(rows, schema=REJECTS).sort_by("document_id")
    with replacing(destination) as temporary:
        pq.write_table(table, temporary)


def _crawl_reject(row: ArchiveReject) -> dict[str, Any]:
    name = f"{row.source}\0{row.name}\0{row.version}"
    return {
        "document_id": hashlib.sha256(name.encode()).hexdigest(),
        "source": row.source,
        "package": row.name,
        "version": row.version,
        "path": "",
        "stage": row.stage.value,
        "reason": row.reason.value,
        "detail": row.detail,
    }


def assemble(
    archives: Sequence[Path],
    rejects: Sequence[Path],
    work: Path,
    candidate: Path,
    manifest: Manifest,
) -> None:
    """Write attribution and manifest of a candidate whose shards are written.

    `archives` and `rejects` are the parts of ingest; `manifest` lacks the counts.
    """
    read = pa.concat_tables(pq.read_table(part) for part in archives)
    rejected = pa.concat_tables(
        pq.read_table(part, columns=["path", "stage", "reason"])
        for part in (*rejects, work / "duplicates.parquet", work / "crawl-rejects.parquet")
    )
    write_attribution(
        attribution_table(read, _documents_by_archive(candidate, manifest)), candidate
    )
    of_files = rejected.filter(pc.not_equal(rejected["path"], ""))
    of_archives = rejected.filter(pc.equal(rejected["path"], ""))
    files_seen = pc.sum(read["files_seen"]).as_py()
    replace(
        manifest,
        inputs=tuple(_inputs(read)),
        archives_rejected=dict(sorted(Counter(of_archives["reason"].to_pylist()).items())),
        files_seen=files_seen,
        stages=tuple(_stage_counts(files_seen, of_files)),
    ).write(candidate)


def _documents_by_archive(candidate: Path, manifest: Manifest) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for shard in manifest.shards:
        if shard.config == "documents":
            column = pq.read_table(candidate / shard.path, columns=["archive_sha256"])
            counts.update(column["archive_sha256"].to_pylist())
    return counts


def _inputs(read: pa.Table) -> Iterator[Input]:
    order = [(name, "ascending") for name in ("source", "package", "version")]
    for row in read.sort_by(order).to_pylist():
        yield Input(
            source=row["source"],
            package=row["package"],
            version=row["version"],
            sha256=row["sha256"],
            license_expression=row["license_expression"],
            license_evidence=row["license_evidence"],
            kept=row["failure"] is None and row["license_reason"] is None,
        )


def _stage_counts(files: int, rejected: pa.Table) -> Iterator[StageCount]:
    """Yield what each stage let through, in the order in which files meet them."""
    for stage in FILE_STAGES:
        of_stage = rejected.filter(pc.equal(rejected["stage"], stage.value))
        reasons = Counter(of_stage["reason"].to_pylist())
        left = files - reasons.total()
        yield StageCount(
            stage=stage.value,
            files_in=files,
            files_out=left,
            reasons=dict(sorted(reasons.items())),
        )
        files = left
