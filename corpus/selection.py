"""Which documents stay: the representative of each cluster; the rest become rejects."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.atomic import replacing
from corpus.reasons import Reason, Stage
from corpus.schema import IDENTITY, KEPT, REJECTS

DUPLICATE_REASONS = {"exact": Reason.EXACT_DUPLICATE, "near": Reason.NEAR_DUPLICATE}


def select(
    fingerprints: Sequence[Path], clusters: Path, splits: Path, kept: Path, duplicates: Path
) -> None:
    """Write the documents that stay, as `schema.KEPT`, and those that do not, as rejects.

    `fingerprints` are read for the identity of every document, without the shingles.
    """
    if kept.exists() and duplicates.exists():
        return
    names = [name for name, _ in IDENTITY]
    documents = pa.concat_tables(
        pq.read_table(part, columns=[*names, "bytes"]) for part in fingerprints
    )
    joined = documents.join(pq.read_table(clusters), "document_id", join_type="inner")
    is_kept = pc.equal(joined["relation"], "representative")
    _write_duplicates(joined.filter(pc.invert(is_kept)), duplicates)
    _write_kept(joined.filter(is_kept), pq.read_table(splits), kept)


def _write_kept(documents: pa.Table, splits: pa.Table, destination: Path) -> None:
    by_package = splits.select(["package", "split"])
    table = documents.join(by_package, "package", join_type="inner").select(KEPT.names)
    order = [("content_id", "ascending"), ("document_id", "ascending")]
    with replacing(destination) as temporary:
        pq.write_table(table.sort_by(order).cast(KEPT), temporary)


def _write_duplicates(documents: pa.Table, destination: Path) -> None:
    rows = [_reject(row) for row in documents.to_pylist()]
    table = pa.Table.from_pylist(rows, schema=REJECTS).sort_by("document_id")
    with replacing(destination) as temporary:
        pq.write_table(table, temporary)


def _reject(row: dict[str, object]) -> dict[str, object]:
    reason = DUPLICATE_REASONS[str(row["relation"])]
    return {
        **{name: row.get(name) for name in REJECTS.names},
        "stage": Stage.DEDUPLICATE.value,
        "reason": reason.value,
        "detail": f"Jaccard similarity {row['similarity']:.3f} to its representative",
    }
