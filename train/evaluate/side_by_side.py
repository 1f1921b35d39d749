"""A base model and its adapter on the same held-out text: bits a byte, and gaps filled exactly."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from corpus.progress import Progress, tracked
from train.evaluate.infilling import Filled, Gap, fill
from train.evaluate.intervals import share, share_difference
from train.evaluate.likelihood import (
    HeldOutDocument,
    ScoredDocument,
    bits_per_byte,
    difference,
    packages_of,
    score,
)
from train.evaluate.measures import Measure, distinct
from train.evaluate.subject import Sampling, Subject

MOST_BEHAVIOURS = 10
"""Behaviours that get a measure of their own: those with most text."""
BITS = "bits per byte"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models to compare; they may be one, with its adapter left out for the first."""

    base: Subject
    adapter: Subject

    def as_base(self) -> AbstractContextManager[Any]:
        """Make the first one what it is: the model of the second without its adapter."""
        return self.base.as_base() if self.base is self.adapter else nullcontext()


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


def check_infilling(pair: Pair) -> None:
    """Raise InfillingUnsupported unless both models can be asked for what is missing."""
    for subject in (pair.base, pair.adapter):
        subject.tokenizer.infilling_prompt("", "")


def infilling(
    pair: Pair, found: Sequence[Gap], sampling: Sampling, progress: Progress
) -> list[Measure]:
    """Compare how many missing lines are written exactly."""
    if not found:
        return []
    with pair.as_base():
        base = _filled(pair.base, found, sampling, progress)
    adapter = _filled(pair.adapter, found, sampling, progress)
    packages = [each.package or each.document_id for each in found]
    return [shares("missing line, exact", base, adapter, packages, "fill in the middle")]


def shares(
    name: str,
    base: Sequence[float],
    adapter: Sequence[float],
    packages: Sequence[str],
    group: str = "executed",
    trials: float = 1.0,
) -> Measure:
    """Compare two lists of results from 0 to 1, of the same items in the same order."""
    return Measure(
        group=group,
        name=name,
        unit="share",
        better="higher",
        count=len(base),
        packages=distinct(packages),
        base=share(base, packages, trials),
        adapter=share(adapter, packages, trials),
        difference=share_difference(base, adapter, packages),
    )


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


def _filled(
    subject: Subject, found: Sequence[Gap], sampling: Sampling, progress: Progress
) -> list[float]:
    written: list[Filled] = list(
        tracked(progress, "fill gaps", len(found), fill(subject, found, sampling))
    )
    return [float(each.is_exact) for each in written]
