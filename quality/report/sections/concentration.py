"""How much of the corpus comes from how few packages."""

from typing import Any

import numpy as np

from quality.report.figures import Numbers, Row, gini, herfindahl, share, tally
from quality.report.sources import Sources

TOP = 15
CURVE_POINTS = 20


def concentration(sources: Sources) -> dict[str, Any]:
    """Return the largest packages by bytes, and measures of inequality over all of them."""
    packages = sorted(
        tally(sources.documents, "package"), key=lambda row: (-row["bytes"], row["name"])
    )
    sizes = np.array([row["bytes"] for row in packages], dtype=np.int64)
    index = herfindahl(sizes)
    places = sources.documents.group_by(["package", "split"], use_threads=False).aggregate([])
    split_of = dict(zip(*(places[name].to_pylist() for name in ("package", "split")), strict=True))
    return {
        "packages": len(packages),
        "gini": gini(sizes),
        "herfindahl": index,
        "effective_packages": round(1 / index, 1) if index else 0.0,
        "largest_share": share(int(sizes[0]), int(sizes.sum())) if len(sizes) else 0.0,
        "largest": [
            {**row, "share": share(row["bytes"], int(sizes.sum())), "split": split_of[row["name"]]}
            for row in packages[:TOP]
        ],
        "curve": _lorenz(sizes),
    }


def _lorenz(sizes: Numbers) -> list[Row]:
    """Return what share of bytes the smallest packages hold together, at even steps."""
    if not len(sizes):
        return []
    running = np.concatenate([[0], np.cumsum(np.sort(sizes))])
    places = np.linspace(0, len(sizes), CURVE_POINTS + 1)
    held = np.interp(places, np.arange(len(running)), running)
    return [
        {"packages": share(place, len(sizes)), "bytes": share(part, float(running[-1]))}
        for place, part in zip(places.tolist(), held.tolist(), strict=True)
    ]
