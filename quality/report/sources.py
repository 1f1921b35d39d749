"""Counts that the sections are made from. They are taken one span at a time, on the executor.

A section declares its counts as a `Partial` of one table. All counts of a table are taken in one
pass over it, by tasks that read one span each. Their results are added up in the order of the
spans. Only a few rows are in memory at a time, and only the text of samples.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypedDict, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from corpus.executor import SERIAL, Executor
from corpus.release import SPAN_ROWS, Release, Span
from quality.partial import Latest, Observed, Part, Totals, summed, worked_out
from quality.report.figures import share, total

BATCH_ROWS = 1024
STAGE = "report"
SIMILARITY = re.compile(r"similarity (\d\.\d+)")
"""The format in which `corpus.selection` writes the similarity into the detail of a reject."""

Choice = Callable[[pa.RecordBatch], pa.BooleanArray]
"""Returns for each row of a batch whether it is wanted; null means no."""
Order = Sequence[tuple[str, str]]
"""Columns, each with `ascending` or `descending`."""
Found = TypeVar("Found", bound="Partial")


class Partial:
    """Counts over some rows of a table; every attribute is a `Part`."""

    table: ClassVar[str]
    columns: ClassVar[Sequence[str]]
    batch_rows: ClassVar[int] = BATCH_ROWS

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count the rows of a batch, which has at least the columns in `columns`."""
        raise NotImplementedError

    def merge(self, later: "Partial") -> None:
        """Add the counts of later rows, part by part."""
        for name, part in vars(self).items():
            cast(Part, part).merge(vars(later)[name])


class First:
    """The first few rows in an order over some columns; of equal rows the earlier one is first."""

    def __init__(self, order: Order, count: int) -> None:
        self._order, self._count = list(order), count
        self._found: list[pa.Table] = []

    def add(self, rows: pa.RecordBatch) -> None:
        """Add the rows of a batch."""
        if len(rows):
            self._consider(pa.Table.from_batches([rows]))

    def merge(self, later: "First") -> None:
        """Add what was found in later rows."""
        for table in later._found:
            self._consider(table)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows in their order."""
        return [row for table in self._found for row in table.to_pylist()]

    def _consider(self, table: pa.Table) -> None:
        together = pa.concat_tables([*self._found, table])
        self._found = [together.sort_by(self._order).slice(0, self._count)]


class Tally(TypedDict):
    """Documents, bytes and lexical tokens by one value of a column."""

    name: str
    documents: int
    share: float
    bytes: int
    tokens: int


def tally(totals: pa.Table, column: str) -> list[Tally]:
    """Count documents, bytes and tokens by the values of a column, most documents first."""
    found = summed(totals, [column], ["rows", "bytes", "tokens"])
    whole = total(totals, "rows")
    rows = zip(*(values.to_pylist() for values in found.columns), strict=True)
    tallies = [
        Tally(name=name, documents=rows, share=share(rows, whole), bytes=size, tokens=tokens)
        for name, rows, size, tokens in rows
    ]
    return sorted(tallies, key=lambda row: (-row["documents"], str(row["name"])))


class Facts(Partial):
    """Figures of documents that most sections use: sums by several columns, and sizes."""

    table = "documents"
    by = ("package", "language", "role", "license_expression", "license_evidence", "split")
    functions = ("public_functions", "documented_functions", "specified_functions")
    sizes = ("bytes", "lines", "tokens")
    columns = (*by, *functions, *sizes, "parse_errors")

    def __init__(self) -> None:
        sums = ["rows", *self.sizes, "parse_errors", "broken", *self.functions]
        self.totals = Totals(self.by, sums)
        self.bytes, self.lines, self.tokens = Observed(), Observed(), Observed()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Add up rows, sizes and functions."""
        known = {name: batch[name] for name in self.columns}
        broken = pc.greater(batch["parse_errors"], 0)
        rows = pa.repeat(pa.scalar(1, pa.int64()), len(batch))
        self.totals.add(pa.table({**known, "broken": broken, "rows": rows}))
        for name, sizes in zip(self.sizes, (self.bytes, self.lines, self.tokens), strict=True):
            sizes.add(batch[name])


class Refusals(Partial):
    """Rejects by kind, stage and reason, and the licence reason for each refused archive by its
    checksum.
    """

    table = "rejects"
    columns = ("archive_sha256", "path", "bytes", "stage", "reason")

    def __init__(self) -> None:
        self.totals = Totals(["kind", "stage", "reason"], ["rows", "bytes"])
        self.license_reasons: Latest[str, str] = Latest()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Add up files, and archives that were refused as a whole."""
        is_file = pc.not_equal(batch["path"], "")
        known = {name: batch[name] for name in ("stage", "reason", "bytes")}
        kind = pc.if_else(is_file, "file", "archive")
        rows = pa.repeat(pa.scalar(1, pa.int64()), len(batch))
        self.totals.add(pa.table({**known, "kind": kind, "rows": rows}))
        chosen = batch.filter(pc.and_(is_file, pc.equal(batch["stage"], "license")))
        self.license_reasons.update(
            zip(*(chosen[n].to_pylist() for n in ("archive_sha256", "reason")), strict=True)
        )

    def of(self, kind: str) -> pa.Table:
        """Return the sums of files, or of archives."""
        return self.totals.table.filter(pc.equal(self.totals.table["kind"], kind))


@dataclass(frozen=True, slots=True)
class Sources:
    """A release, and the counts taken from it."""

    release: Release
    executor: Executor
    partials: Mapping[type[Partial], Partial]

    def of(self, kind: type[Found]) -> Found:
        """Return the counts of one type."""
        return cast(Found, self.partials[kind])

    @property
    def documents(self) -> pa.Table:
        """The sums of the documents."""
        return self.of(Facts).totals.table

    def rows(self, table: str, split: str | None = None) -> int:
        """Count the rows of a table."""
        return sum(shard.rows for shard in self.release.shards(table, split))

    def batches(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of a table one batch at a time. Text columns must not be among them."""
        return self.release.batches(table, columns, None, BATCH_ROWS)

    def chosen(self, ids: Sequence[str], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield columns of a few documents by id; only row groups with these ids are read."""
        tasks = [
            Wanted(span, tuple(sorted(set(ids))), tuple(columns))
            for span in (self.release.spans("documents") if ids else ())
        ]
        for rows in worked_out(self.executor, STAGE, _chosen, tasks, self.release.path):
            yield from rows


def read_sources(
    release: Release,
    kinds: Sequence[type[Partial]],
    executor: Executor = SERIAL,
    span_rows: int = SPAN_ROWS,
) -> Sources:
    """Take all counts, in one pass over each table."""
    partials = {kind: kind() for kind in kinds}
    by_table = {
        table: tuple(kind for kind in kinds if kind.table == table)
        for table in dict.fromkeys(kind.table for kind in kinds)
    }
    tasks = [
        Reading(span, asked)
        for table, asked in by_table.items()
        for span in release.spans(table, span_rows)
    ]
    for found in worked_out(executor, STAGE, _read, tasks, release.path):
        for each in found:
            partials[type(each)].merge(each)
    return Sources(release, executor, partials)


@dataclass(frozen=True, slots=True)
class Reading:
    """A span, and the counts to take from it."""

    span: Span
    kinds: tuple[type[Partial], ...]


def _read(task: Reading) -> list[Partial]:
    partials = [kind() for kind in task.kinds]
    columns = dict.fromkeys(name for kind in task.kinds for name in kind.columns)
    for batch in task.span.batches(list(columns), min(kind.batch_rows for kind in task.kinds)):
        for partial in partials:
            partial.add(batch, task.span)
    return partials


@dataclass(frozen=True, slots=True)
class Wanted:
    """A span, and the ids of documents whose columns are wanted."""

    span: Span
    ids: tuple[str, ...]
    columns: tuple[str, ...]


def _chosen(task: Wanted) -> list[dict[str, Any]]:
    wanted = pa.array(task.ids, pa.string())
    found = []
    for place in task.span.groups:
        group = replace(task.span, groups=range(place, place + 1))
        ids = group.batches(["document_id"], BATCH_ROWS)
        if any(pc.any(pc.is_in(batch[0], value_set=wanted)).as_py() for batch in ids):
            for batch in group.batches(["document_id", *task.columns]):
                chosen = batch.filter(pc.is_in(batch["document_id"], value_set=wanted))
                found += chosen.to_pylist()
    return found


def similarity_of(detail: str | None) -> float | None:
    """Return the similarity in a reject's detail, or None."""
    found = SIMILARITY.search(detail or "")
    return float(found[1]) if found else None
