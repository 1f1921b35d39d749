"""Finding the files in a bundle that kill the worker that reads them, by bisection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.executor import Executor, Killed
from corpus.ingest.bundle import Bundle
from corpus.ingest.opened import ReadConfig, member_paths, try_members
from corpus.store import Archive


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


def read(probe: Probe) -> None:
    """Read the files of a probe as ingest would."""
    try_members(probe.archive, probe.path, probe.config, probe.start, probe.stop)


def paths_of(probe: Probe) -> list[str]:
    """List all files of the probe's archive."""
    return member_paths(probe.archive, probe.path, probe.config)


def find_poison(
    executor: Executor, bundle: Bundle, attempt: Callable[[Probe], None] = read
) -> dict[str, frozenset[str]]:
    """Return, by archive checksum, the paths of files that kill a worker; "" is a whole archive.

    `attempt` reads a probe; a test may give another that dies on purpose.
    """
    whole = [
        Probe(archive, path, bundle.config.read, 0, 0)
        for archive, path in zip(bundle.archives, bundle.paths, strict=True)
    ]
    poison: dict[str, frozenset[str]] = {}
    paths: dict[str, list[str]] = {}
    for probe, found in executor.map(paths_of, whole):
        if isinstance(found, Killed):
            poison[probe.archive.sha256] = frozenset([""])
        else:
            paths[probe.archive.sha256] = found
    probes = [
        Probe(probe.archive, probe.path, probe.config, 0, len(paths[probe.archive.sha256]))
        for probe in whole
        if paths.get(probe.archive.sha256)
    ]
    for probe in _bisect(executor, probes, attempt):
        checksum = probe.archive.sha256
        poison[checksum] = poison.get(checksum, frozenset()) | {paths[checksum][probe.start]}
    return poison


def _bisect(
    executor: Executor, probes: Sequence[Probe], attempt: Callable[[Probe], None]
) -> list[Probe]:
    found: list[Probe] = []
    while probes:
        killed = [
            probe for probe, result in executor.map(attempt, probes) if isinstance(result, Killed)
        ]
        found += [probe for probe in killed if probe.stop - probe.start == 1]
        probes = [half for p in killed if p.stop - p.start > 1 for half in p.halves()]
    return found
