"""Samples: documents, a reject for every reason, close near-duplicates, and instruction rows.

All samples are chosen by digest, so the same release always shows the same samples.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from operator import itemgetter
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.instruct.left_out import ANY_KIND
from corpus.reasons import Reason
from corpus.release import Span
from corpus.rows import MessageRow
from corpus.tables import DIFFICULTIES, SPLIT_NAMES
from quality.partial import Counts, Each
from quality.report.figures import Section, estimated_tokens, share
from quality.report.highlighting import excerpt
from quality.report.sources import First, Partial, Sources, similarity_of

READABLE_LINES = (12, 60)
"""Documents with this number of lines fit a page as a whole."""
CLOSE_CALLS = 4
WANTED = (
    ("elixir", "library", 2),
    ("elixir", "test", 1),
    ("erlang", "library", 1),
    ("heex", "template", 1),
    ("markdown", "guide", 1),
)
"""Language, role and number of sample documents."""
NOTHING = "nothing"
"""The need of an answer that uses no code outside the question."""
PREFERRED_SAMPLE_BYTES = 1200
"""A sample is the first row by id among those that are short enough to read."""


class Kept(TypedDict):
    """The columns shown of a document that represents a near-duplicate."""

    document_id: str
    package: str
    version: str
    path: str
    language: str
    lines: int


class Dropped(TypedDict):
    """A near-duplicate, with its similarity to the document that represents it."""

    document_id: str
    package: str
    version: str
    path: str
    bytes: int
    representative_id: str
    similarity: float


class Refused(TypedDict):
    """A sample reject, chosen by its id."""

    document_id: str
    package: str
    version: str
    path: str
    bytes: int
    stage: str
    reason: str
    detail: str | None


class Readable(Partial):
    """The first documents of each wanted kind: among all, and among those that fit a page."""

    table = "documents"
    columns = (
        *("document_id", "content_id", "package", "version", "path", "language", "role", "lines"),
        *("license_expression", "license_evidence", "split"),
    )

    def __init__(self) -> None:
        self.any, self.readable = (Each({kind: _by_content(kind) for kind in WANTED}) for _ in "12")

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Add the documents of each kind."""
        least, most = READABLE_LINES
        rows = batch.select(self.columns)
        within = pc.and_(pc.greater_equal(rows["lines"], least), pc.less_equal(rows["lines"], most))
        for kind in WANTED:
            language, role, _ = kind
            is_kind = pc.and_(pc.equal(rows["language"], language), pc.equal(rows["role"], role))
            self.any[kind].add(rows.filter(is_kind))
            self.readable[kind].add(rows.filter(pc.and_(within, is_kind)))


def _by_content(kind: tuple[str, str, int]) -> First:
    return First([("content_id", "ascending")], kind[2])


class Rejects(Partial):
    """The first reject of every reason, and the near-duplicates with the least similarity."""

    table = "rejects"
    columns = tuple(dict.fromkeys((*Refused.__annotations__, *Dropped.__annotations__)))[:-1]

    def __init__(self) -> None:
        self.counts: Counts[str] = Counts()
        self.first = Smallest()
        self.near = Closest()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Add the rejects of a batch."""
        refused = batch.select(list(Refused.__annotations__))
        for reason in pc.unique(batch["reason"]).to_pylist():
            rows = refused.filter(pc.equal(batch["reason"], reason))
            self.counts[reason] += len(rows)
            is_first = pc.equal(rows["document_id"], pc.min(rows["document_id"]))
            for row in rows.filter(is_first).slice(0, 1).to_pylist():
                self.first.consider(row)
        near = batch.filter(pc.equal(batch["reason"], Reason.NEAR_DUPLICATE.value))
        for row in near.to_pylist():
            similarity = similarity_of(row["detail"])
            if similarity is not None:
                self.near.consider([row | {"similarity": similarity}])


class Smallest(dict[str, Refused]):
    """The reject with the smallest id by reason."""

    def consider(self, row: Refused) -> None:
        """Keep a row if no earlier one has its id or a smaller one."""
        known = self.setdefault(row["reason"], row)
        self[row["reason"]] = min(known, row, key=itemgetter("document_id"))

    def merge(self, later: "Smallest") -> None:
        """Add the rejects of later rows."""
        for row in later.values():
            self.consider(row)


class Closest(list[Dropped]):
    """The near-duplicates with the least similarity, closest to the threshold."""

    def consider(self, rows: Sequence[Dropped]) -> None:
        """Keep the least similar of the known rows and the new rows."""
        order = itemgetter("similarity", "document_id")
        self[:] = nsmallest(CLOSE_CALLS, [*self, *rows], key=order)

    def merge(self, later: "Closest") -> None:
        """Add the near-duplicates of later rows."""
        self.consider(later)


def samples(sources: Sources) -> Section:
    """Return sample documents, rejects and pairs of near-duplicates, with excerpts of text."""
    found = sources.of(Readable)
    documents = [
        row for kind in WANTED for row in found.readable[kind].rows() or found.any[kind].rows()
    ]
    close = sources.of(Rejects).near
    stand_for = [row["representative_id"] for row in close]
    ids = [*(row["document_id"] for row in documents), *stand_for]
    read = {row["document_id"]: row for row in sources.chosen(ids, [*Kept.__annotations__, "text"])}
    return {
        "documents": [{**row, **excerpt(read[row["document_id"]]["text"])} for row in documents],
        "rejects": list(_rejects(sources.of(Rejects))),
        "near_duplicates": [
            _pair(row, read[row["representative_id"]])
            for row in close
            if row["representative_id"] in read
        ],
    }


def _rejects(found: Rejects) -> Iterator[Section]:
    """Yield the first reject of each reason, in the order in which files meet the stages."""
    columns = [name for name in Refused.__annotations__ if name != "document_id"]
    for reason in Reason:
        if count := found.counts[reason.value]:
            row: Section = found.first[reason.value]
            yield {**{name: row[name] for name in columns}, "count": count}


def _pair(dropped: Dropped, kept: Section) -> Section:
    columns = ("package", "version", "path", "bytes")
    told: Section = dropped
    return {
        "similarity": dropped["similarity"],
        "dropped": {name: told[name] for name in columns},
        "kept": {
            **{name: kept[name] for name in Kept.__annotations__},
            **excerpt(str(kept["text"])),
        },
    }


class Sample(TypedDict):
    """An instruction row, and the bytes of its messages."""

    id: str
    kind: str
    messages: Sequence[MessageRow]
    document_ids: Sequence[str]
    license_expression: str
    verification: str
    split: str
    bytes: int


class Instructions(Partial):
    """The instruction rows by kind, with one sample of each.

    A row that needs two private functions and an attribute counts once as each of both kinds.
    """

    table = "instruct"
    columns = (
        *(name for name in Sample.__annotations__ if name != "bytes"),
        *("needs", "difficulty"),
    )
    batch_rows = 256

    def __init__(self) -> None:
        self.kinds: Each[str, Counts[str]] = Each()
        self.samples = Samples()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count rows by kind, verification, split, difficulty and need."""
        for row in batch.to_pylist():
            length = sum(len(message["content"].encode()) for message in row["messages"])
            counts = {"rows": 1, "bytes": length, f"split {row['split']}": 1}
            kind = self.kinds.setdefault(row["kind"], Counts())
            kind.update({**counts, f"verification {row['verification']}": 1})
            kind.update([f"difficulty {row.pop('difficulty')}"])
            needs = {need["kind"] for need in row.pop("needs")} or {NOTHING}
            kind.update(f"needs {need}" for need in needs)
            self.samples.consider(row | {"bytes": length})


class Samples(dict[str, Sample]):
    """A sample row of each kind: the smallest id among short rows, or else among all."""

    def consider(self, row: Sample) -> None:
        """Prefer short rows, then the smaller id."""
        known = self.setdefault(row["kind"], row)
        short = [each for each in (known, row) if each["bytes"] <= PREFERRED_SAMPLE_BYTES]
        self[row["kind"]] = min(short or [known, row], key=itemgetter("id"))

    def merge(self, later: "Samples") -> None:
        """Add later rows."""
        for row in later.values():
            self.consider(row)


class Instruct(TypedDict):
    """The section on instruction rows."""

    rows: int
    left_out: dict[str, int]
    kinds: list[Section]


def instruct(sources: Sources) -> Instruct:
    """Return counts by kind, verification, split, difficulty and need, with those left out.

    A kind that gave no row is listed too if candidates of it were left out. Others have a sample.
    """
    found = sources.of(Instructions)
    rows = sum(counts["rows"] for counts in found.kinds.values())
    manifest = sources.release.manifest
    left_out = manifest.instructions_left_out_by_kind
    tried = {name: found.kinds.get(name, Counts[str]()) for name in {*found.kinds, *left_out}}
    tried.pop(ANY_KIND, None)
    listed = sorted(tried.items(), key=lambda item: (-item[1]["rows"], item[0]))
    return {
        "rows": rows,
        "left_out": dict(sorted(manifest.instructions_left_out.items())),
        "kinds": [
            _kind(name, counts, rows, left_out.get(name, {}), found.samples.get(name))
            for name, counts in listed
        ],
    }


def _counts_of(prefix: str, counts: Counter[str]) -> dict[str, int]:
    return {
        key.removeprefix(prefix): count
        for key, count in sorted(counts.items())
        if key.startswith(prefix)
    }


def _kind(
    name: str,
    counts: Counter[str],
    rows: int,
    left_out: Mapping[str, int],
    sample: Sample | None,
) -> Section:
    return {
        "name": name,
        "rows": counts["rows"],
        "share": share(counts["rows"], rows),
        "bytes": counts["bytes"],
        "estimated_llm_tokens": estimated_tokens(counts["bytes"]),
        "splits": {split: counts[f"split {split}"] for split in SPLIT_NAMES},
        "verification": _counts_of("verification ", counts),
        "difficulty": {level: counts[f"difficulty {level}"] for level in DIFFICULTIES},
        "needs": _counts_of("needs ", counts),
        "left_out": dict(sorted(left_out.items())),
        "sample": sample,
    }
