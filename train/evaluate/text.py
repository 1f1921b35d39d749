"""What two models make of held-out text: bits for a byte of it, and lines that were cut out."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from typing import TYPE_CHECKING

from corpus.progress import Progress, tracked
from corpus.release import Release
from corpus.rows import ModuleRow
from corpus.source import PROSE
from train.evaluate.intervals import rate
from train.evaluate.scores import Measure, measure, shares
from train.evaluate.subject import Pair, Sampling, Stops, Subject

if TYPE_CHECKING:
    from train.tokenizer.interface import Sample

MOST_BEHAVIOURS = 10
"""Behaviours that get a measure of their own: those with most text."""
COLUMNS = ("document_id", "package", "language", "role", "text", "modules")
CONTEXT_BYTES = 4_000
"""Of source kept before and behind the line that is asked for."""
LINE = Stops(("\n",), skipped="\n")
"""Empty lines before the one that is written do not count."""


@dataclass(frozen=True, slots=True)
class HeldOutDocument:
    """A document to foretell, and what it is."""

    document_id: str
    package: str
    language: str
    role: str
    behaviours: tuple[str, ...]
    text: str


def held_out_documents(release: Release, split: str, limit: int = 0) -> Iterator[HeldOutDocument]:
    """Yield the documents of a split, `limit` of them spread evenly if it is not 0.

    Guides are not among them: they are no source code.
    """
    languages = release.batches("documents", ("language",), split)
    total = sum(is_source(each) for batch in languages for each in batch.column(0).to_pylist())
    wanted = min(limit or total, total)
    batches = release.batches("documents", COLUMNS, split)
    rows = (row for each in batches for row in each.to_pylist() if is_source(row["language"]))
    for number, row in enumerate(rows):
        if number * wanted % total < wanted:
            behaviours = behaviours_of(row.pop("modules"))
            yield HeldOutDocument(**row, behaviours=behaviours)


def is_source(language: str) -> bool:
    """Return whether a language is of source code, and not of guides."""
    return language not in PROSE


def behaviours_of(modules: Sequence[ModuleRow] | None) -> tuple[str, ...]:
    """Return the names of the behaviours that the modules of a document have."""
    names = {each["name"] for module in modules or () for each in module["behaviours"] or ()}
    return tuple(sorted(names))


def likelihood(
    pair: Pair, documents: Sequence[HeldOutDocument], length: int, progress: Progress
) -> list[Measure]:
    """Compare bits a byte overall, by role, and by the behaviours with most held-out text."""
    sizes = Counter[str]()
    for each in documents:
        sizes.update(dict.fromkeys(each.behaviours, len(each.text)))
    commonest = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_BEHAVIOURS]
    groups = [("held-out source", "all documents", [True] * len(documents))]
    for role in sorted({each.role for each in documents}):
        of_role = [each.role == role for each in documents]
        groups.append(("held-out source by role", role, of_role))
    for name in commonest:
        of_behaviour = [name in each.behaviours for each in documents]
        groups.append(("held-out source by behaviour", name, of_behaviour))
    return compared(pair, documents, groups, length, progress)


def general_text(
    pair: Pair, name: str, documents: Sequence[HeldOutDocument], length: int, progress: Progress
) -> list[Measure]:
    """Compare bits a byte on text that is not source: what was forgotten is a number."""
    group = ("general text", name, [True] * len(documents))
    return compared(pair, documents, [group], length, progress)


def compared(
    pair: Pair,
    documents: Sequence[HeldOutDocument],
    groups: Sequence[tuple[str, str, Sequence[bool]]],
    length: int,
    progress: Progress,
) -> list[Measure]:
    """Score documents with both models, and compare those that each group chooses."""
    if not documents:
        return []

    def scored(subject: Subject, name: str) -> list[float]:
        found = (score(subject, each.text, length) for each in documents)
        return list(tracked(progress, f"measure the {name}", len(documents), found))

    base, adapter = pair.both(scored)
    return [
        bits(
            group,
            name,
            list(compress(documents, chosen)),
            list(compress(base, chosen)),
            list(compress(adapter, chosen)),
        )
        for group, name, chosen in groups
    ]


def score(subject: Subject, text: str, length: int) -> float:
    """Return the bits of a text; where it exceeds `length` tokens, each piece is foretold alone."""
    pieces = cut(subject.tokenizer.document(text), length)
    return sum(map(subject.nats, pieces)) / math.log(2)


def cut(sample: "Sample", length: int) -> Iterator["Sample"]:
    """Cut a sample into pieces of `length` tokens; a piece's first token is context only.

    Pieces overlap by that token, so every target of the sample is a target of one piece.
    """
    from train.tokenizer.interface import Sample

    for start in range(0, max(1, len(sample.ids) - 1), length - 1):
        targets = sample.targets[start : start + length].copy()
        targets[:1] = False
        yield Sample(sample.ids[start : start + length], targets)


def bits(
    group: str,
    name: str,
    documents: Sequence[HeldOutDocument],
    base: Sequence[float],
    adapter: Sequence[float],
) -> Measure:
    """Compare the bits of documents by the byte. Raises ValueError without any.

    What is hard for both models does not widen the interval of the difference.
    """
    sizes = [float(len(each.text.encode())) for each in documents]
    packages = [each.package or each.document_id for each in documents]
    less = [after - before for before, after in zip(base, adapter, strict=True)]
    return measure(
        group,
        name,
        packages,
        rate(base, sizes, packages),
        rate(adapter, sizes, packages),
        rate(less, sizes, packages),
        unit="bits per byte",
        better="lower",
    )


@dataclass(frozen=True, slots=True)
class Gap:
    """A line of a function that is missing, and what stands around it."""

    document_id: str
    prefix: str
    line: str
    suffix: str
    package: str = ""

    def is_filled_by(self, written: str) -> bool:
        """Tell whether that is the line that was there, but for blanks around it."""
        return written.strip() == self.line.strip()


def gaps(release: Release, split: str, limit: int) -> Iterator[Gap]:
    """Yield one gap a document, in the release's order, of the first `limit` documents.

    The line is one inside a function of at least three lines, chosen by the document's id.
    """
    batches = release.batches("documents", ("document_id", "language"), split)
    rows = (row for each in batches for row in each.to_pylist() if is_source(row["language"]))
    wanted = [row["document_id"] for row in islice(rows, limit)]
    inner: dict[str, list[int]] = {each: [] for each in wanted}
    for batch in release.batches("functions", ("document_id", "clauses"), split):
        for row in batch.to_pylist():
            for clause in row["clauses"] if row["document_id"] in inner else ():
                inner[row["document_id"]] += range(clause["start_line"] + 1, clause["end_line"])
    for batch in release.batches("documents", ("document_id", "package", "text"), split):
        for row in batch.to_pylist():
            if lines := inner.get(row["document_id"]):
                yield cut_out(row["document_id"], row["text"], lines, row["package"])


def cut_out(document_id: str, text: str, candidates: Sequence[int], package: str = "") -> Gap:
    """Cut one of the candidate lines (counted from 1) out of a text, one with text if there is."""
    parts = text.split("\n")
    written = [line for line in sorted(set(candidates)) if parts[line - 1].strip()]
    chosen = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:4], "big")
    number = written[chosen % len(written)] if written else candidates[0]
    prefix = "".join(f"{line}\n" for line in parts[: number - 1])
    suffix = "\n" + "\n".join(parts[number:])
    around = prefix[-CONTEXT_BYTES:], suffix[:CONTEXT_BYTES]
    return Gap(document_id, around[0], parts[number - 1], around[1], package)


def infilling(
    pair: Pair, found: Sequence[Gap], sampling: Sampling, progress: Progress
) -> list[Measure]:
    """Compare how many missing lines two models write, to the character."""
    if not found:
        return []

    def filled(subject: Subject, _: str) -> list[float]:
        asked = tracked(progress, "fill gaps", len(found), found)
        return [float(each.is_filled_by(fill(subject, each, sampling))) for each in asked]

    packages = [each.package or each.document_id for each in found]
    return [shares("missing line, exact", *pair.both(filled), packages, "fill in the middle")]


def fill(subject: Subject, gap: Gap, sampling: Sampling) -> str:
    """Let a model write the missing line. Raises InfillingUnsupported."""
    prompt = subject.tokenizer.infilling_prompt(gap.prefix, gap.suffix)
    (written,) = subject.complete(prompt, 1, sampling, LINE)
    return written.lstrip("\n").partition("\n")[0]
