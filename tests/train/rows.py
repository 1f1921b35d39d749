"""Packed rows written out by hand."""

from collections.abc import Sequence

import numpy as np

from train.dataset.packing import PackedRow

PAD = 0


def packed(samples: Sequence[Sequence[int]], length: int) -> PackedRow:
    """Lay samples out in one row; all but their first tokens carry loss."""
    ids = np.full(length, PAD, dtype=np.int64)
    labels = np.full(length, -100, dtype=np.int64)
    positions = np.zeros(length, dtype=np.int64)
    start = 0
    for sample in samples:
        stop = start + len(sample)
        ids[start:stop] = sample
        labels[start + 1 : stop] = sample[1:]
        positions[start:stop] = np.arange(len(sample))
        start = stop
    positions[start:] = np.arange(length - start)
    lengths = tuple(len(sample) for sample in samples)
    return PackedRow(ids, labels, positions, lengths, int((labels >= 0).sum()), 0)
