"""Which rows a step reads: a pure function of the recipe, so a resumed run needs a number only."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Counted(Protocol):
    """Knows how many rows an epoch has."""

    def rows_in(self, epoch: int) -> int:
        """Return the rows of an epoch, counted from 0."""
        ...


@dataclass(frozen=True, slots=True)
class StepRows:
    """The rows of one step, by their numbers in the epoch."""

    epoch: int
    numbers: tuple[int, ...]


class Order:
    """The steps of a stage. An epoch ends with a smaller step where its rows do not come out even.

    `epochs` may end within an epoch; `limit` ends the stage after so many steps, 0 does not.
    """

    def __init__(self, rows: Counted, epochs: float, batch: int, limit: int = 0) -> None:
        self.batch = batch
        self.whole: list[int] = []
        self.counts: list[int] = []
        self.ends: list[int] = []
        for epoch in range(math.ceil(epochs)):
            whole = rows.rows_in(epoch)
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
