"""What is told of two models side by side, as evaluation.json holds it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

FEWEST = 10
"""Resampling fewer items than this gives intervals that are far too narrow."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with the ends of its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One measure of a base model and of another, usually the same with an adapter."""

    group: str
    name: str
    unit: str
    better: Literal["lower", "higher"]
    count: int
    """Documents, gaps or problems behind it."""
    base: Figure
    adapter: Figure
    difference: Figure
    """Adapter less base, on the same items resampled together."""


def as_json(measures: Sequence[Measure], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return measures with what else is told of the evaluation. Figures that are no numbers go."""
    return {**told, "measures": [_finite(asdict(each)) for each in measures]}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
