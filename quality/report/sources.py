"""What the sections read: a few columns of documents and rejects; all else is streamed."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Release

FACTS = [
    *["document_id", "content_id", "package", "version", "path", "language", "role", "bytes"],
    *["lines", "tokens", "license_expression", "license_evidence", "parse_errors"],
    *["public_functions", "documented_functions", "specified_functions", "cluster_id", "split"],
]
REFUSALS = [
    *["document_id", "package", "version", "archive_sha256", "path", "bytes", "stage", "reason"],
    *["detail", "representative_id"],
]
TEXT_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class Sources:
    """A release and the projections that most sections need; about half a kilobyte a file."""

    release: Release
    documents: pa.Table
    rejects: pa.Table

    @property
    def rejected_files(self) -> pa.Table:
        """The rejects that are files and not whole archives."""
        return self.rejects.filter(pc.not_equal(self.rejects["path"], ""))

    @property
    def rejected_archives(self) -> pa.Table:
        """The rejects that are whole archives."""
        return self.rejects.filter(pc.equal(self.rejects["path"], ""))


def read_sources(release: Release) -> Sources:
    """Read the projections, without any text."""
    return Sources(release, release.read("documents", FACTS), release.read("rejects", REFUSALS))


def texts(release: Release, document_ids: Iterable[str]) -> dict[str, str]:
    """Return the texts of a few documents by id, a batch of texts in memory at a time."""
    wanted = pa.array(sorted(set(document_ids)), pa.string())
    found: dict[str, str] = {}
    for batch in release.batches("documents", ["document_id", "text"], None, TEXT_BATCH_ROWS):
        chosen = batch.filter(pc.is_in(batch["document_id"], value_set=wanted))
        found.update(zip(*(column.to_pylist() for column in chosen.columns), strict=True))
    return found
