"""Samples: documents, a reject for every reason, and the closest near-duplicates.

Every choice follows from digests, so the same release shows the same samples everywhere.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from heapq import nsmallest
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from corpus.reasons import Reason
from quality.report.figures import Row, Section
from quality.report.sections.duplicates import similarity_of
from quality.report.sources import Choice, Sources, texts

EXCERPT_LINES = 40
EXCERPT_COLUMNS = 160
READABLE_LINES = (12, 60)
"""Documents of so many lines make good samples: whole files that fit a page."""
CLOSE_CALLS = 4
WANTED = (
    ("elixir", "library", 2),
    ("elixir", "test", 1),
    ("erlang", "library", 1),
    ("heex", "template", 1),
)
"""Language, role and number of sample documents."""


def samples(sources: Sources) -> Section:
    """Return sample documents, rejects and pairs of near-duplicates, with excerpts of text."""
    documents = list(_documents(sources))
    pairs = _close_calls(sources)
    ids = [row["document_id"] for row in documents]
    read = texts(sources.release, [*ids, *(pair["kept"]["document_id"] for pair in pairs)])
    return {
        "documents": [{**row, **excerpt(read[row["document_id"]])} for row in documents],
        "rejects": list(_rejects(sources)),
        "near_duplicates": [
            {**pair, "kept": {**pair["kept"], **excerpt(read[pair["kept"]["document_id"]])}}
            for pair in pairs
        ],
    }


def excerpt(text: str) -> Row:
    """Cut a text to lines and columns that fit a page, and say by how many lines."""
    lines = text.splitlines()
    shown = [_narrow(line) for line in lines[:EXCERPT_LINES]]
    return {"excerpt": "\n".join(shown), "lines_left_out": max(0, len(lines) - EXCERPT_LINES)}


def _narrow(line: str) -> str:
    return line if len(line) <= EXCERPT_COLUMNS else f"{line[: EXCERPT_COLUMNS - 1]}…"


def _documents(sources: Sources) -> Iterator[Row]:
    columns = ["document_id", "content_id", "package", "version", "path", "language", "role"]
    columns += ["lines", "license_expression", "license_evidence", "split"]
    order = [("content_id", "ascending")]
    for language, role, count in WANTED:
        is_kind = partial(_is_kind, language=language, role=role)
        readable = sources.first(columns, partial(_is_readable, is_kind=is_kind), order, count)
        yield from readable or sources.first(columns, is_kind, order, count)


def _is_kind(batch: pa.RecordBatch, language: str, role: str) -> pa.BooleanArray:
    return pc.and_(pc.equal(batch["language"], language), pc.equal(batch["role"], role))


def _is_readable(batch: pa.RecordBatch, is_kind: Choice) -> pa.BooleanArray:
    least, most = READABLE_LINES
    within = pc.and_(pc.greater_equal(batch["lines"], least), pc.less_equal(batch["lines"], most))
    return pc.and_(within, is_kind(batch))


def _rejects(sources: Sources) -> Iterator[Row]:
    """Yield the first reject of each reason, in the order in which files meet the stages."""
    columns = ["package", "version", "path", "bytes", "stage", "reason", "detail"]
    first: dict[str, Row] = {}
    counts: Counter[str] = Counter()
    for batch in sources.batches("rejects", [*columns, "document_id"]):
        for reason in pc.unique(batch["reason"]).to_pylist():
            rows = batch.filter(pc.equal(batch["reason"], reason))
            counts[reason] += len(rows)
            known = [first[reason]] if reason in first else []
            first[reason] = min([*known, *_smallest(rows)], key=itemgetter("document_id"))
    for reason in Reason:
        if counts[reason.value]:
            row = first[reason.value]
            yield {**{name: row[name] for name in columns}, "count": counts[reason.value]}


def _smallest(rows: pa.RecordBatch) -> list[Row]:
    """Return the first row with the smallest id."""
    is_first = pc.equal(rows["document_id"], pc.min(rows["document_id"]))
    return list(rows.filter(is_first).slice(0, 1).to_pylist())


def _close_calls(sources: Sources) -> list[Row]:
    """Return the near-duplicates with the least similarity: where the threshold decided."""
    order = itemgetter("similarity", "document_id")
    chosen = nsmallest(CLOSE_CALLS, _near_duplicates(sources), key=order)
    kept = _kept(sources, {row["representative_id"] for row in chosen})
    return [
        _pair(row, kept[row["representative_id"]])
        for row in chosen
        if row["representative_id"] in kept
    ]


def _near_duplicates(sources: Sources) -> Iterator[Row]:
    """Yield the rejects whose detail tells a similarity."""
    columns = ["document_id", "package", "version", "path", "bytes", "detail", "representative_id"]
    for batch in sources.batches("rejects", [*columns, "reason"]):
        near = batch.filter(pc.equal(batch["reason"], Reason.NEAR_DUPLICATE.value))
        for row in near.to_pylist():
            similarity = similarity_of(row["detail"])
            if similarity is not None:
                yield {**row, "similarity": similarity}


def _kept(sources: Sources, ids: set[str]) -> dict[str, Row]:
    columns = ["document_id", "package", "version", "path", "language", "lines"]
    wanted = pa.array(sorted(ids), pa.string())
    rows = sources.first(
        columns,
        lambda batch: pc.is_in(batch["document_id"], value_set=wanted),
        [("document_id", "ascending")],
        len(ids),
    )
    return {row["document_id"]: row for row in rows}


def _pair(dropped: Row, kept: Row) -> Row:
    columns = ("package", "version", "path", "bytes")
    return {
        "similarity": dropped["similarity"],
        "dropped": {name: dropped[name] for name in columns},
        "kept": kept,
    }
