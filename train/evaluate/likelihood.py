"""How many bits two models need for a byte of held-out text, overall and by what the text is."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np

from corpus.progress import Progress, tracked
from corpus.release import Release
from train.evaluate.held_out import Module
from train.evaluate.intervals import Figure, rate
from train.evaluate.scores import Measure, distinct
from train.evaluate.subject import Pair, Subject

if TYPE_CHECKING:
    from train.tokenizer.interface import Sample, Tokenizer

MOST_BEHAVIOURS = 10
"""Behaviours that get a measure of their own: those with most text."""
BITS = "bits per byte"
COLUMNS = ("document_id", "package", "language", "role", "text", "modules")


class Foretells(Protocol):
    """A model that tells how surprised it is."""

    def nats(self, sample: "Sample") -> float:
        """Return the summed negative log-likelihood of the target tokens."""
        ...


@dataclass(frozen=True, slots=True)
class HeldOutDocument:
    """A document to foretell, and what it is."""

    document_id: str
    package: str
    language: str
    role: str
    behaviours: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ScoredDocument:
    """What a document cost a model."""

    document: HeldOutDocument
    nats: float
    bytes: int
    """UTF-8 bytes of the text."""


def likelihood(
    pair: Pair, documents: Sequence[HeldOutDocument], length: int, progress: Progress
) -> list[Measure]:
    """Compare bits a byte overall, by role, and by the commonest behaviours."""
    if not documents:
        return []
    base, adapter = scored_twice(pair, documents, length, progress)
    groups = [("held-out source", "all documents", everything)]
    roles = sorted({each.role for each in documents})
    groups += [("held-out source by role", role, partial(has_role, role)) for role in roles]
    groups += [
        ("held-out source by behaviour", name, partial(has_behaviour, name))
        for name in common_behaviours(documents)
    ]
    return [bits(group, name, base, adapter, chosen) for group, name, chosen in groups]


def everything(document: HeldOutDocument) -> bool:
    """Choose every document."""
    return True


def has_role(role: str, document: HeldOutDocument) -> bool:
    """Choose documents of a role."""
    return document.role == role


def has_behaviour(name: str, document: HeldOutDocument) -> bool:
    """Choose documents with a module of a behaviour."""
    return name in document.behaviours


def general_text(
    pair: Pair, name: str, documents: Sequence[HeldOutDocument], length: int, progress: Progress
) -> list[Measure]:
    """Compare bits a byte on text that is not source: what was forgotten is a number."""
    if not documents:
        return []
    base, adapter = scored_twice(pair, documents, length, progress)
    return [bits("general text", name, base, adapter, everything)]


def bits(
    group: str,
    name: str,
    base: Sequence[ScoredDocument],
    adapter: Sequence[ScoredDocument],
    chosen: Callable[[HeldOutDocument], bool],
) -> Measure:
    """Compare bits a byte of the chosen documents."""
    before = [each for each in base if chosen(each.document)]
    after = [each for each in adapter if chosen(each.document)]
    return Measure(
        group=group,
        name=name,
        unit=BITS,
        better="lower",
        count=len(before),
        packages=distinct(packages_of(before)),
        base=bits_per_byte(before),
        adapter=bits_per_byte(after),
        difference=difference(before, after),
    )


def scored_twice(
    pair: Pair, documents: Sequence[HeldOutDocument], length: int, progress: Progress
) -> tuple[list[ScoredDocument], list[ScoredDocument]]:
    """Score documents with both models, in the same order."""
    with pair.as_base():
        base = _scored(pair.base, documents, length, progress, "measure the base")
    return base, _scored(pair.adapter, documents, length, progress, "measure the adapter")


def common_behaviours(documents: Sequence[HeldOutDocument]) -> list[str]:
    """Return the behaviours with most held-out text, the commonest first."""
    sizes: dict[str, int] = {}
    for document in documents:
        for name in document.behaviours:
            sizes[name] = sizes.get(name, 0) + len(document.text)
    return sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_BEHAVIOURS]


def _scored(
    subject: Subject,
    documents: Sequence[HeldOutDocument],
    length: int,
    progress: Progress,
    stage: str,
) -> list[ScoredDocument]:
    found = score(subject, subject.tokenizer, documents, length)
    return list(tracked(progress, stage, len(documents), found))


def held_out_documents(release: Release, split: str, limit: int = 0) -> Iterator[HeldOutDocument]:
    """Yield the documents of a split, `limit` of them spread evenly if it is not 0."""
    total = sum(shard.rows for shard in release.shards("documents", split))
    wanted = min(limit or total, total)
    batches = release.batches("documents", COLUMNS, split)
    for number, row in enumerate(chain.from_iterable(each.to_pylist() for each in batches)):
        if number * wanted % total < wanted:
            yield HeldOutDocument(
                row["document_id"],
                row["package"],
                row["language"],
                row["role"],
                behaviours_of(row["modules"]),
                row["text"],
            )


def behaviours_of(modules: Sequence[Module] | None) -> tuple[str, ...]:
    """Return the names of the behaviours that the modules of a document have."""
    names = {each["name"] for module in modules or () for each in module["behaviours"] or ()}
    return tuple(sorted(names))


def score(
    model: Foretells,
    tokenizer: "Tokenizer",
    documents: Iterable[HeldOutDocument],
    length: int,
) -> Iterator[ScoredDocument]:
    """Score documents; one longer than `length` tokens is cut, and each piece is foretold alone."""
    for document in documents:
        whole = tokenizer.document(document.text)
        nats = sum(model.nats(piece) for piece in cut(whole, length))
        yield ScoredDocument(document, nats, len(document.text.encode()))


def cut(sample: "Sample", length: int) -> Iterator["Sample"]:
    """Cut a sample into pieces of `length` tokens; a piece's first token is context only.

    Pieces overlap by that token, so every target of the sample is a target of one piece.
    """
    from train.tokenizer.interface import Sample

    for start in range(0, max(1, len(sample.ids) - 1), length - 1):
        targets = sample.targets[start : start + length].copy()
        targets[:1] = False
        yield Sample(sample.ids[start : start + length], targets)


def bits_per_byte(scored: Sequence[ScoredDocument]) -> Figure:
    """Return the rate over documents. Raises ValueError without any."""
    return rate(_bits(scored), _sizes(scored), packages_of(scored))


def difference(before: Sequence[ScoredDocument], after: Sequence[ScoredDocument]) -> Figure:
    """Return by how many bits a byte `after` differs.

    Both score the same documents in the same order, and what is hard for both does not widen the
    interval.
    """
    less = np.array(_bits(after)) - np.array(_bits(before))
    return rate(less.tolist(), _sizes(before), packages_of(before))


def packages_of(scored: Sequence[ScoredDocument]) -> list[str]:
    """Return the package of each document; its own name for one of none."""
    return [each.document.package or each.document.document_id for each in scored]


def _bits(scored: Sequence[ScoredDocument]) -> list[float]:
    return [each.nats / math.log(2) for each in scored]


def _sizes(scored: Sequence[ScoredDocument]) -> list[float]:
    return [float(each.bytes) for each in scored]
