"""Which samples share a row: best fit, the longest first, so that little is left empty."""

from bisect import bisect_left, insort

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

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
        rows += _window(lengths[start : start + WINDOW], length, start)
    return rows


def _window(lengths: Integers, length: int, offset: int) -> list[list[int]]:
    rows: list[list[int]] = []
    with_space: list[list[int]] = [[] for _ in range(length + 1)]
    spaces: list[int] = []
    for number in np.argsort(-lengths, kind="stable").tolist():
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
        rows[row].append(offset + number)
        left = space - needed
        if not with_space[left]:
            insort(spaces, left)
        with_space[left].append(row)
    return rows
