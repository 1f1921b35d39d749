"""The instruction rows, by kind and by what their answers need, with one of each to read."""

from collections import Counter, defaultdict
from typing import TypedDict

from corpus.tables import SPLIT_NAMES
from quality.report.figures import Row, estimated_tokens, first_by, share
from quality.report.sources import Sources

COLUMNS = [
    *["id", "kind", "messages", "needs", "document_ids", "license_expression", "verification"],
    "split",
]
NOTHING = "nothing"
"""The need of an answer that takes nothing from code that the question lacks."""
PREFERRED_SAMPLE_BYTES = 1200
"""A sample is the first row by id among those that are short enough to read."""


class Instructions(TypedDict):
    """The section on instruction rows."""

    rows: int
    left_out: dict[str, int]
    kinds: list[Row]


def instruct(sources: Sources) -> Instructions:
    """Return counts by kind, verification, split and need, and a sample of each kind.

    A row that needs two private functions and an attribute counts once as each of both kinds.
    """
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    samples: dict[str, Row] = {}
    for batch in sources.release.batches("instruct", COLUMNS):
        for row in batch.to_pylist():
            length = sum(len(message["content"].encode()) for message in row["messages"])
            counts = {"rows": 1, "bytes": length, f"split {row['split']}": 1}
            kinds[row["kind"]].update({**counts, f"verification {row['verification']}": 1})
            needs = {need["kind"] for need in row.pop("needs")} or {NOTHING}
            kinds[row["kind"]].update(f"needs {need}" for need in needs)
            samples[row["kind"]] = _better(samples.get(row["kind"]), {**row, "bytes": length})
    rows = sum(counts["rows"] for counts in kinds.values())
    listed = sorted(kinds.items(), key=lambda item: (-item[1]["rows"], item[0]))
    return {
        "rows": rows,
        "left_out": dict(sorted(sources.release.manifest.instructions_left_out.items())),
        "kinds": [_kind(name, counts, rows, samples[name]) for name, counts in listed],
    }


def _better(one: Row | None, other: Row) -> Row:
    """Prefer the shorter class of rows, then the smaller id."""
    candidates = [row for row in (one, other) if row is not None]
    short = [row for row in candidates if row["bytes"] <= PREFERRED_SAMPLE_BYTES]
    chosen = first_by(short or candidates, "id")
    assert chosen is not None, "there is always the other"
    return chosen


def _counts_of(prefix: str, counts: Counter[str]) -> dict[str, int]:
    return {
        key.removeprefix(prefix): count
        for key, count in sorted(counts.items())
        if key.startswith(prefix)
    }


def _kind(name: str, counts: Counter[str], rows: int, sample: Row) -> Row:
    return {
        "name": name,
        "rows": counts["rows"],
        "share": share(counts["rows"], rows),
        "bytes": counts["bytes"],
        "estimated_llm_tokens": estimated_tokens(counts["bytes"]),
        "splits": {split: counts[f"split {split}"] for split in SPLIT_NAMES},
        "verification": _counts_of("verification ", counts),
        "needs": _counts_of("needs ", counts),
        "sample": sample,
    }
