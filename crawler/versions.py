"""Versions of Hex packages, and the selection of versions for a crawl.

Hex versions are semantic versions (https://semver.org, 2.0.0) in the order of Elixir's `Version`:
build metadata does not count, and a pre-release comes before its release.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import total_ordering

from corpus.errors import CorpusError
from corpus.store import LONGEST_NAME

NUMBER = "(?:0|[1-9][0-9]*)"
IDENTIFIER = f"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
BUILD = "[0-9A-Za-z-]+"
VERSION = re.compile(
    rf"({NUMBER})\.({NUMBER})\.({NUMBER})"
    rf"(?:-({IDENTIFIER}(?:\.{IDENTIFIER})*))?(?:\+{BUILD}(?:\.{BUILD})*)?"
)
LONGEST = LONGEST_NAME
"""Maximum length of a version. Longer ones cannot be stored, and long numbers take time to read."""


class InvalidVersion(CorpusError):
    """A string that is not a semantic version."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One version. Versions that differ in build metadata only are equal."""

    major: int
    minor: int
    patch: int
    pre: tuple[int | str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read MAJOR.MINOR.PATCH with an optional pre-release and build. Raises InvalidVersion."""
        match = VERSION.fullmatch(text) if len(text) <= LONGEST else None
        if not match:
            raise InvalidVersion(
                f"{text[:LONGEST]!r} is not a semantic version such as 1.2.3 or 1.2.3-rc.1"
            )
        major, minor, patch, pre = match.groups()
        identifiers = (int(part) if part.isdigit() else part for part in (pre or "").split("."))
        return cls(int(major), int(minor), int(patch), tuple(identifiers) if pre else ())

    @property
    def key(self) -> tuple[object, ...]:
        """The sort key of versions: numbers before names, and a shorter version before its
        extension.
        """
        pre = tuple((isinstance(part, str), part) for part in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, pre)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key == other.key

    def __lt__(self, other: "Version") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)


def is_valid(text: str) -> bool:
    """Whether a string is a semantic version."""
    return len(text) <= LONGEST and VERSION.fullmatch(text) is not None


def ascending(versions: Iterable[str]) -> list[str]:
    """Sort versions from oldest to newest. Raises InvalidVersion."""
    return sorted(versions, key=Version.parse)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The selected versions of one package, newest first."""

    wanted: tuple[str, ...]
    retired: tuple[str, ...]
    """Versions that would be wanted if they were not retired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which versions of a package a crawl wants."""

    count: int | None = 1
    """How many, counted from the newest; None for all."""
    prereleases: bool = False
    """Count pre-releases like releases. Otherwise they are used only if there is no release."""
    retired: bool = False
    """Also select retired versions."""

    def choose(self, versions: Sequence[str], retired: Collection[str]) -> Choice:
        """Choose from a package's versions; invalid versions are left out.

        Retired versions do not count towards the number. Those that are newer than the last
        selected version are returned separately, older ones are not.
        """
        wanted: list[str] = []
        passed_over: list[str] = []
        for version in reversed(self.candidates(versions)):
            if self.count is not None and len(wanted) >= self.count:
                break
            is_withdrawn = version in retired and not self.retired
            (passed_over if is_withdrawn else wanted).append(version)
        return Choice(wanted=tuple(wanted), retired=tuple(passed_over))

    def takes_newest(self, versions: Sequence[str], retired: Collection[str]) -> bool:
        """Return whether the selection is only the newest version of a package."""
        newest = Selection(count=1, prereleases=True, retired=True)
        return self.choose(versions, retired).wanted == newest.choose(versions, retired).wanted

    def candidates(self, versions: Sequence[str]) -> list[str]:
        """Return the versions that may be chosen, oldest first."""
        valid = ascending(filter(is_valid, versions))
        releases = [version for version in valid if not Version.parse(version).pre]
        return valid if self.prereleases or not releases else releases
