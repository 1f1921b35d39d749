"""Which samples an epoch reads, in which rows they lie, and which of these a step takes.

Pure functions of lengths, a recipe and a seed. Our own because a resumed run has to find the same
row by its number alone: best fit, the longest first, so that little is left empty, over a shuffled
epoch that is never stored.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from corpus.source import PROSE
from train.errors import TrainError
from train.tokenizer.interface import Sample

Integers = npt.NDArray[np.int64]

LARGEST = 100_000_000
"""Samples of an epoch at most: as many lie in memory when it is planned."""


class UnknownSource(TrainError):
    """The mixture names what the release does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        super().__init__(
            f"the mixture names {name}, and the split has {', '.join(known) or 'nothing'}.{hint}"
        )


class EpochTooLong(TrainError):
    """The passes over the sources, or the replayed share, make more than can be planned."""

    def __init__(self, samples: float) -> None:
        super().__init__(
            f"an epoch of {samples:,.3g} samples, and {LARGEST:,} are the most there can be. Lower "
            "the passes in the mixture or the share that is replayed, and take more epochs instead."
        )


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """Samples of one kind, by their numbers in the store."""

    name: str
    samples: Integers
    tokens: int


@dataclass(frozen=True, slots=True)
class Mixture:
    """Sources with the passes an epoch makes over each."""

    parts: tuple[tuple[SampleGroup, float], ...]
    seed: int

    def epoch(self, epoch: int) -> Integers:
        """Return the samples of an epoch, in no particular order.

        A fraction of a pass goes on where the epoch before ended, so that all get their turn.
        """
        chosen = [_turns(source, passes, epoch, self.seed) for source, passes in self.parts]
        return np.concatenate([np.empty(0, dtype=np.int64), *chosen])


ASKED_FOR = frozenset(f"documents.{language}" for language in PROSE)
"""Guides, which are read only by a mixture that names them: they are prose."""


def default_passes(sources: Iterable[str]) -> dict[str, float]:
    """Return the mixture of a stage without one: once over each source but guides."""
    return {name: 1.0 for name in sources if name not in ASKED_FOR}


def mix(
    sources: Sequence[SampleGroup],
    replay: SampleGroup | None,
    passes: Mapping[str, float],
    replay_share: float,
    seed: int,
) -> Mixture:
    """Return a mixture: `passes` over each named source, `default_passes` without any named.

    Replayed text makes up `replay_share` of an epoch's tokens. Raises UnknownSource and
    EpochTooLong.
    """
    known = {source.name: source for source in sources}
    for name in passes:
        if name not in known:
            raise UnknownSource(name, sorted(known))
    parts = [(known[name], rate) for name, rate in (passes or default_passes(known)).items()]
    if replay is not None and replay.tokens and replay_share:
        tokens = sum(source.tokens * rate for source, rate in parts)
        parts.append((replay, replay_share / (1 - replay_share) * tokens / replay.tokens))
    if (samples := sum(len(source.samples) * rate for source, rate in parts)) > LARGEST:
        raise EpochTooLong(samples)
    return Mixture(tuple(parts), seed)


def _turns(source: SampleGroup, passes: float, epoch: int, seed: int) -> Integers:
    count = len(source.samples)
    name = [int(byte) for byte in source.name.encode()]
    order = np.random.Generator(np.random.PCG64([seed, *name])).permutation(count)
    begin, end = int(epoch * passes * count), int((epoch + 1) * passes * count)
    turns: Integers = source.samples[order[np.arange(begin, end) % max(1, count)]]
    return turns


WINDOW = 32_768
"""Samples that are packed together: enough of every length that gaps find something to fill them,
few enough that a row's samples come from all over the shuffled epoch."""


def packed(lengths: Integers, length: int) -> list[list[int]]:
    """Return rows as lists of sample numbers, each row of at most `length` tokens.

    Best-fit decreasing (Johnson 1973) over windows of samples in the given order. Every sample is
    in one row. None is longer than `length`.
    """
    rows: list[list[int]] = []
    for start in range(0, len(lengths), WINDOW):
        with_space: list[list[int]] = [[] for _ in range(length + 1)]
        spaces: list[int] = []
        order = np.argsort(-lengths[start : start + WINDOW], kind="stable") + start
        for number in order.tolist():
            needed = int(lengths[number])
            place = bisect_left(spaces, needed)
            if place == len(spaces):
                space, row = length, len(rows)
                rows.append([])
            else:
                space = spaces[place]
                row = with_space[space].pop()
                if not with_space[space]:
                    del spaces[place]
            rows[row].append(number)
            left = space - needed
            if not with_space[left]:
                insort(spaces, left)
            with_space[left].append(row)
    return rows


NO_LABEL = -100
"""The label of a token without loss, as in transformers."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedRow:
    """Samples in a row of fixed length; padding behind them counts as a run of its own."""

    ids: Integers
    labels: Integers
    """-100 where a token carries no loss; not shifted: label i belongs to token i."""
    positions: Integers
    """From 0 on in every sample, and in the padding."""
    lengths: tuple[int, ...]
    """Of the samples, in order, without padding."""
    targets: int
    """Tokens that carry loss."""
    bytes: int
    """UTF-8 bytes of the text that they stand for."""


def pack(samples: Sequence[Sample], text_bytes: int, length: int, pad: int) -> PackedRow:
    """Lay samples out; together they have at most `length` tokens."""
    ids = np.full(length, pad, dtype=np.int64)
    labels = np.full(length, NO_LABEL, dtype=np.int64)
    positions = np.empty(length, dtype=np.int64)
    start = 0
    for sample in samples:
        stop = start + len(sample.ids)
        ids[start:stop] = sample.ids
        labels[start:stop] = np.where(sample.targets, sample.ids, NO_LABEL)
        positions[start:stop] = np.arange(stop - start)
        start = stop
    positions[start:] = np.arange(length - start)
    lengths = tuple(len(sample.ids) for sample in samples)
    targets = int((labels != NO_LABEL).sum())
    return PackedRow(ids, labels, positions, lengths, targets, text_bytes)


@dataclass(frozen=True, slots=True)
class StepRows:
    """The rows of one step, by their numbers in the epoch."""

    epoch: int
    numbers: tuple[int, ...]


class Order:
    """The steps of a stage. An epoch ends with a smaller step where its rows do not come out even.

    `rows_in` tells the rows of an epoch. `epochs` may end within an epoch; `limit` ends the stage
    after so many steps, 0 does not.
    """

    def __init__(
        self, rows_in: Callable[[int], int], epochs: float, batch: int, limit: int = 0
    ) -> None:
        self.batch = batch
        self.whole: list[int] = []
        self.counts: list[int] = []
        self.ends: list[int] = []
        for epoch in range(math.ceil(epochs)):
            whole = rows_in(epoch)
            count = math.ceil(whole * min(1.0, epochs - epoch))
            begun = self.ends[-1] if self.ends else 0
            self.whole.append(whole)
            self.counts.append(count)
            self.ends.append(begun + math.ceil(count / batch))
            if 0 < limit <= self.ends[-1]:  # epochs behind it need no plan
                break
        last = self.ends[-1] if self.ends else 0
        self.steps = min(last, limit) if limit else last

    def rows_of(self, step: int) -> StepRows:
        """Return the rows of a step, counted from 0."""
        epoch = bisect_right(self.ends, step)
        first = (step - (self.ends[epoch - 1] if epoch else 0)) * self.batch
        last = min(first + self.batch, self.counts[epoch])
        return StepRows(epoch, tuple(range(first, last)))

    def epochs_until(self, step: int) -> float:
        """Return how many passes have been made when `step` steps are done."""
        epoch = min(bisect_right(self.ends, step), len(self.ends) - 1)
        begun = self.ends[epoch - 1] if epoch else 0
        read = min((step - begun) * self.batch, self.counts[epoch])
        return epoch + read / self.whole[epoch]


def share(
    numbers: Sequence[int], micro: int, rank: int, count: int
) -> list[tuple[int, ...] | None]:
    """Divide the rows of a step into micro-batches and return those of one process of `count`.

    Every process gets equally many; None stands for one without rows.
    """
    batches = [tuple(numbers[at : at + micro]) for at in range(0, len(numbers), micro)]
    rounds = math.ceil(len(batches) / count)
    mine: list[tuple[int, ...] | None] = list(batches[rank::count])
    return mine + [None] * (rounds - len(mine))
