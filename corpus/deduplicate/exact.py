"""Exact groups: who is connected by equal values in either of two columns."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def joined(first: Indices, second: Indices) -> Indices:
    """Return the group of each row: connected by equal codes, numbered in order of first rows.

    Each of the two arrays has a code a row; groups take in one step each the least label that
    either code has reached, so a chain of codes takes as many steps as it has links.
    """
    labels = np.arange(len(first))
    while True:
        reached = _least(first, _least(second, labels))
        if np.array_equal(reached, labels):
            _, groups = np.unique(labels, return_inverse=True)
            numbered: npt.NDArray[np.int64] = groups.astype(np.int64, copy=False)
            return numbered
        labels = reached


def _least(codes: Indices, labels: Indices) -> Indices:
    """Return for every row the least label among the rows with its code."""
    least = np.full(codes.max(initial=-1) + 1, len(labels))
    np.minimum.at(least, codes, labels)
    return least[codes]
