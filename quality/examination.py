"""Checking promises with Great Expectations, one data frame at a time.

Importing this module imports that library (seconds, 260 MB), so other modules import it inside
functions.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from corpus.licenses import LicensePolicy
from corpus.licenses.declarations import read_expression, satisfied
from quality.promises import Finding, Promise

with warnings.catch_warnings():
    # The library's own imports cause deprecation warnings.
    warnings.simplefilter("ignore")
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation import ColumnMapExpectation
    from great_expectations.expectations.metrics import (
        ColumnMapMetricProvider,
        column_condition_partial,
    )

DIGEST = r"^[0-9a-f]{64}\Z"


class Result(Protocol):
    """The result of the library for one expectation."""

    expectation_config: Any
    success: bool | None
    result: dict[str, Any]
    exception_info: dict[str, Any]


class Examiner:
    """Great Expectations in memory, without access to files or the network, and without progress
    bars.
    """

    def __init__(self, examples: int) -> None:
        settings = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        context = gx.get_context(mode="ephemeral", project_config=settings)
        asset = context.data_sources.add_pandas("release").add_dataframe_asset("rows")
        self._frames = asset.add_batch_definition_whole_dataframe("frame")
        self._format = {"result_format": "BASIC", "partial_unexpected_count": examples}

    def examine(self, promises: Sequence[Promise], table: pa.Table) -> list[Finding]:
        """Check every promise on the rows of `table`, in the order of the promises."""
        suite = gx.ExpectationSuite(name="promises")
        suite.expectations = [_expectation(promise) for promise in promises]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = self._frames.get_batch({"dataframe": table.to_pandas()})
            results = batch.validate(suite, result_format=self._format).results
        found = {_promise_of(item): item for item in results}
        return [
            _finding(promise.name, found.get(promise.name), table.num_rows) for promise in promises
        ]


@cache
def examiner(examples: int) -> Examiner:
    """Return the examiner of this process."""
    return Examiner(examples)


def _expectation(promise: Promise) -> gxe.Expectation:
    """Return the expectation, marked so that its result can be identified."""
    own = OWN.get(promise.expectation)
    make: Callable[..., gxe.Expectation] = own or getattr(gxe, promise.expectation)
    return make(**promise.arguments, meta={"promise": promise.name})


def _promise_of(result: Result) -> str:
    return str(result.expectation_config.meta["promise"])


def _finding(promise: str, result: Result | None, rows: int) -> Finding:
    if result is None:
        return Finding(promise, False, rows, 0, (), "Great Expectations returned no result")
    error = _error(result.exception_info)
    values = result.result.get("partial_unexpected_list", [])
    return Finding(
        promise,
        bool(result.success) and error is None,
        rows,
        int(result.result.get("unexpected_count", 0)),
        tuple(map(str, values)),
        error,
    )


def _error(info: Mapping[str, Any]) -> str | None:
    """Return the error that an expectation raised, or None; a failed check has no error.

    The information is present once, or once for each metric that was computed.
    """
    entries = [info] if "raised_exception" in info else list(info.values())
    raised = (entry for entry in entries if entry and entry["raised_exception"])
    return next((str(entry["exception_message"]).strip() for entry in raised), None)


class ExpectColumnValuesToBeDigests(gxe.ExpectColumnValuesToMatchRegex):
    """Expect SHA-256 digests: 64 hexadecimal digits in lower case."""

    regex: str = DIGEST


class ExpectColumnValuesToBeTrue(gxe.ExpectColumnValuesToBeInSet):
    """Expect a statement about each row, computed beforehand, to be true and not null."""

    value_set: Any = (True,)


class PermittedLicenses(ColumnMapMetricProvider):
    """Computes for each SPDX expression whether the permitted ids satisfy it."""

    condition_metric_name = "column_values.permitted_license"
    condition_value_keys = ("permitted",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, permitted: Iterable[str], **_: Any) -> Any:  # noqa: N805
        policy = LicensePolicy(permitted=frozenset(permitted))
        verdicts = {text: permits(text, policy) for text in column.unique()}
        return column.map(verdicts).astype(bool)


class ExpectColumnValuesToBePermittedLicenses(ColumnMapExpectation):
    """Expect SPDX expressions that the given ids satisfy, evaluated as at ingest."""

    permitted: list[str]

    map_metric: ClassVar[str] = "column_values.permitted_license"
    success_keys: ClassVar[tuple[str, ...]] = ("permitted", "mostly")


OWN: dict[str, type[gxe.Expectation]] = {
    kind.__name__: kind
    for kind in (
        ExpectColumnValuesToBeDigests,
        ExpectColumnValuesToBeTrue,
        ExpectColumnValuesToBePermittedLicenses,
    )
}
"""Custom expectations, in addition to those of Great Expectations."""


def permits(text: str, policy: LicensePolicy) -> bool:
    """Return whether an SPDX expression is valid and satisfied by the permitted licences."""
    expression = _read(text)
    return expression is not None and satisfied(expression, policy.permits)


_read = cache(read_expression)
