"""What was cut out of documents that stayed, and what a reader should know is in them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import pyarrow.compute as pc

from corpus.rows import RedactionRow
from quality.report.figures import Row, Section
from quality.report.sources import Sources

EXAMPLES = 5
SIGNALS = ("hidden_characters", "control_tokens")


class RedactedRow(TypedDict):
    """A document that something was cut out of."""

    package: str
    path: str
    redactions: Sequence[RedactionRow]


def redactions(sources: Sources) -> Section:
    """Return spans, bytes and documents by rule, and the documents that lost most."""
    spans: Counter[str] = Counter()
    cut: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    largest: list[Row] = []
    for row in _redacted(sources):
        lengths = [(span["rule"], span["end"] - span["start"]) for span in row["redactions"]]
        spans.update(rule for rule, _ in lengths)
        documents.update({rule for rule, _ in lengths})
        for rule, length in lengths:
            cut[rule] += length
        largest = _keep_largest(largest, row, sum(length for _, length in lengths))
    return {
        "documents": sum(1 for _ in _redacted(sources)),
        "spans": spans.total(),
        "bytes": cut.total(),
        "rules": [
            {"name": rule, "spans": count, "documents": documents[rule], "bytes": cut[rule]}
            for rule, count in sorted(spans.items(), key=lambda item: (-cut[item[0]], item[0]))
        ],
        "largest": largest,
    }


def signals(sources: Sources) -> Section:
    """Return, for each signal, its sum, the documents that have it, and those with most of it."""
    return {name: _signal(sources, name) for name in SIGNALS}


def _signal(sources: Sources, name: str) -> Section:
    count = documents = 0
    for batch in sources.batches("documents", [name]):
        count += pc.sum(batch[name]).as_py() or 0
        documents += pc.sum(pc.greater(batch[name], 0)).as_py() or 0
    most = sources.first(
        ["package", "path", name],
        lambda batch: pc.greater(batch[name], 0),
        [(name, "descending"), ("package", "ascending"), ("path", "ascending")],
        EXAMPLES,
    )
    return {
        "count": count,
        "documents": documents,
        "largest": [
            {"package": row["package"], "path": row["path"], "count": row[name]} for row in most
        ],
    }


def _redacted(sources: Sources) -> Iterator[RedactedRow]:
    """Yield package, path and spans of every document that something was cut out of."""
    columns = list(RedactedRow.__annotations__)
    for batch in sources.batches("documents", columns):
        counts = np.diff(batch["redactions"].offsets.to_numpy())
        yield from batch.take(np.flatnonzero(counts)).to_pylist()


def _keep_largest(largest: list[Row], row: RedactedRow, length: int) -> list[Row]:
    entry = {"package": row["package"], "path": row["path"], "bytes": length}
    ordered = sorted([*largest, entry], key=lambda item: (-item["bytes"], item["path"]))
    return ordered[:EXAMPLES]
