"""Declared data of a package: requirements, links and advisories."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One dependency; `requirement` is the version constraint as written, "" if there is none.

    `app` and `repository` are None if they are the default.
    """

    name: str
    requirement: str
    optional: bool
    app: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class Advisory:
    """One security advisory; `severity` is none, low, medium, high, critical or not known.

    `score` is the CVSS score from 0 to 10; `aliases` are other identifiers of the same.
    """

    id: str
    summary: str | None = None
    severity: str | None = None
    score: float | None = None
    url: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads of a package: in total, and in the last 90 days."""

    all: int
    recent: int


@dataclass(frozen=True, slots=True)
class Link:
    """One named address, such as ("GitHub", "https://...")."""

    name: str
    url: str
