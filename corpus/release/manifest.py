"""What a release says of itself, typed; its canonical JSON is the release's identity."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"


class MalformedManifest(CorpusError):
    """The manifest cannot be read as one."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path}: {detail}. The release was altered or written by another version; "
            "fetch it again, or delete the folder and run `python -m corpus build` again."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One archive that was read, and what was found of its licence."""

    source: str
    package: str
    version: str
    sha256: str
    license_expression: str | None
    license_evidence: str | None
    kept: bool
    """Whether the archive opened and its licence is permitted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCount:
    """Files that went into a stage, came out, and the reasons for the difference."""

    stage: str
    files_in: int
    files_out: int
    reasons: dict[str, int]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """Any other file of the release."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSummary:
    """The verdict under which the release got its name."""

    outcome: str
    checks: int
    failed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """The release before this one in the same folder."""

    version: str
    identity: str


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
    """Of the packages that make, judge and tell a release."""
    tools: dict[str, str]
    inputs: tuple[Input, ...]
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
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """Return the canonical bytes; their SHA-256 is the identity of the release."""
        return canonical_json(asdict(self))

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a release folder, whole or not at all."""
        write_bytes(folder / MANIFEST_NAME, self.to_json())


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises MalformedManifest when it is not JSON, lacks a field or has another schema version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        manifest = TypeAdapter(Manifest).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        said = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
        raise MalformedManifest(path, said) from error
    if manifest.schema_version != SCHEMA_VERSION:
        found = manifest.schema_version
        raise MalformedManifest(path, f"schema version {found}, this code reads {SCHEMA_VERSION}")
    return manifest
