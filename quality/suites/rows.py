"""The row promises of the registry as expectations; they see derived columns instead of text.

`quality.frames` says what the derived columns hold.
"""

from collections.abc import Iterator, Sequence

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
from quality.suites.promise import Promise


def promises(table: str, built: BuiltUnder) -> list[Promise]:
    """Return the promises about the rows of one table of a release."""
    kept = SHARDED[table].promises
    return [each for promised in kept for each in _expectations(table, promised, built)]


def judged_columns(table: str) -> list[str]:
    """Return the columns of a table's schema that its promises are about."""
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


def _expectations(table: str, promised: Promised, built: BuiltUnder) -> Iterator[Promise]:
    match promised:
        case Digests(columns):
            yield from _digests(table, columns)
        case NeverNull(columns):
            yield from _present(table, columns)
        case Filled(columns):
            yield from (_filled(table, column) for column in columns)
        case Unique(column):
            yield _unique(table, column)
        case UniqueInRelease():
            pass  # the corpus promises count these
        case OneOf(column, values):
            known = built.kinds if isinstance(values, FromBuild) else values
            yield _one_of(table, column, known)
        case Between(column, least, most):
            bound = built.longest_text if isinstance(most, FromBuild) else most
            yield _between(table, column, least, bound)
        case Equal(column, other, expected):
            yield _equal(table, column, other, expected)
        case Holds(statement, expected):
            yield _true(table, statement, expected)
        case Permitted(column):
            yield _permitted(table, column, built.policy)


def _digests(table: str, columns: Sequence[str]) -> Iterator[Promise]:
    from quality.suites.expectations import ExpectColumnValuesToBeDigests

    for column in columns:
        yield from _present(table, [column])
        name, expected = f"{table}.{column}.well_formed", "64 hexadecimal digits"
        yield Promise(name, expected, ExpectColumnValuesToBeDigests(column=column))


def _present(table: str, columns: Sequence[str]) -> Iterator[Promise]:
    import great_expectations.expectations as gxe

    for column in columns:
        expectation = gxe.ExpectColumnValuesToNotBeNull(column=column)
        yield Promise(f"{table}.{column}.present", "never null", expectation)


def _filled(table: str, column: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValueLengthsToBeBetween(column=column, min_value=1)
    return Promise(f"{table}.{column}.filled", "never empty", expectation)


def _unique(table: str, column: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValuesToBeUnique(column=column)
    return Promise(f"{table}.{column}.unique", "no value twice", expectation)


def _one_of(table: str, column: str, values: Sequence[str]) -> Promise:
    import great_expectations.expectations as gxe

    named = ", ".join(values) if len(values) <= 6 else f"one of the {len(values)} that are defined"
    expectation = gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))
    return Promise(f"{table}.{column}.known", named, expectation)


def _between(table: str, column: str, least: float, most: float | None) -> Promise:
    import great_expectations.expectations as gxe

    expected = f"at least {least}" if most is None else f"from {least:,} to {most:,}"
    expectation = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)
    return Promise(f"{table}.{column}.in_range", expected, expectation)


def _equal(table: str, column: str, other: str, expected: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=other)
    return Promise(f"{table}.{column}.true", expected, expectation)


def _true(table: str, column: str, expected: str) -> Promise:
    from quality.suites.expectations import ExpectColumnValuesToBeTrue

    return Promise(f"{table}.{column}", expected, ExpectColumnValuesToBeTrue(column=column))


def _permitted(table: str, column: str, policy: LicensePolicy) -> Promise:
    from quality.suites.expectations import ExpectColumnValuesToBePermittedLicenses

    permitted = sorted(policy.permitted | policy.permitted_extra)
    expectation = ExpectColumnValuesToBePermittedLicenses(column=column, permitted=permitted)
    expected = f"an SPDX expression that {len(permitted)} permitted licences satisfy"
    return Promise(f"{table}.{column}.permitted", expected, expectation)
