"""What a package says of itself to others: what it needs and where it lives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One dependency; `requirement` is the version constraint as written, "" if there is none."""

    name: str
    requirement: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Link:
    """One named address, such as ("GitHub", "https://...")."""

    name: str
    url: str
