"""Rows of tables as Python sees them: one dictionary type for each schema of `corpus.tables`.

Most of the work on tables is done by column. These types are for the rows that cross a function; a
test holds them and the schemas together. A value is None where its column may be null.
"""

from collections.abc import Sequence
from typing import TypedDict

from corpus.reasons import Reject

Utf8 = bytes
"""Text that need not be decoded: Arrow takes it as it is."""


class ExportRow(TypedDict):
    """A value of `tables.EXPORT`."""

    name: str
    arity: int


class CallbackRow(TypedDict):
    """A value of `tables.CALLBACK`."""

    name: str
    arity: int
    kind: str
    optional: bool
    line: int


class TypeRow(TypedDict):
    """A value of `tables.TYPE`."""

    name: str
    arity: int
    kind: str
    line: int


class BehaviourRow(TypedDict):
    """A value of `tables.BEHAVIOUR`."""

    name: str
    evidence: str
    confidence: float


class ResolvedBehaviourRow(BehaviourRow):
    """A value of `tables.RESOLVED_BEHAVIOUR`."""

    through: str | None


class UseRow(TypedDict):
    """A value of `tables.USE`."""

    name: str
    evidence: str
    leaves_behaviour: bool
    unresolved: str | None


class CompilerWarningRow(TypedDict):
    """A value of `tables.COMPILER_WARNING`."""

    line: int
    text: str


class ModuleRow(TypedDict):
    """A value of `tables.MODULE`."""

    name: str
    kind: str
    start_line: int
    end_line: int
    doc: str | None
    doc_kind: str | None
    uses: Sequence[str]
    behaviours: Sequence[BehaviourRow]
    types: Sequence[TypeRow]
    callbacks: Sequence[CallbackRow]
    exports: Sequence[ExportRow]


class ClauseRow(TypedDict):
    """A value of `tables.CLAUSE`."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    guard: str | None


class FunctionRow(TypedDict):
    """A row of `tables.EXTRACTED_FUNCTIONS`."""

    document_id: str
    source: str
    package: str
    version: str
    purl: str
    path: str
    license_expression: str | None
    module: str
    name: str
    arity: int
    defaults: int
    kind: str
    clauses: Sequence[ClauseRow]
    doc: str | None
    doc_kind: str | None
    specs: Sequence[str]
    impl: str | None
    branch: str | None


class ComponentRow(TypedDict):
    """A value of `tables.COMPONENT`."""

    name: str
    kind: str
    module: str | None
    line: int


class PlaceRow(TypedDict):
    """A value of `tables.PLACE`."""

    function: str
    line: int


class SpanRow(TypedDict):
    """A value of `tables.SPAN`."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int


class ProtocolRow(TypedDict):
    """A value of `tables.PROTOCOL`."""

    kind: str
    tag: str
    sent: Sequence[PlaceRow]
    answered: Sequence[SpanRow]


class MessageRow(TypedDict):
    """A value of `tables.MESSAGE`."""

    role: str
    content: str


class NeedRow(TypedDict):
    """A value of `tables.NEED`."""

    kind: str
    name: str


class InstructRow(TypedDict):
    """A row of `tables.INSTRUCT`."""

    id: str
    kind: str
    subject: str
    messages: Sequence[MessageRow]
    difficulty: str
    needs: Sequence[NeedRow]
    document_ids: Sequence[str]
    purls: Sequence[str]
    package: str
    paths: Sequence[str]
    license_expression: str
    verification: str
    toolchain: str | None
    split: str


class SmellRow(TypedDict):
    """A value of `tables.SMELL`."""

    check: str
    count: int


class SignalRow(TypedDict):
    """A row of `tables.SIGNALS`."""

    document_id: str
    source: str
    package: str
    version: str
    purl: str
    path: str
    license_expression: str
    language: str
    role: str
    tekken_tokens: int
    documented_share: float | None
    specified_share: float | None
    smells: Sequence[SmellRow] | None
    smell_count: int | None
    is_tested: bool | None
    age_days: int | None
    package_age_days: int | None
    downloads: int | None
    recent_downloads: int | None
    dependents: int | None
    score: float | None
    split: str


class IdentityRow(TypedDict):
    """The columns of `tables.IDENTITY`."""

    document_id: str
    content_id: str | None
    swhid: str | None
    source: str
    package: str
    version: str
    purl: str
    archive_sha256: str | None
    path: str


class RejectRow(IdentityRow):
    """A row of `tables.REJECTS`."""

    bytes: int | None
    stage: str
    reason: str
    detail: str
    representative_id: str | None
    functions_lost: int | None
    removed_by: Sequence[int] | None


class DetectedRow(TypedDict):
    """A value of `tables.DETECTED_LICENSE`."""

    path: str
    sha256: str
    licenses: Sequence[str]
    appended: Sequence[str]
    coverage: float


class LicenseRow(TypedDict):
    """A row of `tables.LICENSES`."""

    archive_sha256: str
    source: str
    package: str
    version: str
    declared: Sequence[str]
    detected: Sequence[DetectedRow]
    expression: str | None
    evidence: str
    verdict: str
    reason: str | None
    detail: str
    own_statements: int
    own_refused: int


class RedactionRow(TypedDict):
    """A value of `tables.REDACTION`."""

    rule: str
    start: int
    end: int


class DescribedRow(TypedDict):
    """The columns of `tables.EXTRACTED` that follow from the file alone, but for its modules."""

    language: str
    role: str
    text: Utf8
    bytes: int
    lines: int
    tokens: int
    parse_errors: int
    median_line_length: float
    longest_line: int
    comment_fraction: float
    hidden_characters: int
    control_tokens: int
    public_functions: int
    documented_functions: int
    specified_functions: int
    redactions: Sequence[RedactionRow]


class HostRow(TypedDict):
    """The columns of `tables.HOST`."""

    repository: str | None
    commit: str | None
    stars: int | None
    committed_at: str | None
    repository_created_at: str | None


class DuplicateRow(IdentityRow):
    """Identity and size of a document, with the columns of `tables.CLUSTERS`."""

    bytes: int
    cluster_id: str
    representative_id: str
    relation: str
    similarity: float


def identity_of(row: IdentityRow) -> IdentityRow:
    """Return the columns of `tables.IDENTITY` of a row that may have more."""
    return {
        "document_id": row["document_id"],
        "content_id": row["content_id"],
        "swhid": row["swhid"],
        "source": row["source"],
        "package": row["package"],
        "version": row["version"],
        "purl": row["purl"],
        "archive_sha256": row["archive_sha256"],
        "path": row["path"],
    }


def reject_row(
    of: IdentityRow,
    reject: Reject,
    size: int | None = None,
    representative_id: str | None = None,
    functions_lost: int | None = None,
    removed_by: Sequence[int] | None = None,
) -> RejectRow:
    """Return the row of `tables.REJECTS` that says why a file or an archive was left out."""
    return {
        **identity_of(of),
        "bytes": size,
        "stage": reject.stage.value,
        "reason": reject.reason.value,
        "detail": reject.detail,
        "representative_id": representative_id,
        "functions_lost": functions_lost,
        "removed_by": removed_by,
    }
