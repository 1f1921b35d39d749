"""Things to look at: documents, a reject for every reason, and the closest calls on duplicates.

Every choice follows from digests, so the same release shows the same samples everywhere.
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.reasons import Reason
from quality.report.figures import Row
from quality.report.sections.duplicates import similarity_of
from quality.report.sources import Sources, texts

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


def samples(sources: Sources) -> dict[str, Any]:
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


def _documents(sources: Sources) -> Iterable[Row]:
    columns = ["document_id", "content_id", "package", "version", "path", "language", "role"]
    columns += ["lines", "license_expression", "license_evidence", "split"]
    table = sources.documents.select(columns).sort_by("content_id")
    for language, role, count in WANTED:
        is_kind = pc.and_(pc.equal(table["language"], language), pc.equal(table["role"], role))
        of_kind = table.filter(is_kind)
        readable = of_kind.filter(_is_readable(of_kind["lines"]))
        chosen = readable if readable.num_rows else of_kind
        yield from chosen.slice(0, count).to_pylist()


def _is_readable(lines: pa.ChunkedArray) -> pa.ChunkedArray:
    least, most = READABLE_LINES
    return pc.and_(pc.greater_equal(lines, least), pc.less_equal(lines, most))


def _rejects(sources: Sources) -> Iterable[Row]:
    """Yield the first reject of each reason, in the order in which files meet the stages."""
    columns = ["package", "version", "path", "bytes", "stage", "reason", "detail"]
    for reason in Reason:
        rows = sources.rejects.filter(pc.equal(sources.rejects["reason"], reason.value))
        if rows.num_rows:
            is_first = pc.equal(rows["document_id"], pc.min(rows["document_id"]))
            first = rows.filter(is_first).select(columns).slice(0, 1).to_pylist()[0]
            yield {**first, "count": rows.num_rows}


def _close_calls(sources: Sources) -> list[Row]:
    """Return the near-duplicates with the least similarity: where the threshold decided."""
    rejects = sources.rejects
    near = rejects.filter(pc.equal(rejects["reason"], Reason.NEAR_DUPLICATE.value)).to_pylist()
    found = [{**row, "similarity": similarity_of(row["detail"])} for row in near]
    known = [row for row in found if row["similarity"] is not None]
    chosen = sorted(known, key=lambda row: (row["similarity"], row["document_id"]))[:CLOSE_CALLS]
    kept = _kept(sources, {row["representative_id"] for row in chosen})
    return [
        _pair(row, kept[row["representative_id"]])
        for row in chosen
        if row["representative_id"] in kept
    ]


def _kept(sources: Sources, ids: set[str]) -> dict[str, Row]:
    documents = sources.documents
    chosen = documents.filter(
        pc.is_in(documents["document_id"], value_set=pa.array(sorted(ids), pa.string()))
    )
    columns = ["document_id", "package", "version", "path", "language", "lines"]
    return {row["document_id"]: row for row in chosen.select(columns).to_pylist()}


def _pair(dropped: Row, kept: Row) -> Row:
    columns = ("package", "version", "path", "bytes")
    return {
        "similarity": dropped["similarity"],
        "dropped": {name: dropped[name] for name in columns},
        "kept": kept,
    }
