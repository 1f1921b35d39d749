"""The one door to a release: everything above the corpus reads through here."""

from corpus.release.manifest import (
    Artifact,
    GateSummary,
    Input,
    Manifest,
    Parent,
    Shard,
    StageCount,
)
from corpus.release.publishing import finalize
from corpus.release.reading import NotARelease, Release
from corpus.release.verification import DamagedRelease, Problem, advice, verify

__all__ = [
    "Artifact",
    "DamagedRelease",
    "GateSummary",
    "Input",
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
