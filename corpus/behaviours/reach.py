"""The modules with macros of all archives, and which of them the code of an archive can see.

A package sees itself, then what it requires, then what that requires. Of a requirement the newest
version in the store that satisfies it is taken, else the newest one. Repositories and folders
declare no requirements: they see the modules that only one package of the store defines.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from corpus.behaviours.resolution import CERTAIN, OF_THE_LANGUAGE, Found

SATISFIED: Final = 1.0
ANOTHER_VERSION: Final = 0.95
"""Confidence in what a version says that does not satisfy the requirement."""
UNDECLARED: Final = 0.9
"""Confidence in what a package says that is not required, as far as the store knows."""
MOST_REACHED: Final = 2_000
"""Archives that are looked at for one; the largest application of Hex requires some hundred."""


class Macros(NamedTuple):
    """A module with macros; `package` is its source and name, `macros` is from ingest."""

    archive: str
    package: str
    version: str
    module: str
    macros: str


class Wanted(NamedTuple):
    """A requirement of an archive: a package by source and name, and the versions."""

    package: str
    requirement: str


class Reached(NamedTuple):
    """An archive that another one requires."""

    archive: str
    confidence: float


class Shelf:
    """A library of modules; `requirements` has for each archive what it requires.

    A module that an archive defines several times is the first of them in `modules`.
    """

    def __init__(
        self, modules: Iterable[Macros], requirements: Mapping[str, Sequence[Reached]]
    ) -> None:
        self._by_name: dict[str, dict[str, Macros]] = {}
        for each in modules:
            self._by_name.setdefault(each.module, {}).setdefault(each.archive, each)
        self._requirements = requirements
        self._reach = lru_cache(maxsize=4096)(self._reach_of)
        self._seen = lru_cache(maxsize=65_536)(self._find)

    def find(self, module: str, archive: str) -> Found | None:
        """Return a module as the code of an archive sees it."""
        return self._seen(module, archive)

    def _find(self, module: str, archive: str) -> Found | None:
        candidates = self._by_name.get(module)
        if candidates is None:
            return None
        if archive in candidates:
            return Found(archive, candidates[archive].macros, CERTAIN)
        reach = self._reach(archive)
        near = [other for other in candidates if other in reach]
        if near:
            nearest = min(near, key=lambda other: (reach[other][0], other))
            return Found(nearest, candidates[nearest].macros, reach[nearest][1])
        if len({each.package for each in candidates.values()}) > 1:
            return None
        newest = max(candidates.values(), key=lambda each: (version_key(each.version), each))
        confidence = CERTAIN if module in OF_THE_LANGUAGE else UNDECLARED
        return Found(newest.archive, newest.macros, confidence)

    def _reach_of(self, archive: str) -> dict[str, tuple[int, float]]:
        """Return distance and confidence of the archives that an archive requires."""
        found = {archive: (0, CERTAIN)}
        waiting = deque([archive])
        while waiting and len(found) < MOST_REACHED:
            here = waiting.popleft()
            distance, confidence = found[here]
            for other in self._requirements.get(here, ()):
                if other.archive not in found:
                    found[other.archive] = distance + 1, min(confidence, other.confidence)
                    waiting.append(other.archive)
        return found


def choose(
    wanted: Iterable[Wanted], versions: Mapping[str, Sequence[tuple[str, str]]]
) -> list[Reached]:
    """Return an archive for each requirement that the store has.

    `versions` has version and digest of the archives of each package.
    """
    found = []
    for each in wanted:
        held = sorted(versions.get(each.package, ()), key=lambda item: (version_key(item[0]), item))
        if held:
            fitting = [item for item in held if satisfies(item[0], each.requirement)]
            confidence = SATISFIED if fitting else ANOTHER_VERSION
            found.append(Reached((fitting or held)[-1][1], confidence))
    return found


_VERSION: Final = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]+))?")
_CLAUSE: Final = re.compile(r"(~>|>=|<=|==|!=|>|<|!)?\s*(\S+)")

VersionKey = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def version_key(version: str) -> VersionKey:
    """Return what versions are ordered by (semver.org, 11); of no version, the least."""
    match = _VERSION.match(version)
    if match is None:
        return 0, 0, 0, False, ()
    major, minor, patch = (int(match[place] or 0) for place in (1, 2, 3))
    before = tuple(
        (not part.isdecimal(), int(part[:9]) if part.isdecimal() else 0, part)
        for part in (match[4] or "").split(".")
        if part
    )
    return major, minor, patch, not before, before


def satisfies(version: str, requirement: str) -> bool:
    """Return whether a version satisfies a requirement of Hex (Elixir's Version, Requirements)."""
    key = version_key(version)
    return not requirement or any(
        all(_holds(key, clause) for clause in re.split(r"\s+and\s+", either))
        for either in re.split(r"\s+or\s+", requirement.strip())
    )


def _holds(key: VersionKey, clause: str) -> bool:
    match = _CLAUSE.fullmatch(clause.strip())
    if match is None:
        return False
    operator, other = match[1] or "==", version_key(match[2])
    if operator == "~>":
        parts = match[2].partition("-")[0].count(".")
        above = (other[0] + 1, 0) if parts < 2 else (other[0], other[1] + 1)
        return key >= other and key[:2] < above
    return {
        ">=": key >= other,
        "<=": key <= other,
        ">": key > other,
        "<": key < other,
        "==": key == other,
        "!=": key != other,
        "!": key != other,
    }[operator]
