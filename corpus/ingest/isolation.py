"""Finding what kills the worker that reads it: first the archives, then files by bisection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from corpus.executor import Executor, Killed
from corpus.ingest.bundle import Bundle, rehearse
from corpus.ingest.opened import ReadConfig, member_paths, try_members
from corpus.store import Archive

Task = TypeVar("Task")

WHOLE = frozenset([""])
"""Stands for an archive that kills a worker in a way that no single file does."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The files [start, stop) of one archive, counted as the archive lists them."""

    archive: Archive
    path: Path
    config: ReadConfig
    start: int
    stop: int

    def halves(self) -> list["Probe"]:
        """Divide the range in two."""
        middle = (self.start + self.stop) // 2
        first = Probe(self.archive, self.path, self.config, self.start, middle)
        return [first, Probe(self.archive, self.path, self.config, middle, self.stop)]


@dataclass(frozen=True, slots=True)
class Attempts:
    """How an archive and how some of its files are tried; a test may give some that die."""

    archive: Callable[[Bundle], None]
    files: Callable[[Probe], None]


def read(probe: Probe) -> None:
    """Read the files of a probe as ingest would."""
    try_members(probe.archive, probe.path, probe.config, probe.start, probe.stop)


AS_INGEST = Attempts(rehearse, read)


def paths_of(probe: Probe) -> list[str]:
    """List all files of the probe's archive."""
    return member_paths(probe.archive, probe.path, probe.config)


def find_poison(
    executor: Executor, bundle: Bundle, attempts: Attempts = AS_INGEST
) -> dict[str, frozenset[str]]:
    """Return, by archive checksum, the paths of files that kill a worker; "" is a whole archive."""
    singles = [
        replace(bundle, archives=(archive,), paths=(path,))
        for archive, path in zip(bundle.archives, bundle.paths, strict=True)
    ]
    killed = _killed(executor, attempts.archive, singles)
    probes = [Probe(b.archives[0], b.paths[0], b.config.read, 0, 0) for b in killed]
    poison = {probe.archive.sha256: WHOLE for probe in probes}
    paths = {
        probe.archive.sha256: found
        for probe, found in executor.map(paths_of, probes)
        if not isinstance(found, Killed)
    }
    ranges = [
        replace(probe, stop=len(paths[probe.archive.sha256]))
        for probe in probes
        if paths.get(probe.archive.sha256)
    ]
    for probe in _bisect(executor, ranges, attempts.files):
        checksum = probe.archive.sha256
        found = frozenset([paths[checksum][probe.start]])
        poison[checksum] = (poison[checksum] - WHOLE) | found
    return poison


def _killed(
    executor: Executor, attempt: Callable[[Task], None], tasks: Sequence[Task]
) -> list[Task]:
    """Return the tasks that kill their worker, each of them tried alone if others died beside it.

    Dask blames every task that a dying worker held, the ones that it had not begun among them. The
    guilty one is always blamed, so one that is blamed by itself needs no second death.
    """
    blamed = _died(executor, attempt, tasks)
    if len(blamed) == 1:
        return blamed
    return [task for task in blamed if _died(executor, attempt, [task])]


def _died(executor: Executor, attempt: Callable[[Task], None], tasks: Sequence[Task]) -> list[Task]:
    return [task for task, result in executor.map(attempt, tasks) if isinstance(result, Killed)]


def _bisect(
    executor: Executor, probes: Sequence[Probe], attempt: Callable[[Probe], None]
) -> list[Probe]:
    found: list[Probe] = []
    while probes:
        killed = _killed(executor, attempt, probes)
        found += [probe for probe in killed if probe.stop - probe.start == 1]
        probes = [half for p in killed if p.stop - p.start > 1 for half in p.halves()]
    return found
