"""Exact groups: rows that are connected by equal values in either of two columns."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def joined(first: Indices, second: Indices) -> Indices:
    """Return the group of each row: connected by equal codes, numbered in order of first rows.

    Each of the two arrays has one code per row; a label is the number of a row in the same group.
    In one step a row takes the smallest label among the rows that share either code, the row that
    was its label takes it too, and then each takes its label's label. The number of steps for a
    chain of codes is therefore logarithmic in its length (FastSV, Zhang, Azad and Hu 2020).
    """
    labels = np.arange(len(first))
    while True:
        reached = _least(first, _least(second, labels))
        if np.array_equal(reached, labels):
            _, groups = np.unique(labels, return_inverse=True)
            numbered: npt.NDArray[np.int64] = groups.astype(np.int64, copy=False)
            return numbered
        np.minimum.at(reached, labels, reached.copy())
        labels = reached[reached]


def _least(codes: Indices, labels: Indices) -> Indices:
    """Return for every row the smallest label among the rows with its code."""
    least = np.full(codes.max(initial=-1) + 1, len(labels))
    np.minimum.at(least, codes, labels)
    return least[codes]
