"""One row of token ids: several samples laid end to end, none of which sees another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.tokenizer.interface import Sample

Integers = npt.NDArray[np.int64]

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
