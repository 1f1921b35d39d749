"""The whole main job: from an archive store to a release with its name.

It stands above the corpus, because quality and datacards, which judge a candidate and tell of it,
do so too. The command `corpus build` calls it, and a notebook can:

    from elixir_corpus import build_release

    built = build_release("archives", "releases")
    built.release.read("documents", ["package", "path"]).to_pandas()

A script calls it below `if __name__ == "__main__"`, since worker processes import the script.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.atomic import remove_folder
from corpus.executor import SERIAL, Cluster, Executor, connect
from corpus.locking import claim, leased
from corpus.optout.ledger import Entry, Ledger, read_ledger
from corpus.optout.releases import unmatched
from corpus.places import check_access, explained, place
from corpus.progress import Progress, Silent
from corpus.release import GateSummary, Release, finalize
from corpus.release.statement import private_key, write_signed
from corpus.store import ArchiveStore

if TYPE_CHECKING:
    from corpus.configuration import BuildConfig
    from corpus.stages import Timing

Finish = Callable[[Release, Executor, Progress], GateSummary]
"""Judges a candidate on an executor, and writes its report and card."""


@dataclass(frozen=True, slots=True)
class Built:
    """The release, or the candidate that failed its gate, with the names of the failed checks."""

    release: Release
    failed: tuple[str, ...] = ()
    unmatched: tuple[Entry, ...] = ()
    """Entries of the opt-out ledger that left out nothing of what was seen."""
    timings: "tuple[Timing, ...]" = ()
    """How long each stage took, gate, report and card last; also in `timings.json`."""
    cleaned: int = 0
    """Folders of earlier builds that were removed from `work/`."""


def judge_and_tell(candidate: Release, executor: Executor, progress: Progress) -> GateSummary:
    """Hold a candidate against its promises, write its report and card, and return the verdict.

    The executor is used where that is sooner. Raises WorkerDied and OSError.
    """
    from datacards.render import write as write_card
    from quality.gate import judge
    from quality.partial import is_worth_workers
    from quality.report.publishing import write as write_report

    if not is_worth_workers(candidate):
        executor = SERIAL
    verdict = judge(candidate, executor=executor, progress=progress)
    write_report(candidate, verdict, executor, progress)
    progress.start("card", 1)
    write_card(candidate)
    progress.advance()
    return verdict.summary()


def build_release(
    archives: str | Path,
    out: str | Path,
    config: "str | Path | BuildConfig | None" = None,
    workers: int | None = None,
    *,
    work: str | Path | None = None,
    licenses: str | None = None,
    optout: str | Path | None = None,
    benchmarks: Sequence[str] = (),
    elixir: Sequence[str | Path] = (),
    cluster: Cluster | None = None,
    progress: Progress | None = None,
    finish: Finish = judge_and_tell,
    clean: bool = False,
    sign: str | Path | None = None,
) -> Built:
    """Build a candidate from an archive store, judge it, tell of it, and name it if it passed.

    `archives` is the store that a crawl filled. `out` holds releases, each in a folder by version,
    and `work`, or `out/work` without it, the tables with which an interrupted build goes on. Each
    may be an fsspec URL; then workers need no disk in common. `config` is a TOML file or a
    configuration, the defaults without one; `licenses` is the name of a list of licences, or a file
    with one, in place of that of the configuration. `workers` are processes on this machine, one a
    CPU without a number, and 0 works in this process; with `cluster`, one that already runs works
    instead. What the ledger `optout` names is left out, and so are documents that hold problems of
    `benchmarks`, each a path or a dataset on the Hub. Documents are verified with each of the
    programs `elixir`, or with the one in PATH, as `verification.verify` of the configuration says.
    `finish` judges the candidate and writes its report and card. With `clean` what earlier builds
    left in `work/` and this one does not use is removed, once the release has its name. `sign` is a
    private key, with which the statement of
    a release that has its name is signed.

    A cluster that already runs has working directories of its own, so what it is told is absolute.
    Raises UnusableKey, PlaceError for a URL that cannot be used, FolderInUse while another build
    writes to `out` or, at a URL, to `work`, and what `corpus.build.build`,
    `corpus.configuration.configured`, `corpus.optout.ledger.read_ledger`,
    `corpus.decontamination.benchmarks.read_benchmarks`,
    `corpus.verification.toolchains.find_toolchains` and `corpus.executor.connect` do.
    """
    from corpus.build import carry_out_plan, leftovers, plan_build
    from corpus.configuration import configured, permitting
    from corpus.decontamination.benchmarks import read_benchmarks
    from corpus.verification.toolchains import find_toolchains

    key = None if sign is None else private_key(Path(sign))
    archives, out, progress = place(archives), place(out), progress or Silent()
    work = place(work) if work is not None else out / "work"
    settings = configured(config)
    settings = settings if licenses is None else permitting(settings, licenses)
    ledger = read_ledger(Path(optout)) if optout is not None else Ledger()
    told = read_benchmarks(benchmarks, settings.decontamination.fields)
    toolchains = find_toolchains(elixir, settings.verification)
    if cluster is not None:
        archives, out, work = archives.resolve(), out.resolve(), work.resolve()
    for folder in dict.fromkeys((out, work)):
        check_access(folder)
    with claim(out, "build"), leased(out, "build"), leased(work, "build"), explained(out):
        with connect((os.cpu_count() or 1) if workers is None else workers, cluster) as executor:
            store = ArchiveStore(archives)
            planned = plan_build(store, out, settings, progress, ledger, work, told, toolchains)
            release = carry_out_plan(planned, settings, executor, progress)
            unknown = unmatched(release)
            if _is_named(release):
                built = Built(release, (), unknown)
            else:
                # It may have its verdict already: a build was killed just before it got its name.
                clock = Clock(progress)
                gate = finish(release, executor, clock)
                built = _finished(release, out, unknown, gate, clock.stop())
        useless = leftovers(planned) if clean and _is_named(built.release) else []
        for folder in useless:
            remove_folder(folder)
        if key is not None and _is_named(built.release):
            write_signed(built.release.path, built.release.manifest, key)
        return replace(built, cleaned=len(useless))


def _is_named(release: Release) -> bool:
    return release.path.name == release.manifest.version


class Clock:
    """Measures the stages whose progress it is told, and passes it on."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began: list[tuple[str, float]] = []

    def start(self, stage: str, total: int) -> None:
        """Note when a stage begins; the one before ends."""
        self._began.append((stage, time.monotonic()))
        self._progress.start(stage, total)

    def advance(self) -> None:
        """Pass a step on."""
        self._progress.advance()

    def stop(self) -> list[tuple[str, float]]:
        """Return the stages with their seconds; the last one ends now."""
        ends = [*(began for _, began in self._began[1:]), time.monotonic()]
        return [
            (stage, round(end - began, 2))
            for (stage, began), end in zip(self._began, ends, strict=False)
        ]


def _finished(
    candidate: Release,
    out: Path,
    unknown: tuple[Entry, ...],
    gate: GateSummary,
    seconds: list[tuple[str, float]],
) -> Built:
    """Give a candidate its name if it passed, and write how long each stage took."""
    from corpus.stages import Timing, read_timings, write_timings

    timed = (Timing(stage, each, ran=True) for stage, each in seconds)
    timings = (*read_timings(candidate.path), *timed)
    if gate.outcome != "passed":
        write_timings(candidate.path, timings)
        return Built(candidate, gate.failed, unknown, timings)
    release = finalize(candidate, gate, out / candidate.manifest.version)
    write_timings(release.path, timings)
    return Built(release, (), unknown, timings)
