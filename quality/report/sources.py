"""What the sections read: a few columns of documents and rejects; all else is streamed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Release

FACTS = [
    *["package", "language", "role", "bytes", "lines", "tokens", "license_expression"],
    *["license_evidence", "parse_errors", "public_functions", "documented_functions"],
    *["specified_functions", "split"],
]
REFUSALS = ["path", "bytes", "stage", "reason"]
BATCH_ROWS = 2048
TEXT_BATCH_ROWS = 256

Row = dict[str, Any]
Choice = Callable[[pa.RecordBatch], pa.BooleanArray]
"""Says of each row of a batch whether it is wanted; null is no."""


@dataclass(frozen=True, slots=True)
class Sources:
    """A release and the projections that most sections need; some 130 bytes a file.

    Without ids and paths, which would be the most of it: sections that need those stream them.
    """

    release: Release
    documents: pa.Table
    rejects: pa.Table
    """Columns is_file, bytes, stage and reason; what is no file is a whole archive."""

    @property
    def rejected_files(self) -> pa.Table:
        """The rejects that are files and not whole archives."""
        return self.rejects.filter(self.rejects["is_file"])

    @property
    def rejected_archives(self) -> pa.Table:
        """The rejects that are whole archives."""
        return self.rejects.filter(pc.invert(self.rejects["is_file"]))

    def batches(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of a table, without texts among them, a batch at a time."""
        return self.release.batches(table, columns, None, BATCH_ROWS)

    def license_reasons(self) -> dict[str, str]:
        """Return why the files of an archive were refused for their licence, by its checksum."""
        reasons: dict[str, str] = {}
        for batch in self.batches("rejects", ["archive_sha256", "path", "stage", "reason"]):
            of_files = pc.and_(pc.not_equal(batch["path"], ""), pc.equal(batch["stage"], "license"))
            chosen = batch.filter(of_files)
            reasons.update(
                zip(*(chosen[n].to_pylist() for n in ("archive_sha256", "reason")), strict=True)
            )
        return reasons

    def first(
        self, columns: Sequence[str], wanted: Choice, order: Sequence[tuple[str, str]], count: int
    ) -> list[Row]:
        """Return the first `count` wanted documents in an order over some of their columns."""
        found: list[pa.Table] = []
        for batch in self.batches("documents", columns):
            chosen = batch.filter(wanted(batch))
            if len(chosen):
                together = pa.concat_tables([*found, pa.Table.from_batches([chosen])])
                found = [together.sort_by(list(order)).slice(0, count)]
        return [row for table in found for row in table.to_pylist()]


def read_sources(release: Release) -> Sources:
    """Read the projections, without any text."""
    return Sources(release, release.read("documents", FACTS), _refusals(release))


def _refusals(release: Release) -> pa.Table:
    whole = release.read("rejects", REFUSALS)
    is_file = pc.not_equal(whole["path"], "")
    return whole.drop_columns(["path"]).append_column("is_file", is_file)


def texts(release: Release, document_ids: Iterable[str]) -> dict[str, str]:
    """Return the texts of a few documents by id, a batch of texts in memory at a time."""
    wanted = pa.array(sorted(set(document_ids)), pa.string())
    found: dict[str, str] = {}
    for batch in release.batches("documents", ["document_id", "text"], None, TEXT_BATCH_ROWS):
        chosen = batch.filter(pc.is_in(batch["document_id"], value_set=wanted))
        found.update(zip(*(column.to_pylist() for column in chosen.columns), strict=True))
    return found
