"""The one door to a release: everything above the corpus reads through here."""

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
from corpus.release.reading import NotARelease, Release
from corpus.release.verification import DamagedRelease, Problem, advice, verify

__all__ = [
    "MANIFEST_NAME",
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
    "StageCount",
    "advice",
    "finalize",
    "verify",
]
