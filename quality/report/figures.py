"""Arithmetic that several sections use: counts by value, quantiles, histograms, inequality."""

import math
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Section = Mapping[str, object]
"""A section of report.json, or a part of one, that is written and not used in further computation.
"""
Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Count(TypedDict):
    """The number of occurrences of a value, and its share of all."""

    name: str
    count: int
    share: float


class Point(TypedDict):
    """The share of bytes that a share of the packages holds."""

    packages: float
    bytes: float


class Cause(TypedDict):
    """How many files were left out for a reason, and their share of all."""

    reason: str
    count: int
    share: float


class Passed(TypedDict):
    """The files that a stage received, kept and rejected."""

    stage: str
    files_in: int
    files_out: int
    reasons: list[Cause]


class Files(TypedDict):
    """The files seen, documents kept, and rejects by stage."""

    seen: int
    stages: list[Passed]
    documents: int
    rejected_bytes: dict[str, int]


Bin = TypedDict("Bin", {"from": float, "to": float, "count": int})
"""A column of a histogram. `to` is exclusive, except in the last column of an even histogram."""


class Distribution(TypedDict):
    """A description of whole numbers."""

    count: int
    total: int
    mean: float
    quantiles: dict[str, int]
    histogram: list[Bin]


BYTES_PER_TOKEN = 3.42
"""Bytes of Elixir source per token of Tekken (mistral-common's tekken_240911, 131,072 entries),
measured on 566 files of Elixir's own source. For other languages and tokenizers this is an
estimate.
"""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def estimated_tokens(size: int) -> int:
    """Estimate how many tokens a language model sees in `size` bytes of source."""
    return round(size / BYTES_PER_TOKEN)


def share(part: float, whole: float) -> float:
    """Return `part` divided by `whole`, rounded to six digits; 0 if `whole` is 0."""
    return round(part / whole, 6) if whole else 0.0


def counted(counts: Mapping[str, int], limit: int | None = None) -> list[Count]:
    """List counts with their shares, largest first; `limit` cuts the list, not the shares."""
    whole = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [Count(name=name, count=count, share=share(count, whole)) for name, count in ordered]


def distribution(values: Numbers, counts: Numbers | None = None) -> Distribution:
    """Describe whole numbers: total, mean, quantiles, extremes, and a histogram by doubling.

    With `counts`, the values must be sorted and unique, and each occurs that many times.
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
    """Return the least value that at least this share of all values does not exceed.

    The result is the same as NumPy's `inverted_cdf` on the single values.
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
    """Return the Gini coefficient of non-negative numbers: 0 if all are equal, near 1 if one has
    all.
    """
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
