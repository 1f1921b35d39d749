"""What the corpus promises are judged by: sums by package and split, and counts over all ids.

Tables are read a batch at a time and added up at once, and ids one column after the other, as keys:
what is held at a time is some twenty bytes a document, and not its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Release
from corpus.tables import SPLIT_NAMES
from quality.keys import Keys, among, joined, keys
from quality.lookup import split_places

BATCH_ROWS = 2048
BY_SPLIT = ["package", "split"]
SUMS = ["rows", "bytes", "broken", "verified"]
BY_REASON = ["kind", "stage", "reason"]
COUNTS = ["rows", "without_checksum"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the figures are worked out from.

    `documents` has a row a package and split: how many documents, their bytes, how many are
    `broken` by parse errors and how many `verified` in their licence. `rejects` has a row a reason,
    for files and for whole archives apart.
    """

    release: Release
    documents: pa.Table
    rejects: pa.Table

    def total(self, column: str) -> int:
        """Add up a column of the documents."""
        return int(pc.sum(self.documents[column]).as_py() or 0)


def read_evidence(release: Release) -> Evidence:
    """Add up documents and rejects.

    Raises OSError and pyarrow.ArrowException when they cannot be read.
    """
    return Evidence(release, _documents(release), _rejects(release))


def repeated_ids(release: Release, table: str, column: str) -> int:
    """Count the rows of a table whose id stands in an earlier row, or is null."""
    found = _keys(release, table, column)
    return sum(shard.rows for shard in release.shards(table)) - len(np.unique(found))


def rejected_documents(release: Release) -> int:
    """Count the rejects whose id is that of a document."""
    documents = np.sort(_keys(release, "documents", "document_id"))
    batches = release.batches("rejects", ["document_id"], None, BATCH_ROWS)
    return sum(int((among(keys(batch[0]), documents) >= 0).sum()) for batch in batches)


def documents_in_split_clusters(release: Release) -> int:
    """Count the documents whose cluster has documents in another split."""
    clusters, splits = [], [np.empty(0, dtype=np.int8)]
    for batch in release.batches("documents", ["cluster_id", "split"], None, BATCH_ROWS):
        known = batch.filter(pc.is_valid(batch["cluster_id"]))
        clusters.append(keys(known["cluster_id"]))
        splits.append(split_places(known["split"]) + 1)
    _, owners = np.unique(joined(clusters), return_inverse=True)
    places = len(SPLIT_NAMES) + 1
    touched = np.unique(owners * places + np.concatenate(splits))
    reaches = np.bincount(touched // places, minlength=1) > 1
    return int(reaches[owners].sum())


def _keys(release: Release, table: str, column: str) -> Keys:
    batches = release.batches(table, [column], None, BATCH_ROWS)
    return joined([keys(batch[0]) for batch in batches])


def _documents(release: Release) -> pa.Table:
    columns = [*BY_SPLIT, "bytes", "license_evidence", "parse_errors"]
    sums = _nothing(BY_SPLIT, SUMS)
    for batch in release.batches("documents", columns, None, BATCH_ROWS):
        rows = {
            "package": batch["package"],
            "split": batch["split"],
            "rows": np.ones(len(batch), dtype=np.int64),
            "bytes": batch["bytes"],
            "broken": pc.greater(batch["parse_errors"], 0),
            "verified": pc.equal(batch["license_evidence"], "verified"),
        }
        sums = _added(sums, pa.table(rows), BY_SPLIT, SUMS)
    return sums


def _rejects(release: Release) -> pa.Table:
    columns = ["archive_sha256", "path", "stage", "reason"]
    counts = _nothing(BY_REASON, COUNTS)
    for batch in release.batches("rejects", columns, None, BATCH_ROWS):
        rows = {
            "kind": pc.if_else(pc.not_equal(batch["path"], ""), "file", "archive"),
            "stage": batch["stage"],
            "reason": batch["reason"],
            "rows": np.ones(len(batch), dtype=np.int64),
            "without_checksum": pc.is_null(batch["archive_sha256"]),
        }
        counts = _added(counts, pa.table(rows), BY_REASON, COUNTS)
    return counts


def _nothing(by: Sequence[str], sums: Sequence[str]) -> pa.Table:
    names = [(name, pa.string()) for name in by]
    return pa.schema([*names, *((name, pa.int64()) for name in sums)]).empty_table()


def _added(known: pa.Table, rows: pa.Table, by: Sequence[str], sums: Sequence[str]) -> pa.Table:
    """Return the sums with rows added to them, still one row a value of `by`."""
    together = pa.concat_tables([known, rows.select(known.column_names).cast(known.schema)])
    grouped = together.group_by(list(by)).aggregate([(name, "sum") for name in sums])
    ordered = grouped.select([*by, *(f"{name}_sum" for name in sums)])
    return ordered.rename_columns(known.column_names).cast(known.schema)
