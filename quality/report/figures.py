"""Arithmetic that several sections need: counts by value, quantiles, histograms, inequality."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]
"""A row of a section, to be sorted and shown by what it has."""
Section = dict[str, object]
"""A section of report.json: what is told, and no more reckoned with."""
Numbers = npt.NDArray[Any]

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


def tally(table: pa.Table, column: str, sums: Sequence[str] = ("bytes", "tokens")) -> list[Row]:
    """Count documents and add up `sums` by the values of a column, most documents first."""
    grouped = table.group_by(column).aggregate(
        [([], "count_all"), *((name, "sum") for name in sums)]
    )
    rows = [
        {
            "name": row[column],
            "documents": row["count_all"],
            "share": share(row["count_all"], table.num_rows),
            **{name: row[f"{name}_sum"] for name in sums},
        }
        for row in grouped.to_pylist()
    ]
    return sorted(rows, key=lambda row: (-row["documents"], str(row["name"])))


def counted(counts: Mapping[str, int], limit: int | None = None) -> list[Row]:
    """List counts with their shares, largest first; `limit` cuts the list, not the shares."""
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [{"name": name, "count": count, "share": share(count, total)} for name, count in ordered]


def distribution(values: Numbers) -> Row:
    """Describe whole numbers: total, mean, quantiles, extremes, and a histogram by doubling."""
    if not len(values):
        return {"count": 0, "total": 0, "mean": 0.0, "quantiles": {}, "histogram": []}
    quantiles = np.quantile(values, QUANTILES, method="inverted_cdf")
    named = {f"p{int(q * 100):02d}": int(v) for q, v in zip(QUANTILES, quantiles, strict=True)}
    return {
        "count": len(values),
        "total": int(values.sum()),
        "mean": round(float(values.mean()), 2),
        "quantiles": {"min": int(values.min()), **named, "max": int(values.max())},
        "histogram": doubling_histogram(values),
    }


def doubling_histogram(values: Numbers) -> list[Row]:
    """Count whole numbers in the ranges 0, 1, 2 to 3, 4 to 7, ...; `to` is exclusive."""
    exponents = np.where(values > 0, np.floor(np.log2(np.maximum(values, 1))), -1).astype(int)
    counts = np.bincount(exponents - exponents.min())
    first = int(exponents.min())
    return [
        {"from": _edge(first + step), "to": _edge(first + step + 1), "count": int(count)}
        for step, count in enumerate(counts)
    ]


def _edge(exponent: int) -> int:
    return 0 if exponent < 0 else int(2**exponent)


def even_histogram(values: Numbers, start: float, stop: float, bins: int) -> list[Row]:
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


def first_by(rows: Iterable[Row], key: str) -> Row | None:
    """Return the row with the smallest value under `key`: a choice that any machine repeats."""
    return min(rows, key=lambda row: str(row[key]), default=None)
