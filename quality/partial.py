"""Partial results: values that are computed from each span of a release and added up.

A task reads a span on the executor and returns a small result. The results are added up in the
order of the spans, so that no figure depends on the number or the speed of workers. Sums are of
whole numbers.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import CorpusError
from corpus.executor import Executor, in_order
from corpus.release import Release

WORTH_WORKERS = 50_000_000
"""Below this size of shards, one process reads a release faster than workers can start."""
READABLE = (
    *(CorpusError, OSError, pa.ArrowException, ArithmeticError),
    *(LookupError, ValueError, TypeError, AttributeError),
)
"""Errors when a table is read that has a correct digest but is broken."""

Task = TypeVar("Task")
Result = TypeVar("Result")
Name = TypeVar("Name")
Value = TypeVar("Value")
Key = TypeVar("Key", bound=Hashable)


class Unreadable(CorpusError):
    """Rows could not be read, or have invalid values. The message has the error and not the path of
    the release.
    """


def is_worth_workers(release: Release) -> bool:
    """Return whether workers take less time for a release than this process alone."""
    return sum(shard.bytes for shard in release.manifest.shards) >= WORTH_WORKERS


def worked_out(
    executor: Executor,
    stage: str,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    folder: Path,
) -> Iterator[Result]:
    """Yield the results in the order of the tasks, which read the release in `folder`.

    Raises Unreadable for the first task that raised one of READABLE, and the errors of `in_order`.
    """
    for told, result in in_order(executor, stage, partial(_attempt, function, folder), tasks):
        if result is None:
            raise Unreadable(told)
        yield result


def explain(error: Exception, folder: Path) -> str:
    """Return why something could not be read, without the path of the release."""
    if isinstance(error, Unreadable):
        return str(error)
    return f"{type(error).__name__}: {error}".replace(f"{folder}/", "")


def _attempt(
    function: Callable[[Task], Result], folder: Path, task: Task
) -> tuple[str, Result | None]:
    """Return the result, or the error as text, since not every exception can be pickled."""
    try:
        return "", function(task)
    except READABLE as error:
        return explain(error, folder), None


class Part(Protocol):
    """A value that can be added up."""

    def merge(self, later: Self) -> None:
        """Add the result for later rows."""


Added = TypeVar("Added", bound=Part)


class Latest(dict[Name, Value]):
    """The last value by name."""

    def merge(self, later: "Latest[Name, Value]") -> None:
        """Take the values of later rows."""
        self.update(later)


class Listed(list[Value]):
    """Values one after the other."""

    def merge(self, later: "Listed[Value]") -> None:
        """Add the values of later rows."""
        self.extend(later)


class Each(dict[Name, Added]):
    """Several parts by name."""

    def merge(self, later: "Each[Name, Added]") -> None:
        """Add the results for later rows, by name."""
        for name, part in later.items():
            if name in self:
                self[name].merge(part)
            else:
                self[name] = part


class Counts(Counter[Key]):
    """Counts that can be added up."""

    def merge(self, later: "Counts[Key]") -> None:
        """Add the counts of later rows."""
        self.update(later)


class Observed(Counts[int]):
    """Counts of whole numbers."""

    def add(self, values: pa.Array | pa.ChunkedArray) -> None:
        """Count the values that are not null."""
        found = pc.value_counts(values.drop_null())
        pairs = (found.field(name).to_pylist() for name in ("values", "counts"))
        for value, count in zip(*pairs, strict=True):
            self[value] += count

    def arrays(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the sorted values, and the count of each."""
        ordered = sorted(self.items())
        values, counts = np.array(ordered, dtype=np.int64).reshape(-1, 2).T
        return values, counts


class Totals:
    """Sums by some columns, which can be added up. There is one row per combination of values, in
    the order of first occurrence. Null counts as a value in these columns, and as 0 in a sum.
    """

    def __init__(self, by: Sequence[str], sums: Sequence[str]) -> None:
        self._by, self._sums = list(by), list(sums)
        fields = [*((name, pa.string()) for name in by), *((name, pa.int64()) for name in sums)]
        self.table: pa.Table = pa.schema(fields).empty_table()

    def add(self, rows: pa.Table) -> None:
        """Add rows that have at least all columns."""
        wanted = rows.select(self.table.column_names).cast(self.table.schema)
        self.table = summed(pa.concat_tables([self.table, wanted]), self._by, self._sums)

    def merge(self, later: "Totals") -> None:
        """Add the sums of later rows."""
        self.add(later.table)


def summed(table: pa.Table, by: Sequence[str], sums: Sequence[str]) -> pa.Table:
    """Return the sums by some columns, in the order of first occurrence of their values."""
    grouped = table.group_by(list(by), use_threads=False)
    found = grouped.aggregate([(name, "sum") for name in sums])
    ordered = found.select([*by, *(f"{name}_sum" for name in sums)])
    return ordered.rename_columns([*by, *sums])
