"""Partial results: what is computed from each span of a release, and added up.

A task reads a span, wherever the executor runs it, and returns something small. What it returns is
added up in the order of the spans, so that no figure depends on the number of workers or on which
of them was faster. Sums are of whole numbers.
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
"""Bytes of shards below which one process reads a release before workers have started."""
READABLE = (
    *(CorpusError, OSError, pa.ArrowException, ArithmeticError),
    *(LookupError, ValueError, TypeError, AttributeError),
)
"""What reading a table raises that is broken in a way its digest does not show."""

Task = TypeVar("Task")
Result = TypeVar("Result")
Name = TypeVar("Name")
Value = TypeVar("Value")
Key = TypeVar("Key", bound=Hashable)


class Unreadable(CorpusError):
    """Rows could not be read, or made no sense. The message names the error and says nothing of
    where the release lies.
    """


def is_worth_workers(release: Release) -> bool:
    """Say whether workers would take less time for a release than this process alone."""
    return sum(shard.bytes for shard in release.manifest.shards) >= WORTH_WORKERS


def worked_out(
    executor: Executor,
    stage: str,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    folder: Path,
) -> Iterator[Result]:
    """Yield the results in the order of the tasks, which read the release in a folder.

    Raises Unreadable for the first task that raised one of READABLE, and what `in_order` does.
    """
    for told, result in in_order(executor, stage, partial(_attempt, function, folder), tasks):
        if result is None:
            raise Unreadable(told)
        yield result


def explain(error: Exception, folder: Path) -> str:
    """Say why something could not be read, the same wherever the release lies."""
    if isinstance(error, Unreadable):
        return str(error)
    return f"{type(error).__name__}: {error}".replace(f"{folder}/", "")


def _attempt(
    function: Callable[[Task], Result], folder: Path, task: Task
) -> tuple[str, Result | None]:
    """Return the result, or what was raised in words, since not every exception can be pickled."""
    try:
        return "", function(task)
    except READABLE as error:
        return explain(error, folder), None


class Part(Protocol):
    """What can be added up."""

    def merge(self, later: Self) -> None:
        """Add what is known of the rows that follow."""


Added = TypeVar("Added", bound=Part)


class Latest(dict[Name, Value]):
    """The last value by name."""

    def merge(self, later: "Latest[Name, Value]") -> None:
        """Take over what later rows say."""
        self.update(later)


class Listed(list[Value]):
    """Values one after the other."""

    def merge(self, later: "Listed[Value]") -> None:
        """Add the values of later rows."""
        self.extend(later)


class Each(dict[Name, Added]):
    """What is known by name, each a part of its own."""

    def merge(self, later: "Each[Name, Added]") -> None:
        """Add what is known of the rows that follow, name by name."""
        for name, part in later.items():
            if name in self:
                self[name].merge(part)
            else:
                self[name] = part


class Counts(Counter[Key]):
    """Counts that can be added up."""

    def merge(self, later: "Counts[Key]") -> None:
        """Add what was counted in the rows that follow."""
        self.update(later)


class Observed(Counts[int]):
    """How often each whole number came."""

    def add(self, values: pa.Array | pa.ChunkedArray) -> None:
        """Count the values that are known."""
        found = pc.value_counts(values.drop_null())
        pairs = (found.field(name).to_pylist() for name in ("values", "counts"))
        for value, count in zip(*pairs, strict=True):
            self[value] += count

    def arrays(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the values, sorted, and how often each came."""
        ordered = sorted(self.items())
        values, counts = np.array(ordered, dtype=np.int64).reshape(-1, 2).T
        return values, counts


class Totals:
    """Sums by some columns, which can be added up: a row for each of their values, in the order in
    which the values came. Null is a value, and nothing in a sum.
    """

    def __init__(self, by: Sequence[str], sums: Sequence[str]) -> None:
        self._by, self._sums = list(by), list(sums)
        fields = [*((name, pa.string()) for name in by), *((name, pa.int64()) for name in sums)]
        self.table: pa.Table = pa.schema(fields).empty_table()

    def add(self, rows: pa.Table) -> None:
        """Add rows that have all columns, and perhaps others."""
        wanted = rows.select(self.table.column_names).cast(self.table.schema)
        self.table = summed(pa.concat_tables([self.table, wanted]), self._by, self._sums)

    def merge(self, later: "Totals") -> None:
        """Add what was summed of the rows that follow."""
        self.add(later.table)


def summed(table: pa.Table, by: Sequence[str], sums: Sequence[str]) -> pa.Table:
    """Return the sums by some columns, in the order in which their values come."""
    grouped = table.group_by(list(by), use_threads=False)
    found = grouped.aggregate([(name, "sum") for name in sums])
    ordered = found.select([*by, *(f"{name}_sum" for name in sums)])
    return ordered.rename_columns([*by, *sums])
