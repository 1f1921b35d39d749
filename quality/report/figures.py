"""Arithmetic that several sections need: counts by value, quantiles, histograms, inequality."""

import math
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Section = Mapping[str, object]
"""A section of report.json, or a part of one, that is only written and no longer computed with."""
Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Count(TypedDict):
    """How often something comes, and its share of all."""

    name: str
    count: int
    share: float


class Point(TypedDict):
    """What share of bytes a share of the packages holds."""

    packages: float
    bytes: float


class Cause(TypedDict):
    """How many files were left out for a reason, and their share of all."""

    reason: str
    count: int
    share: float


class Passed(TypedDict):
    """What a stage was given, let through, and left out."""

    stage: str
    files_in: int
    files_out: int
    reasons: list[Cause]


class Files(TypedDict):
    """What became of every file that was seen."""

    seen: int
    stages: list[Passed]
    documents: int
    rejected_bytes: dict[str, int]


Bin = TypedDict("Bin", {"from": float, "to": float, "count": int})
"""A column of a histogram; `to` is exclusive, but for the last of an even one."""


class Distribution(TypedDict):
    """Whole numbers, described."""

    count: int
    total: int
    mean: float
    quantiles: dict[str, int]
    histogram: list[Bin]


BYTES_PER_TOKEN = 3.42
"""Bytes of Elixir source a token of Tekken (mistral-common's tekken_240911, 131,072 entries),
measured on 566 files of Elixir's own source. An estimate for other languages and tokenizers."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def estimated_tokens(size: int) -> int:
    """Estimate how many tokens a language model sees in `size` bytes of source."""
    return round(size / BYTES_PER_TOKEN)


def share(part: float, whole: float) -> float:
    """Return part of whole to six digits, 0 of nothing."""
    return round(part / whole, 6) if whole else 0.0


def counted(counts: Mapping[str, int], limit: int | None = None) -> list[Count]:
    """List counts with their shares, largest first; `limit` cuts the list, not the shares."""
    whole = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [Count(name=name, count=count, share=share(count, whole)) for name, count in ordered]


def distribution(values: Numbers, counts: Numbers | None = None) -> Distribution:
    """Describe whole numbers: total, mean, quantiles, extremes, and a histogram by doubling.

    `counts` says how often each of the values came, which are then sorted and unique.
    """
    if counts is None:
        values, counts = np.unique(values, return_counts=True)
    if not len(values):
        return {"count": 0, "total": 0, "mean": 0.0, "quantiles": {}, "histogram": []}
    count, total = int(counts.sum()), int(values @ counts)
    named = {f"p{int(q * 100):02d}": _quantile(values, counts, q) for q in QUANTILES}
    return {
        "count": count,
        "total": total,
        "mean": round(total / count, 2),
        "quantiles": {"min": int(values[0]), **named, "max": int(values[-1])},
        "histogram": doubling_histogram(values, counts),
    }


def _quantile(values: Numbers, counts: Numbers, share: float) -> int:
    """Return the least value that so large a share of all values does not exceed.

    The same as NumPy's `inverted_cdf` of the values one by one.
    """
    ends = np.cumsum(counts)
    place = max(math.ceil(int(ends[-1]) * share - 1), 0)
    return int(values[np.searchsorted(ends, place, side="right")])


def doubling_histogram(values: Numbers, counts: Numbers | None = None) -> list[Bin]:
    """Count whole numbers in the ranges 0, 1, 2 to 3, 4 to 7, ...; `to` is exclusive."""
    exponents = np.where(values > 0, np.floor(np.log2(np.maximum(values, 1))), -1).astype(int)
    found = np.bincount(exponents - exponents.min(), weights=counts)
    first = int(exponents.min())
    return [
        {"from": _edge(first + step), "to": _edge(first + step + 1), "count": int(count)}
        for step, count in enumerate(found)
    ]


def _edge(exponent: int) -> int:
    return 0 if exponent < 0 else int(2**exponent)


def even_histogram(values: Values, start: float, stop: float, bins: int) -> list[Bin]:
    """Count numbers in `bins` ranges of equal width; the last one includes `stop`."""
    counts, edges = np.histogram(values, bins=bins, range=(start, stop))
    rounded = [round(float(edge), 4) for edge in edges]
    return [
        {"from": low, "to": high, "count": int(count)}
        for low, high, count in zip(rounded, rounded[1:], counts, strict=False)
    ]


def gini(values: Numbers) -> float:
    """Return the Gini coefficient of non-negative numbers: 0 all equal, towards 1 one has all."""
    ordered = np.sort(values).astype(float)
    total = ordered.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return round(float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * total)), 6)


def herfindahl(values: Numbers) -> float:
    """Return the Herfindahl-Hirschman index: the sum of squared shares, 1 if one has all."""
    total = float(values.sum())
    return round(float(((values / total) ** 2).sum()), 6) if total else 0.0


def total(table: pa.Table, column: str) -> int:
    """Add up a column, 0 for an empty table."""
    return int(pc.sum(table[column]).as_py() or 0)
