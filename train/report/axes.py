"""Axes of charts: a range that ends on round numbers, and a few ticks on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Tick = dict[str, float | str]

NARROW, TINY = 1e-9, 1e-300
"""A range below these, relative and absolute, is one value: floats have no ticks within it."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, and where its ticks stand, as shares of it."""

    low: float
    high: float
    ticks: list[Tick]

    def place(self, value: float) -> float:
        """Return where a value stands: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


def axis(
    values: Sequence[float], ticks: int = 4, *, from_zero: bool = False, is_tight: bool = False
) -> Axis:
    """Return an axis that all values fit on, with about so many ticks.

    It ends on ticks; a tight one ends with the values. Ticks are 1, 2 or 5 times a power of ten
    apart.
    """
    low = 0.0 if from_zero else min(values, default=0.0)
    high = max([*values, low], default=1.0)
    if high - low <= max(abs(low), abs(high)) * NARROW + TINY:
        high = low + (abs(low) if abs(low) > TINY else 1.0)
    step = round_step((high - low) / ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if is_tight:
        last = math.floor(high / step + 1e-9)
    else:
        low, high = first * step, last * step
    numbers = [number * step for number in range(first, last + 1)]
    placed: list[Tick] = [
        {"place": round(100 * (number - low) / (high - low), 2), "text": written(number, step)}
        for number in numbers
    ]
    return Axis(low, high, placed)


def round_step(wanted: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below what is wanted."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * 0.999)


def written(value: float, step: float) -> str:
    """Write a tick with as many digits as tell it from its neighbours."""
    if value == 0:
        return "0"
    if abs(step) < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{digits}f}"
