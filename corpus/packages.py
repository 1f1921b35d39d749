"""Declared data of a package: requirements, links and advisories; what a host says of it."""

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
class Standing:
    """What a store knows of the package of an archive; None for what is unknown."""

    age_days: int | None
    """From its version to the newest archive of the store."""
    package_age_days: int | None
    """From the package's first version to this one."""
    downloads: int | None
    recent_downloads: int | None
    dependents: int
    """Other packages of the store that require it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One named address, such as ("GitHub", "https://...")."""

    name: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HostedRepository:
    """What the host of a repository said of it when a commit was fetched; times as it gives them.

    `license_hint` is the host's own guess, an SPDX identifier. It is no evidence of a licence.
    """

    id: int
    """The number that stays when a repository is renamed or transferred."""
    stars: int
    topics: tuple[str, ...]
    default_branch: str
    committed_at: str | None
    """When the commit was made, as its author's clock said."""
    created_at: str
    pushed_at: str | None
    kilobytes: int | None
    """Size of the repository with its history."""
    is_fork: bool
    is_archived: bool
    is_mirror: bool
    is_template: bool
    license_hint: str | None
    tag: str | None = None
    """The tag that the commit was fetched for; None for the head of the default branch."""


def tags_of(package: str, version: str) -> frozenset[str]:
    """Return the names of tags that maintainers give a version: v1.2.3, 1.2.3, cart-v1.2.3, ..."""
    numbers = version, f"v{version}"
    named = (f"{package}{sign}{each}" for sign in "-_@/" for each in numbers)
    return frozenset((*numbers, *named))
