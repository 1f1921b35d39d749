"""Promises: their type, and the promises about every row from the registry of tables.

A promise names an expectation of Great Expectations, or one of `quality.examination`, with its
arguments. This module does not import that library, because the import takes seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from corpus.licenses import LicensePolicy
from corpus.tables import (
    SHARDED,
    Between,
    Digests,
    Equal,
    Filled,
    FromBuild,
    Holds,
    NeverNull,
    OneOf,
    Permitted,
    Promised,
    Unique,
    UniqueInRelease,
)
from quality.settings import BuiltUnder


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise: its name, its text for readers, and an expectation by name and arguments."""

    name: str
    expected: str
    expectation: str
    arguments: Mapping[str, object]
    warning: bool = False

    @property
    def column(self) -> str:
        """The column, or the first of two, that the expectation checks.

        For a promise about the corpus as a whole, the check reports its value as observed.
        """
        return str(self.arguments.get("column") or self.arguments["column_A"])

    @property
    def other(self) -> str | None:
        """The column with which the first one is compared."""
        found = self.arguments.get("column_B")
        return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of one frame on one promise, by name. `error` is set if the promise could not be
    checked.
    """

    promise: str
    kept: bool
    rows: int
    unexpected: int
    examples: tuple[str, ...]
    error: str | None


def row_promises(table: str, built: BuiltUnder) -> list[Promise]:
    """Return the promises about the rows of one table of a release."""
    kept = SHARDED[table].promises
    return [each for promised in kept for each in _of_rows(table, promised, built)]


def judged_columns(table: str) -> list[str]:
    """Return the columns of a table's schema that its promises check."""
    judged = {name for promised in SHARDED[table].promises for name in _about(promised)}
    return [name for name in SHARDED[table].schema.names if name in judged]


def _about(promised: Promised) -> tuple[str, ...]:
    match promised:
        case NeverNull(columns) | Filled(columns) | Digests(columns):
            return columns
        case Holds():
            return ()
        case Equal(column, other):
            return column, other
    return (promised.column,)


def _of_rows(table: str, promised: Promised, built: BuiltUnder) -> Iterator[Promise]:
    """Yield the promises of one entry of the registry; derived columns replace texts."""
    match promised:
        case Digests(columns):
            yield from _digests(table, columns)
        case NeverNull(columns):
            yield from _present(table, columns)
        case Filled(columns):
            yield from (_filled(table, column) for column in columns)
        case Unique(column):
            yield Promise(
                f"{table}.{column}.unique",
                "no value twice",
                "ExpectColumnValuesToBeUnique",
                {"column": column},
            )
        case UniqueInRelease():
            pass  # the corpus promises count these
        case OneOf(column, values):
            yield _one_of(table, column, values)
        case Between(column, least, most):
            bound = built.longest_text if isinstance(most, FromBuild) else most
            yield _between(table, column, least, bound)
        case Equal(column, other, expected):
            yield equal(f"{table}.{column}.true", column, other, expected)
        case Holds(statement, expected):
            yield Promise(
                f"{table}.{statement}",
                expected,
                "ExpectColumnValuesToBeTrue",
                {"column": statement},
            )
        case Permitted(column):
            yield _permitted(table, column, built.policy)


def _digests(table: str, columns: Sequence[str]) -> Iterator[Promise]:
    for column in columns:
        yield from _present(table, [column])
        yield Promise(
            f"{table}.{column}.well_formed",
            "64 hexadecimal digits",
            "ExpectColumnValuesToBeDigests",
            {"column": column},
        )


def _present(table: str, columns: Sequence[str]) -> Iterator[Promise]:
    for column in columns:
        yield Promise(
            f"{table}.{column}.present",
            "never null",
            "ExpectColumnValuesToNotBeNull",
            {"column": column},
        )


def _filled(table: str, column: str) -> Promise:
    return Promise(
        f"{table}.{column}.filled",
        "never empty",
        "ExpectColumnValueLengthsToBeBetween",
        {"column": column, "min_value": 1},
    )


def _one_of(table: str, column: str, values: Sequence[str]) -> Promise:
    named = ", ".join(values) if len(values) <= 6 else f"one of the {len(values)} that are defined"
    return among(f"{table}.{column}.known", column, list(values), named)


def _between(table: str, column: str, least: float, most: float | None) -> Promise:
    expected = f"at least {least}" if most is None else f"from {least:,} to {most:,}"
    return bounded(f"{table}.{column}.in_range", column, expected, least=least, most=most)


def _permitted(table: str, column: str, policy: LicensePolicy) -> Promise:
    permitted = sorted(policy.permitted | policy.permitted_extra)
    return Promise(
        f"{table}.{column}.permitted",
        f"an SPDX expression that {len(permitted)} permitted licences satisfy",
        "ExpectColumnValuesToBePermittedLicenses",
        {"column": column, "permitted": permitted},
    )


def equal(name: str, column: str, other: str, expected: str) -> Promise:
    """Return the promise that two columns have the same value in every row."""
    arguments = {"column_A": column, "column_B": other}
    return Promise(name, expected, "ExpectColumnPairValuesToBeEqual", arguments)


def among(name: str, column: str, values: list[str] | list[int], expected: str) -> Promise:
    """Return the promise that a column has only these values."""
    arguments = {"column": column, "value_set": values}
    return Promise(name, expected, "ExpectColumnValuesToBeInSet", arguments)


def bounded(
    name: str,
    column: str,
    expected: str,
    *,
    least: float | None = None,
    most: float | None = None,
    warning: bool = False,
) -> Promise:
    """Return the promise that the values of a column are within bounds."""
    arguments = {"column": column, "min_value": least, "max_value": most}
    return Promise(name, expected, "ExpectColumnValuesToBeBetween", arguments, warning)
