"""pass@k without bias, how sure it is, and whether one model is better than another.

Intervals are percentile bootstrap intervals over problems (Efron and Tibshirani 1993, chapter 13):
another set of problems of the same kind would give a score within them 95 times in 100. Where all
problems have one result the interval has no width, which says that they are too alike, not that
the score is sure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.evaluate.execution import Judgement, Verdict

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 20261101

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over problems with its 95% interval."""

    value: float
    low: float
    high: float
    problems: int


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the probability that one of k samples drawn without replacement passes.

    The unbiased estimator of Chen et al. 2021 (equation 1): 1 - C(n - c, k) / C(n, k), as a product
    so that no large binomial is formed. Raises ValueError for k outside 1..n.
    """
    if not 1 <= k <= samples:
        raise ValueError(
            f"pass@{k} needs at least {k} samples of each problem; here are {samples}."
        )
    if samples - passed < k:
        return 1.0
    missed = 1.0
    for number in range(samples - passed + 1, samples + 1):
        missed *= 1 - k / number
    return 1 - missed


def score(judgements: Sequence[Sequence[Judgement]], k: int = 1, seed: int = SEED) -> Estimate:
    """Return pass@k over problems, given the judgements of each one's samples.

    Problems that this machine's toolchain cannot decide are left out. Raises ValueError when none
    is left, or when one has fewer than k samples.
    """
    values = list(by_problem(judgements, k).values())
    return interval(np.array(values), seed)


def difference(
    first: Sequence[Sequence[Judgement]],
    second: Sequence[Sequence[Judgement]],
    k: int = 1,
    seed: int = SEED,
) -> Estimate:
    """Return by how much the second's pass@k is above the first's, paired by problem.

    Problems are drawn together with both results, so that how hard they are cancels out. Raises
    ValueError when the two were not asked the same problems.
    """
    ours, theirs = by_problem(first, k), by_problem(second, k)
    if ours.keys() != theirs.keys():
        odd = sorted(ours.keys() ^ theirs.keys())
        raise ValueError(f"{len(odd)} problems have one result only, {odd[0]} among them.")
    return interval(np.array([theirs[each] - value for each, value in ours.items()]), seed)


def by_problem(judgements: Sequence[Sequence[Judgement]], k: int) -> dict[str, float]:
    """Return pass@k of each problem that could be decided.

    Raises ValueError where two have one identity: either would hide the other.
    """
    values: dict[str, float] = {}
    for samples in decided(judgements):
        if (name := samples[0].problem) in values:
            raise ValueError(f"there are two problems called {name}.")
        values[name] = pass_at_k(len(samples), count(samples, Verdict.PASSED), k)
    return values


def decided(judgements: Sequence[Sequence[Judgement]]) -> list[Sequence[Judgement]]:
    """Return the samples of the problems that this machine's toolchain is new enough for."""
    return [
        samples
        for samples in judgements
        if samples and not count(samples, Verdict.TOOLCHAIN_TOO_OLD)
    ]


def count(samples: Sequence[Judgement], verdict: Verdict) -> int:
    """Return how many samples got a verdict."""
    return sum(each.verdict is verdict for each in samples)


def interval(values: Floats, seed: int) -> Estimate:
    """Return the mean of the values of problems with its bootstrap interval."""
    if not len(values):
        raise ValueError("there is no problem to score.")
    random = np.random.default_rng(seed)
    draws = [
        random.choice(values, len(values)).mean()
        for _ in range(RESAMPLES if len(values) > 1 else 1)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def verdicts(judgements: Sequence[Sequence[Judgement]]) -> Mapping[str, int]:
    """Count all samples by verdict; every verdict is there."""
    every = [each for samples in judgements for each in samples]
    return {str(verdict): count(every, verdict) for verdict in Verdict}
