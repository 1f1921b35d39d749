"""Expectations of our own, on top of those that Great Expectations brings.

Importing this module imports Great Expectations (seconds, 260 MB), so it is done inside functions.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar

import great_expectations.expectations as gxe
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from corpus.licenses import LicensePolicy
from corpus.licenses.declarations import read_expression, satisfied

DIGEST = r"^[0-9a-f]{64}\Z"


class ExpectColumnValuesToBeDigests(gxe.ExpectColumnValuesToMatchRegex):
    """Expect SHA-256 digests: 64 hexadecimal digits in lower case."""

    regex: str = DIGEST


class ExpectColumnValuesToBeTrue(gxe.ExpectColumnValuesToBeInSet):
    """Expect a statement about each row, worked out beforehand, to be true and known."""

    value_set: Any = (True,)


class PermittedLicenses(ColumnMapMetricProvider):
    """Says of each SPDX expression whether the permitted ids satisfy it."""

    condition_metric_name = "column_values.permitted_license"
    condition_value_keys = ("permitted",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, permitted: Iterable[str], **_: Any) -> Any:  # noqa: N805
        policy = LicensePolicy(permitted=frozenset(permitted))
        verdicts = {text: permits(text, policy) for text in column.unique()}
        return column.map(verdicts).astype(bool)


class ExpectColumnValuesToBePermittedLicenses(ColumnMapExpectation):
    """Expect SPDX expressions that the given ids satisfy, by the same reading as at ingest."""

    permitted: list[str]

    map_metric: ClassVar[str] = "column_values.permitted_license"
    success_keys: ClassVar[tuple[str, ...]] = ("permitted", "mostly")


@cache
def _read(text: str) -> Any:
    return read_expression(text)


def permits(text: str, policy: LicensePolicy) -> bool:
    """Say whether an SPDX expression is known and satisfied by what a policy permits."""
    expression = _read(text)
    return expression is not None and satisfied(expression, policy.permits)
