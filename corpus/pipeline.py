"""The whole main job: from an archive store to a release with its name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from corpus.build import build
from corpus.configuration import BuildConfig, load
from corpus.executor import Cluster, connect
from corpus.locking import claim
from corpus.optout import Exclusions, read_exclusions, unmatched
from corpus.progress import Progress
from corpus.release import GateSummary, Release, finalize
from corpus.store import ArchiveStore

Finish = Callable[[Release, Progress], GateSummary]
"""Judges a candidate and writes its report and card; quality and datacards stand above the corpus,
so the command hands this in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The release, or the candidate that failed its gate, with the names of the failed checks."""

    release: Release
    failed: tuple[str, ...]
    unmatched: Exclusions = ()
    """What was to be left out and is nowhere among the packages and files that were seen."""


def build_release(
    archives: Path,
    out: Path,
    config: Path | None,
    workers: int,
    cluster: Cluster | None,
    progress: Progress,
    finish: Finish,
    exclude: Path | None = None,
) -> Outcome:
    """Build a candidate, let `finish` judge it, and name it if it passed.

    What the file `exclude` names is left out, beside what the configuration does. A cluster that
    already runs has working directories of its own, so what it is told is absolute. Raises
    FolderInUse while another build writes to `out`, and what `corpus.build.build`,
    `corpus.configuration.load`, `corpus.optout.read_exclusions` and `corpus.executor.connect` do.
    """
    settings = load(config) if config else BuildConfig()
    if exclude is not None:
        entries = {*settings.exclude, *read_exclusions(exclude)}
        settings = replace(settings, exclude=tuple(sorted(entries)))
    if cluster is not None:
        archives, out = archives.resolve(), out.resolve()
    with claim(out, "build"):
        with connect(workers, cluster) as executor:
            release = build(ArchiveStore(archives), out, settings, executor, progress)
        unknown = unmatched(settings.exclude, _files(release))
        if release.manifest.gate is not None:
            return Outcome(release, (), unknown)
        gate = finish(release, progress)
        if gate.outcome != "passed":
            return Outcome(release, gate.failed, unknown)
        return Outcome(finalize(release, gate, out / release.manifest.version), (), unknown)


def _files(release: Release) -> Iterator[pa.Table]:
    for table in ("documents", "rejects"):
        for batch in release.batches(table, ["package", "path", "content_id"], None, 65536):
            yield pa.Table.from_batches([batch])
