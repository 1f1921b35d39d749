"""How many bits a model needs for a byte of held-out source, overall and by what the source is."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from corpus.release import Release

if TYPE_CHECKING:
    from train.tokenizer import Sample, Tokenizer

COLUMNS = ("document_id", "package", "language", "role", "text", "modules")
RESAMPLES = 1_000
"""Bootstrap resamples behind an interval (Efron and Tibshirani 1993, ch. 13)."""
RESAMPLING_SEED = 1993
INTERVAL = (0.025, 0.975)

Floats = npt.NDArray[np.float64]


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


@dataclass(frozen=True, slots=True)
class BitsPerByte:
    """A rate over many documents, with its interval of 95%."""

    value: float
    low: float
    high: float
    documents: int
    bytes: int


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
    from train.tokenizer import Sample

    for start in range(0, max(1, len(sample.ids) - 1), length - 1):
        targets = sample.targets[start : start + length].copy()
        targets[:1] = False
        yield Sample(sample.ids[start : start + length], targets)


def bits_per_byte(scored: Sequence[ScoredDocument]) -> BitsPerByte:
    """Return the rate over documents. Raises ValueError without any."""
    if not scored:
        raise ValueError("there is no document to score")
    nats, lengths = _columns(scored)
    weights = _resamples(len(scored))
    low, high = np.quantile(_rates(nats, lengths, weights), INTERVAL)
    value = float(_rates(nats, lengths, np.ones((1, len(scored))))[0])
    return BitsPerByte(value, float(low), float(high), len(scored), int(lengths.sum()))


def difference(
    before: Sequence[ScoredDocument], after: Sequence[ScoredDocument]
) -> tuple[float, float, float]:
    """Return by how many bits a byte `after` differs, and the interval of 95%.

    Both score the same documents in the same order, and documents are resampled together, so what
    is hard for both does not widen the interval.
    """
    first, lengths = _columns(before)
    second, _ = _columns(after)
    weights = _resamples(len(before))
    low, high = np.quantile(_rates(second - first, lengths, weights), INTERVAL)
    value = _rates(second - first, lengths, np.ones((1, len(before))))[0]
    return float(value), float(low), float(high)


def _columns(scored: Sequence[ScoredDocument]) -> tuple[Floats, Floats]:
    nats = np.array([each.nats for each in scored])
    return nats, np.array([float(each.bytes) for each in scored])


def _resamples(count: int) -> Floats:
    generator = np.random.Generator(np.random.PCG64(RESAMPLING_SEED))
    return generator.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)


def _rates(nats: Floats, lengths: Floats, weights: Floats) -> Floats:
    rates: Floats = (weights @ nats) / (weights @ lengths) / math.log(2)
    return rates


def _rows(release: Release, split: str) -> Iterator[dict[str, Any]]:
    for batch in release.batches("documents", COLUMNS, split):
        yield from batch.to_pylist()
