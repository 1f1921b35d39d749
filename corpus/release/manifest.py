"""The manifest of a release; the digest of its canonical JSON is the release's identity.

A release may come from others, so its manifest is untrusted: the types below refuse a version that
is a path, a file outside the release, and an invalid digest or count.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError
from corpus.tables import SHARDED
from corpus.untrusted import (
    COMMIT,
    WORD,
    below,
    check_counts,
    check_digest,
    check_matches,
    check_name,
    check_package,
    check_path,
    check_text,
    check_unique,
    parse_object,
)

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
TIMINGS_NAME = "timings.json"
"""The file with the time of each stage.

It may be beside a manifest and is not part of the release.
"""
VERSION = re.compile(r"([0-9]{4})\.(0[1-9]|1[0-2])\.([1-9][0-9]{0,5})")
"""YYYY.MM.N, the name of a release and of its folder."""


class MalformedManifest(CorpusError):
    """The manifest is invalid, or lists a file that is not in its release."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path}: {detail}. Nothing of this release was used. It was altered, or written by "
            "another version of this program: fetch it again, or use that version."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One archive that was read, and the judgement of its licence."""

    source: str
    package: str
    version: str
    sha256: str
    license_expression: str | None
    license_evidence: str | None
    kept: bool
    """Whether the archive opened, its licence is permitted, and its package is not opted out."""

    def __post_init__(self) -> None:
        """Raise ValueError for values that no archive of a store has."""
        check_name("source", self.source)
        check_package("package", self.package)
        check_name("version", self.version)
        check_digest(self.sha256)
        check_text(self.license_expression or "", self.license_evidence or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCount:
    """The files that a stage received and kept, and the reasons for the difference."""

    stage: str
    files_in: int
    files_out: int
    reasons: dict[str, int]

    def __post_init__(self) -> None:
        """Raise ValueError for invalid counts."""
        check_matches(WORD, "stage", self.stage)
        check_counts(self.files_in, self.files_out)
        _check_reasons(self.reasons)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One Parquet file of a configuration and split.

    `sha256` changes with the writer's version; `logical_digest` digests the sorted row keys only.
    """

    path: str
    config: str
    split: str
    sha256: str
    bytes: int
    rows: int
    logical_digest: str

    def __post_init__(self) -> None:
        """Raise ValueError unless the path is that of configuration and split."""
        if self.config not in SHARDED or self.split not in SHARDED[self.config].splits:
            raise ValueError(f"there is no split {self.split!r} of a table {self.config!r}")
        name = rf"data/{self.config}/{self.split}-[0-9]{{5}}-of-[0-9]{{5}}\.parquet"
        check_matches(re.compile(name), f"shard of {self.config}/{self.split}", self.path)
        check_digest(self.sha256, self.logical_digest)
        check_counts(self.bytes, self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """Any other file of the release."""

    path: str
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        """Raise ValueError for a path outside the release."""
        check_path(self.path)
        check_digest(self.sha256)
        check_counts(self.bytes)


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSummary:
    """The gate's verdict on the release."""

    outcome: str
    checks: int
    failed: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        check_matches(WORD, "verdict", self.outcome)
        check_counts(self.checks)
        check_text(*self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """The release before this one in the same folder."""

    version: str
    identity: str

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid version or digest."""
        check_matches(VERSION, "version", self.version)
        check_digest(self.identity)


@dataclass(frozen=True, slots=True)
class Removed:
    """The opt-out ledger that the release was built with and has a copy of."""

    entries: int
    head: str
    """Digest of its last entry."""

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid length or digest."""
        check_counts(self.entries)
        check_digest(self.head)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedTag:
    """The commit of a tag that packages were compared with; the release has none of its files."""

    source: str
    package: str
    version: str
    """The commit."""
    tag: str
    sha256: str

    def __post_init__(self) -> None:
        """Raise ValueError for values that no archive of a store has."""
        check_name("source", self.source)
        check_package("package", self.package)
        check_name("version", self.version)
        check_text(self.tag)
        check_digest(self.sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedBenchmark:
    """A benchmark that documents were compared with, and what was found before removal.

    `digest` is that of `corpus.decontamination.benchmarks.Benchmark`. Of its `problems` the
    `compared` ones are long enough. `found` has, by problem, how many documents held it; all
    `documents` were left out.
    """

    name: str
    digest: str
    files: int
    problems: int
    compared: int
    documents: int
    found: dict[str, int]

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        check_text(self.name, *self.found)
        check_digest(self.digest)
        check_counts(self.files, self.problems, self.compared, self.documents)
        check_counts(*self.found.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedWith:
    """The toolchains that documents were verified with."""

    toolchains: tuple[str, ...] = ()
    is_confined: bool = False
    """Whether there was a sandbox, without which nothing is compiled."""
    note: str = "this release was made before documents were verified"
    """Why nothing, or not everything, was tried; empty if all was."""

    def __post_init__(self) -> None:
        """Raise ValueError for text that cannot be shown."""
        check_text(self.note, *self.toolchains)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Everything needed to check a release and to build it again."""

    version: str
    build_digest: str
    """Digest of inputs, configuration and code: equal digests mean equal releases."""
    config: dict[str, Any]
    config_digest: str
    code_version: str
    code_commit: str | None
    code_digest: str
    """Digest of the packages that build, check and describe a release."""
    tools: dict[str, str]
    inputs: tuple[Input, ...]
    tags: tuple[ComparedTag, ...] = ()
    """Commits of tags, which decide the column `commit` of versions."""
    archives_seen: int
    archives_rejected: dict[str, int]
    """Archives dropped as a whole before any file was seen, by reason."""
    files_seen: int
    stages: tuple[StageCount, ...]
    shards: tuple[Shard, ...]
    artifacts: tuple[Artifact, ...] = ()
    parent: Parent | None = None
    gate: GateSummary | None = None
    report_digest: str | None = None
    instructions_left_out: dict[str, int] = field(default_factory=dict)
    """Candidates that gave no instruction row, and documents without rows, by reason."""
    instructions_left_out_by_kind: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same by kind and reason; `any` has the documents without rows."""
    removed: Removed | None = None
    """None without a ledger."""
    benchmarks: tuple[ComparedBenchmark, ...] = ()
    """Those that documents were compared with; none without `--benchmarks`."""
    verification: VerifiedWith = field(default_factory=VerifiedWith)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Raise ValueError for a value that a release cannot have."""
        check_matches(VERSION, "version", self.version)
        check_digest(self.build_digest, self.config_digest, self.code_digest)
        check_text(self.code_version, *self.tools, *self.tools.values())
        if self.code_commit is not None:
            check_matches(COMMIT, "commit", self.code_commit)
        if self.report_digest is not None:
            check_digest(self.report_digest)
        check_counts(self.archives_seen, self.files_seen)
        _check_reasons(self.archives_rejected)
        _check_reasons(self.instructions_left_out)
        check_matches(WORD, "kind", *self.instructions_left_out_by_kind)
        for reasons in self.instructions_left_out_by_kind.values():
            _check_reasons(reasons)
        check_unique("file", [MANIFEST_NAME, *self.paths()])

    def paths(self) -> list[str]:
        """Return the paths of all files that it lists, within the release."""
        shards = [shard.path for shard in self.shards]
        return shards + [artifact.path for artifact in self.artifacts]

    def to_json(self) -> bytes:
        """Return the canonical bytes; their SHA-256 is the identity of the release."""
        return canonical_json(asdict(self))

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a release folder, completely or not at all."""
        write_bytes(folder / MANIFEST_NAME, self.to_json())


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest; nothing else of the release is opened.

    Raises MalformedManifest when it is not JSON, lacks a field, has another schema version or a
    value that no release has, or when a file that it names is a link that leads out of the release.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        data = path.read_bytes()
        found = parse_object(data).get("schema_version")
        if found != SCHEMA_VERSION:
            raise ValueError(f"schema version {found!r}, this code reads {SCHEMA_VERSION}")
        manifest = TypeAdapter(Manifest).validate_json(data, strict=True)
        for file in manifest.paths():
            below(path.parent, file)
    except ValidationError as error:  # a ValueError too, of many lines
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        said = ": ".join(filter(None, [".".join(map(str, first["loc"])), message]))
        raise MalformedManifest(path, said) from error
    except (OSError, ValueError) as error:
        raise MalformedManifest(path, str(error)) from error
    return manifest


def _check_reasons(counts: Mapping[str, int]) -> None:
    check_matches(WORD, "reason", *counts)
    check_counts(*counts.values())
