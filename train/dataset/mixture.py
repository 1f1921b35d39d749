"""Which samples an epoch reads: passes over each source, and the share of replayed text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from train.errors import TrainError

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
class Source:
    """Samples of one kind, by their numbers in the store."""

    name: str
    samples: Integers
    tokens: int


@dataclass(frozen=True, slots=True)
class Mixture:
    """Sources with the passes an epoch makes over each."""

    parts: tuple[tuple[Source, float], ...]
    seed: int

    def epoch(self, epoch: int) -> Integers:
        """Return the samples of an epoch, in no particular order.

        A fraction of a pass goes on where the epoch before ended, so that all get their turn.
        """
        chosen = [_turns(source, passes, epoch, self.seed) for source, passes in self.parts]
        return np.concatenate([np.empty(0, dtype=np.int64), *chosen])


def mix(
    sources: Sequence[Source],
    replay: Source | None,
    passes: Mapping[str, float],
    replay_share: float,
    seed: int,
) -> Mixture:
    """Return a mixture: `passes` over each named source, once over all without any named.

    Replayed text makes up `replay_share` of an epoch's tokens. Raises UnknownSource and
    EpochTooLong.
    """
    known = {source.name: source for source in sources}
    for name in passes:
        if name not in known:
            raise UnknownSource(name, sorted(known))
    parts = [(known[name], rate) for name, rate in passes.items()] if passes else []
    parts = parts or [(source, 1.0) for source in sources]
    if replay is not None and replay.tokens and replay_share:
        tokens = sum(source.tokens * rate for source, rate in parts)
        parts.append((replay, replay_share / (1 - replay_share) * tokens / replay.tokens))
    if (samples := sum(len(source.samples) * rate for source, rate in parts)) > LARGEST:
        raise EpochTooLong(samples)
    return Mixture(tuple(parts), seed)


def _turns(source: Source, passes: float, epoch: int, seed: int) -> Integers:
    count = len(source.samples)
    name = [int(byte) for byte in source.name.encode()]
    order = np.random.Generator(np.random.PCG64([seed, *name])).permutation(count)
    begin, end = int(epoch * passes * count), int((epoch + 1) * passes * count)
    turns: Integers = source.samples[order[np.arange(begin, end) % max(1, count)]]
    return turns
