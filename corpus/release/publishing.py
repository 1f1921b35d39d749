"""The last step: verdict, digests and name of a candidate that passed its gate."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from corpus.atomic import erase, publish_folder, sha256_file
from corpus.errors import CorpusError
from corpus.places import files_below
from corpus.release.manifest import MANIFEST_NAME, TIMINGS_NAME, Artifact, GateSummary
from corpus.release.reading import Release
from corpus.release.statement import ENVELOPE_NAME, STATEMENT_NAME, write_statement

REPORT_NAME = "report.json"


class GateNotPassed(CorpusError):
    """A candidate without a passing verdict cannot be published."""

    def __init__(self, candidate: Path, gate: GateSummary) -> None:
        super().__init__(
            f"{candidate}: the gate ended as {gate.outcome} ({', '.join(gate.failed)}), so this "
            "candidate keeps its provisional name. See `python -m quality gate` for the checks."
        )


def finalize(candidate: Release, gate: GateSummary, destination: Path) -> Release:
    """Seal a candidate and rename it to `destination`; return the release.

    The manifest and its statement are written last and the rename is atomic, so a folder with the
    name of a release is always complete. At a URL there is no rename: the manifest is copied last,
    and without it there is no release. Other candidates of the same version are removed. Raises
    GateNotPassed unless the verdict is "passed".
    """
    if gate.outcome != "passed":
        raise GateNotPassed(candidate.path, gate)
    sealed = replace(
        candidate.manifest,
        gate=gate,
        artifacts=tuple(artifacts(candidate)),
        report_digest=sha256_file(candidate.path / REPORT_NAME),
    )
    sealed.write(candidate.path)
    write_statement(candidate.path, sealed)
    publish_folder(candidate.path, destination, last=MANIFEST_NAME)
    for stale in destination.parent.glob(f"{destination.name}.candidate-*"):
        erase(stale)
    return Release.open(destination)


def artifacts(candidate: Release) -> Iterator[Artifact]:
    """List every file by path, except shards and the files beside a manifest."""
    others = {MANIFEST_NAME, TIMINGS_NAME, STATEMENT_NAME, ENVELOPE_NAME}
    others |= {shard.path for shard in candidate.manifest.shards}
    for path in files_below(candidate.path):
        name = path.relative_to(candidate.path).as_posix()
        if name not in others:
            yield Artifact(path=name, sha256=sha256_file(path), bytes=path.stat().st_size)
