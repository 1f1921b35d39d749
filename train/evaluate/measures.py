"""What is told of two models side by side, as evaluation.json and a terminal show it."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from train.evaluate.intervals import FEWEST, Figure


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


def distinct(clusters: Sequence[Hashable]) -> int:
    """Return how many packages there are."""
    return len(set(clusters))


def as_json(measures: Sequence[Measure], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return measures with what else is told of the evaluation. Figures that are no numbers go."""
    return {**told, "measures": [_finite(asdict(each)) for each in measures]}


def _finite(value: Any) -> Any:
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
        table.add_row(
            f"  {each.name}",
            f"{each.count:,}",
            f"{each.packages:,}",
            f"{each.base.value:.4f}",
            f"{each.adapter.value:.4f}",
            told(each),
        )
    output.print(table)


def told(measure: Measure) -> str:
    """Return a difference with its interval, or why it has none."""
    found = measure.difference
    between = f"{found.low:+.4f} to {found.high:+.4f}"
    if measure.packages < FEWEST:
        between = "too few packages"
    elif not math.isfinite(found.low):
        between = "the same everywhere"
    return f"{found.value:+.4f} ({between})"
