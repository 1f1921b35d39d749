"""How many bits a model needs for a byte of held-out source, overall and by what the source is."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from corpus.release import Release
from train.evaluate.intervals import Figure, rate

if TYPE_CHECKING:
    from train.tokenizer.interface import Sample, Tokenizer

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


def held_out_documents(release: Release, split: str, limit: int = 0) -> Iterator[HeldOutDocument]:
    """Yield the documents of a split, `limit` of them spread evenly if it is not 0."""
    total = sum(shard.rows for shard in release.shards("documents", split))
    wanted = min(limit or total, total)
    for number, row in enumerate(_rows(release, split)):
        if number * wanted % total < wanted:
            yield HeldOutDocument(
                row["document_id"],
                row["package"],
                row["language"],
                row["role"],
                behaviours_of(row["modules"]),
                row["text"],
            )


def behaviours_of(modules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
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


def _rows(release: Release, split: str) -> Iterator[dict[str, Any]]:
    for batch in release.batches("documents", COLUMNS, split):
        yield from batch.to_pylist()
