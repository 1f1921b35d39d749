"""The rows of a stage, epoch by epoch: a pure function of the store, the mixture and a seed."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from train.dataset.mixture import Integers, Mixture
from train.dataset.packing import packed
from train.dataset.row import PackedRow, pack
from train.dataset.store import TokenStore

PLANS = 2
"""Epochs whose plans are kept: the one that is read and the next."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which samples stand in which row of an epoch."""

    samples: Integers
    """Row after row."""
    ends: Integers
    """Where each row ends in `samples`."""

    def row(self, number: int) -> list[int]:
        """Return the samples of a row."""
        begin = int(self.ends[number - 1]) if number else 0
        samples: list[int] = self.samples[begin : int(self.ends[number])].tolist()
        return samples


class Rows:
    """What the training loop reads: any row of any epoch, in any order, from any thread."""

    def __init__(
        self, store: TokenStore, mixture: Mixture, length: int, pad: int, seed: int
    ) -> None:
        self.store = store
        self.mixture = mixture
        self.length = length
        self.pad = pad
        self.seed = seed
        self._lengths = store.lengths()
        self._plans: OrderedDict[int, Plan] = OrderedDict()
        self._lock = Lock()

    @property
    def identity(self) -> str:
        """SHA-256 of the tokens that the rows are made of."""
        return self.store.identity

    def rows_in(self, epoch: int) -> int:
        """Return the rows of an epoch, counted from 0."""
        return len(self.plan(epoch).ends)

    def row(self, epoch: int, number: int) -> PackedRow:
        """Return a row."""
        samples = self.plan(epoch).row(number)
        read = [self.store.sample(each) for each in samples]
        size = int(self.store.arrays["bytes"][samples].sum())
        return pack(read, size, self.length, self.pad)

    def targets_of(self, epoch: int, number: int) -> int:
        """Return how many tokens of a row carry loss, without reading it."""
        return int(self.store.arrays["learned"][self.plan(epoch).row(number)].sum())

    def tokens(self, epoch: int) -> int:
        """Return the tokens of an epoch, padding left out."""
        return int(self._lengths[self.plan(epoch).samples].sum())

    @property
    def fill(self) -> float:
        """The share of the first epoch's rows that is not padding."""
        return self.tokens(0) / (self.rows_in(0) * self.length)

    @property
    def context(self) -> float:
        """The mean length of the sample that a token of the first epoch stands in."""
        lengths = self._lengths[self.plan(0).samples].astype(np.float64)
        return float((lengths**2).sum() / lengths.sum())

    def describe(self) -> dict[str, Any]:
        """Return what a report tells of the data."""
        sources = {
            source.name: {
                "samples": len(source.samples),
                "tokens": source.tokens,
                "bytes": int(self.store.arrays["bytes"][source.samples].sum()),
            }
            for source in self.store.by_source()
        }
        return {
            "sources": sources,
            "passes": {source.name: passes for source, passes in self.mixture.parts},
            "dropped": self.store.dropped,
            "rows": self.rows_in(0),
            "tokens": self.tokens(0),
            "fill": self.fill,
        }

    def plan(self, epoch: int) -> Plan:
        """Return the plan of an epoch; it is made when first asked for."""
        with self._lock:
            if epoch not in self._plans:
                self._plans[epoch] = self._planned(epoch)
                if len(self._plans) > PLANS:
                    self._plans.popitem(last=False)
            return self._plans[epoch]

    def _planned(self, epoch: int) -> Plan:
        generator = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        chosen = generator.permutation(self.mixture.epoch(epoch))
        rows = packed(self._lengths[chosen], self.length)
        ordered = [rows[number] for number in generator.permutation(len(rows)).tolist()]
        samples = np.array([sample for row in ordered for sample in row], dtype=np.int64)
        ends = np.cumsum([len(row) for row in ordered], dtype=np.int64)
        return Plan(chosen[samples], ends)
