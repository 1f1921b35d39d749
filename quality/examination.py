"""Running promises through Great Expectations, on one data frame after another."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from quality.suites.promise import Promise


@dataclass(frozen=True, slots=True)
class Finding:
    """What one frame says of one promise. `error` is set when the expectation itself raised."""

    promise: Promise
    kept: bool
    rows: int
    unexpected: int
    examples: tuple[str, ...]
    error: str | None


class Examiner:
    """Great Expectations in memory: nothing is read from disk, written to it, drawn or sent."""

    def __init__(self, examples: int) -> None:
        with warnings.catch_warnings():
            # The library's own imports warn of what it has yet to modernise.
            warnings.simplefilter("ignore")
            import great_expectations as gx
            from great_expectations.data_context.types.base import (
                DataContextConfig,
                InMemoryStoreBackendDefaults,
                ProgressBarsConfig,
            )
        self._suite = gx.ExpectationSuite
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
        """Hold every promise against the rows of `table`, in the order of the promises."""
        suite = self._suite(name="promises")
        by_name = {promise.name: promise for promise in promises}
        suite.expectations = [_named(promise) for promise in promises]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = self._frames.get_batch({"dataframe": table.to_pandas()})
            results = batch.validate(suite, result_format=self._format).results
        found = {_promise_of(item): item for item in results}
        return [
            _finding(promise, found.get(name), table.num_rows) for name, promise in by_name.items()
        ]


def _named(promise: Promise) -> Any:
    """Return the expectation, marked so that its result can be told from the others."""
    promise.expectation.meta = {"promise": promise.name}
    return promise.expectation


def _promise_of(result: Any) -> str:
    return str(result.expectation_config.meta["promise"])


def _finding(promise: Promise, result: Any, rows: int) -> Finding:
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


def _error(info: dict[str, Any]) -> str | None:
    """Return why an expectation raised, or None: a failed one and a broken one look alike else.

    The information stands alone, or once for each metric that was computed.
    """
    entries = [info] if "raised_exception" in info else list(info.values())
    raised = (entry for entry in entries if entry and entry["raised_exception"])
    return next((str(entry["exception_message"]).strip() for entry in raised), None)
