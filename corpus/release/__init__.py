"""Reading and writing of releases; all other packages read releases through this one."""

from corpus.release.manifest import (
    MANIFEST_NAME,
    Artifact,
    GateSummary,
    Input,
    MalformedManifest,
    Manifest,
    Parent,
    Shard,
    StageCount,
)
from corpus.release.publishing import finalize
from corpus.release.reading import (
    SPAN_ROWS,
    NotARelease,
    Release,
    Span,
    UnreadableRelease,
    opened,
)
from corpus.release.statement import ENVELOPE_NAME, STATEMENT_NAME
from corpus.release.verification import DamagedRelease, Problem, advice, verify

__all__ = [
    "ENVELOPE_NAME",
    "MANIFEST_NAME",
    "SPAN_ROWS",
    "STATEMENT_NAME",
    "Artifact",
    "DamagedRelease",
    "GateSummary",
    "Input",
    "MalformedManifest",
    "Manifest",
    "NotARelease",
    "Parent",
    "Problem",
    "Release",
    "Shard",
    "Span",
    "StageCount",
    "UnreadableRelease",
    "advice",
    "finalize",
    "opened",
    "verify",
]
