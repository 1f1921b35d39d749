"""How often 95% intervals contain the true value, where documents are from uneven packages.

    python -m benchmarks.coverage [--rounds N] [--packages 2,3,5,10,20,50]

Samples are drawn from known distributions: packages as uneven as in the release of `make real`
(the logarithm of their documents deviates by 1.27, 20 documents on average), with a correlation of
0, .1 and .5 inside packages. `documents` is the percentile bootstrap over documents, `packages` is
`train.evaluate.intervals`. A cell is the share of intervals that held the truth, then their median
width.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from train.evaluate.intervals import Figure, rate, share, share_difference

UNEVEN, USUAL = 1.27, 20
"""Standard deviation of the logarithm of a package's documents, and their mean."""
CORRELATIONS = (0.0, 0.1, 0.5)
WORSENED = 0.03
"""Share of pairs that the second model loses."""

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


class Held(NamedTuple):
    """How many intervals held the truth, and how wide they were."""

    share: float
    width: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """One sample: its items with their package, and both results of each."""

    packages: Numbers
    first: Floats
    second: Floats
    weights: Floats


def shares_drawn(
    mean: float, packages: Numbers, inside: float, random: np.random.Generator
) -> Floats:
    """Draw 0 or 1 for each item; packages' shares are of a beta distribution with that mean."""
    groups = int(packages.max()) + 1
    shares = np.full(groups, mean)
    if inside:
        both = (1 - inside) / inside
        shares = random.beta(mean * both, (1 - mean) * both, groups)
    return (random.random(len(packages)) < shares[packages]).astype(np.float64)


def sample(
    kind: str, groups: int, inside: float, random: np.random.Generator
) -> tuple[Drawn, float]:
    """Draw a sample of so many packages; return it with the truth."""
    middle = USUAL / np.exp(UNEVEN**2 / 2)
    sizes = np.maximum(1, np.round(random.lognormal(np.log(middle), UNEVEN, groups)))
    packages = np.repeat(np.arange(groups), sizes.astype(np.int64))
    nothing, even = np.zeros(len(packages)), np.ones(len(packages))
    draw = partial(shares_drawn, packages=packages, inside=inside, random=random)
    if kind == "bits a byte":
        weights = random.lognormal(7, 1, len(packages))
        own, shared = (random.gamma(2, 0.5, size) - 1 for size in (len(packages), groups))
        noise = np.sqrt(inside) * shared[packages] + np.sqrt(1 - inside) * own
        return Drawn(packages, nothing, weights * (1 + 0.4 * noise), weights), 1.0
    mean = TRUTHS[kind]
    if kind.startswith("share"):
        return Drawn(packages, nothing, draw(mean), even), mean
    return Drawn(packages, draw(WORSENED), draw(mean + WORSENED), even), mean


TRUTHS: Mapping[str, float] = {
    "share 0.02": 0.02,
    "share 0.2": 0.2,
    "share 0.5": 0.5,
    "share 0.9": 0.9,
    "bits a byte": 1.0,
    "difference 0": 0.0,
    "difference 0.07": 0.07,
}
"""What is measured, with the truth."""


def over_documents(kind: str, drawn: Drawn, random: np.random.Generator, resamples: int) -> Figure:
    """Return the percentile bootstrap interval over documents (Efron and Tibshirani 1993)."""
    count = len(drawn.packages)
    taken = random.multinomial(count, np.full(count, 1 / count), resamples)
    gains = drawn.second - drawn.first
    found = (taken @ gains) / (taken @ drawn.weights)
    low, high = np.quantile(found, [0.025, 0.975])
    return Figure(float(gains.sum() / drawn.weights.sum()), float(low), float(high))


def over_packages(kind: str, drawn: Drawn, random: np.random.Generator, resamples: int) -> Figure:
    """Return the interval that an evaluation tells."""
    packages: Sequence[int] = drawn.packages.tolist()
    first, second = drawn.first.tolist(), drawn.second.tolist()
    if kind == "bits a byte":
        return rate(second, drawn.weights.tolist(), packages)
    if kind.startswith("share"):
        return share(second, packages)
    return share_difference(first, second, packages)


METHODS: Mapping[str, Callable[[str, Drawn, np.random.Generator, int], Figure]] = {
    "documents": over_documents,
    "packages": over_packages,
}


def covered(
    kind: str,
    groups: int,
    inside: float,
    *,
    rounds: int,
    random: np.random.Generator,
    resamples: int = 300,
) -> dict[str, Held]:
    """Return for each method how many of its intervals held the truth."""
    found: dict[str, list[tuple[bool, float]]] = {name: [] for name in METHODS}
    for _ in range(rounds):
        drawn, truth = sample(kind, groups, inside, random)
        for name, method in METHODS.items():
            figure = method(kind, drawn, random, resamples)
            found[name].append((figure.low <= truth <= figure.high, figure.high - figure.low))
    return {
        name: Held(
            sum(held for held, _ in each) / rounds, float(np.median([width for _, width in each]))
        )
        for name, each in found.items()
    }


def main() -> None:
    """Measure and print a table in Markdown."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--packages", default="2,3,5,10,20,50")
    told = parser.parse_args()
    heads = [f"{name}, {inside:g}" for inside in CORRELATIONS for name in METHODS]
    print(f"| | packages | {' | '.join(heads)} |\n|---|---:|{'---:|' * len(heads)}")
    for kind in TRUTHS:
        for groups in map(int, told.packages.split(",")):
            cells = []
            for inside in CORRELATIONS:
                random = np.random.default_rng([groups, int(100 * inside)])
                found = covered(kind, groups, inside, rounds=told.rounds, random=random)
                cells += [f"{each.share:.3f} ({each.width:.2f})" for each in found.values()]
            print(f"| {kind} | {groups} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
