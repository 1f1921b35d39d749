"""Scoring two models side by side: pass@k and other shares, as a file and a terminal show them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from train.evaluate.intervals import FEWEST, Figure, share, share_difference
from train.evaluate.judge import Judgement, Verdict
from train.evaluate.problems import Problem

EVALUATION = "evaluation.json"
"""Where the measures of a run are written."""

Judgements = Sequence[Sequence[Judgement]]
"""A list a problem, of one judgement a sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One measure of a base model and of another, usually the same with an adapter."""

    group: str
    name: str
    unit: str
    better: Literal["lower", "higher"]
    count: int
    """Documents, gaps or problems behind it."""
    packages: int
    """Packages that they are from; what is from none counts alone."""
    base: Figure
    adapter: Figure
    difference: Figure
    """Adapter less base, on the same items."""


def measures_of(
    problems: Sequence[Problem], base: Judgements, adapter: Judgements, ks: Sequence[int]
) -> list[Measure]:
    """Compare pass@k of the judgements of two models, for each source and each k."""
    found = []
    for source in dict.fromkeys(each.source for each in problems):
        chosen = [number for number, each in enumerate(problems) if each.source == source]
        package = {problems[n].identity: problems[n].package for n in chosen}
        for k in ks:
            first, second = (by_problem([each[n] for n in chosen], k) for each in (base, adapter))
            names = sorted(first.keys() & second.keys())
            if names:
                found.append(
                    shares(
                        f"{source}, pass@{k}",
                        [first[name] for name in names],
                        [second[name] for name in names],
                        [package[name] or name for name in names],
                        trials=len(base[chosen[0]]) / k,
                    )
                )
    return found


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the probability that one of k samples drawn without replacement passes.

    The unbiased estimator of Chen et al. 2021 (equation 1). Raises ValueError for k outside 1..n.
    """
    if not 1 <= k <= samples:
        raise ValueError(
            f"pass@{k} needs at least {k} samples of each problem; here are {samples}."
        )
    return 1 - math.comb(samples - passed, k) / math.comb(samples, k)


def by_problem(judgements: Judgements, k: int) -> dict[str, float]:
    """Return pass@k of each problem that this machine's toolchain is new enough to decide.

    Raises ValueError where two have one identity: either would hide the other.
    """
    values: dict[str, float] = {}
    for samples in judgements:
        if not samples or any(each.verdict is Verdict.TOOLCHAIN_TOO_OLD for each in samples):
            continue
        if (name := samples[0].problem) in values:
            raise ValueError(f"there are two problems called {name}.")
        passed = sum(each.verdict is Verdict.PASSED for each in samples)
        values[name] = pass_at_k(len(samples), passed, k)
    return values


def measure(
    group: str,
    name: str,
    packages: Sequence[str],
    base: Figure,
    adapter: Figure,
    difference: Figure,
    *,
    unit: str = "share",
    better: Literal["lower", "higher"] = "higher",
) -> Measure:
    """Return a measure of items that are from `packages`, one entry for each item."""
    return Measure(
        group=group,
        name=name,
        unit=unit,
        better=better,
        count=len(packages),
        packages=len(set(packages)),
        base=base,
        adapter=adapter,
        difference=difference,
    )


def shares(
    name: str,
    base: Sequence[float],
    adapter: Sequence[float],
    packages: Sequence[str],
    group: str = "executed",
    trials: float = 1.0,
) -> Measure:
    """Compare two lists of results from 0 to 1, of the same items in the same order."""
    return measure(
        group,
        name,
        packages,
        share(base, packages, trials),
        share(adapter, packages, trials),
        share_difference(base, adapter, packages),
    )


def as_json(measures: Sequence[Measure], told: Mapping[str, object]) -> dict[str, object]:
    """Return measures with what else is told of the evaluation. Figures that are no numbers go."""
    return {**told, "measures": [_finite(asdict(each)) for each in measures]}


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(measures: Sequence[Measure], against: str) -> None:
    """Print two models side by side, with the intervals of what differs."""
    from rich.table import Table

    from corpus.console import output

    table = Table("measure", box=None, pad_edge=False)
    for column in ("of", "packages", against, "adapter", "difference (95%)"):
        table.add_column(column, no_wrap=True)
    group = ""
    for each in measures:
        if each.group != group:
            group = each.group
            table.add_row(f"{group}, {each.unit}")
        found = each.difference
        between = f"{found.low:+.4f} to {found.high:+.4f}"
        if each.packages < FEWEST:
            between = "too few packages"
        elif not math.isfinite(found.low):
            between = "the same everywhere"
        table.add_row(
            f"  {each.name}",
            f"{each.count:,}",
            f"{each.packages:,}",
            f"{each.base.value:.4f}",
            f"{each.adapter.value:.4f}",
            f"{found.value:+.4f} ({between})",
        )
    output.print(table)
