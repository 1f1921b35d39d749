"""How sure a figure is: 95% intervals over packages, for rates, shares and paired differences.

Documents, functions and problems that were cut from one package resemble each other, so the package
is what another sample would have drawn. All intervals begin with the cluster-robust variance of a
weighted mean in the form CR2 of Bell and McCaffrey (2002) and with Student's t for the degrees of
freedom of Imbens and Kolesár (2016), for a correlation inside packages as the data show it.
Resampling a few packages of uneven sizes gives intervals that are too narrow (Cameron, Gelbach and
Miller 2008). `python -m benchmarks.coverage` measures how often the intervals hold the truth.

What belongs to no package, as the problems of published benchmarks, is a cluster of its own.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEWEST = 3
"""Fewer packages than this are too few to tell two models apart."""
TAIL = 0.975

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with the ends of its 95% interval; the ends are infinite where nothing shows them."""

    value: float
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Spread:
    """A weighted mean over clustered items, and how it varies."""

    mean: float
    variance: float
    """Of the mean; 0 where all clusters are alike, which says nothing of how it varies."""
    quantile: float
    """Student's t for 95%."""
    items: int
    clusters: float
    """How many clusters of one size would be as good: 1 / sum of squared shares (Kish 1965)."""

    def worth(self, variance: float, odd: float, most: float) -> float:
        """Return how many independent items of a variance the sample is worth.

        `odd` is how many items differ from the rest. So few of them show little of the correlation
        inside clusters, which is taken to be 1 / (1 + odd) at least: with none, each cluster is
        worth one item. `most` is what the sample is worth without any correlation.
        """
        least = 1 / (1 + odd)
        limit = 1 / ((1 - least) / most + least / self.clusters)
        return min(variance / self.variance, limit) if self.variance else limit


def rate(values: Sequence[float], weights: Sequence[float], clusters: Sequence[Hashable]) -> Figure:
    """Return the sum of values over that of weights, which may be any number.

    No interval is known from one cluster, or where all items have one rate. Raises ValueError
    without items.
    """
    found = spread(values, weights, clusters)
    if not found.variance:
        return Figure(found.mean)
    half = found.quantile * math.sqrt(found.variance)
    return Figure(found.mean, found.mean - half, found.mean + half)


def share(values: Sequence[float], clusters: Sequence[Hashable], trials: float = 1.0) -> Figure:
    """Return the mean of values from 0 to 1, each of `trials` independent trials.

    The interval is Wilson's (1927) for as many independent trials as the sample is worth, as Korn
    and Graubard (1998) count them; Franco et al. (2019) compared such intervals for samples of
    clusters. It has a width also where all values are 0, or all are 1.
    """
    found = spread(values, [1.0] * len(values), clusters)
    mean, squared = found.mean, found.quantile**2
    if not squared < math.inf:
        return Figure(mean)
    odd = found.items * min(mean, 1 - mean)
    worth = found.worth(mean * (1 - mean), odd, found.items * trials)
    middle = (mean + squared / (2 * worth)) / (1 + squared / worth)
    inner = mean * (1 - mean) / worth + squared / (4 * worth**2)
    half = found.quantile * math.sqrt(inner) / (1 + squared / worth)
    return bounded(mean, middle - half, middle + half, 0.0)


def share_difference(
    first: Sequence[float], second: Sequence[float], clusters: Sequence[Hashable]
) -> Figure:
    """Return by how much the mean of the second is above that of the first, paired by item.

    The interval is that of Agresti and Min (2005), which adds half a squared quantile of pairs,
    half of them discordant, to as many independent pairs as the sample is worth. It has a width
    also where no pair is discordant.
    """
    gains = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    found = spread(gains.tolist(), [1.0] * len(gains), clusters)
    if not found.quantile < math.inf:
        return Figure(found.mean)
    discordant = float(np.square(gains).mean())
    odd = found.items * discordant
    worth = found.worth(discordant - found.mean**2, odd, found.items)
    added = found.quantile**2 / 2
    middle = worth * found.mean / (worth + added)
    inner = (worth * discordant + added / 2) / (worth + added) - middle**2
    half = found.quantile * math.sqrt(inner / (worth + added))
    return bounded(found.mean, middle - half, middle + half, -1.0)


def bounded(value: float, low: float, high: float, least: float) -> Figure:
    """Return a figure whose interval holds its value and lies between `least` and 1."""
    return Figure(value, max(least, min(low, value)), min(1.0, max(high, value)))


def spread(
    values: Sequence[float], weights: Sequence[float], clusters: Sequence[Hashable]
) -> Spread:
    """Return the mean of clustered items with its cluster-robust variance.

    Only a mean is fitted, so the matrices of CR2 are numbers: the residual sum of a cluster with
    the share h of all weight is divided by the root of 1 - h.
    """
    from scipy.special import stdtrit

    if not len(values):
        raise ValueError("there is nothing to measure.")
    known: dict[Hashable, int] = {}
    numbers = np.array([known.setdefault(each, len(known)) for each in clusters])
    sizes = np.bincount(numbers).astype(np.float64)
    given, by_weight = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    total = by_weight.sum()
    sums, heavy = np.bincount(numbers, given), np.bincount(numbers, by_weight)
    mean, shares = float(sums.sum() / total), heavy / total
    alike = 1 / float(np.square(shares).sum())
    if len(sizes) < 2:
        return Spread(mean, 0.0, math.inf, len(given), alike)
    residuals = sums - mean * heavy
    residuals[np.abs(residuals) <= 1e-12 * (np.abs(sums) + abs(mean) * heavy)] = 0.0
    variance = float((np.square(residuals) / (1 - shares)).sum() / total**2)
    inside = correlation(np.divide(given, by_weight, where=by_weight > 0), numbers, sizes)
    squares = np.bincount(numbers, np.square(by_weight))
    freedom = degrees(shares, (1 - inside) * squares + inside * np.square(heavy))
    return Spread(mean, variance, float(stdtrit(freedom, TAIL)), len(given), alike)


def correlation(values: Floats, numbers: npt.NDArray[np.int64], sizes: Floats) -> float:
    """Return the correlation inside clusters by analysis of variance, between 0 and 1.

    It is 1 where nothing shows it: without two items in any cluster, or all values alike.
    """
    items, groups = len(values), len(sizes)
    means = np.bincount(numbers, values) / sizes
    between = float((sizes * np.square(means - values.mean())).sum()) / (groups - 1)
    if items == groups or not between:
        return 1.0
    within = float(np.square(values - means[numbers]).sum()) / (items - groups)
    usual = (items - float(np.square(sizes).sum()) / items) / (groups - 1)
    return min(1.0, max(0.0, (between - within) / (between + (usual - 1) * within)))


def degrees(shares: Floats, variances: Floats) -> float:
    """Return the degrees of freedom of CR2's variance, given the variances of clusters' sums.

    It is a trace squared over the trace of a square, of a matrix with a row for each cluster; that
    is written out in sums, so that many clusters need no such matrix.
    """
    scale, whole = 1 / (1 - shares), float(variances.sum())
    both = np.square(shares) * whole - 2 * shares * variances
    trace = float((scale * (variances + both)).sum())
    one = float((scale * np.square(shares)).sum())
    two = float((scale * np.square(variances)).sum())
    mixed = float((scale * shares * variances).sum())
    squares = (whole * one) ** 2 + 2 * one * two - 4 * whole * one * mixed + 2 * mixed**2
    squares += float((np.square(scale) * variances * (variances + 2 * both)).sum())
    return max(1.0, trace**2 / squares)
