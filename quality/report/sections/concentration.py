"""How much of the corpus comes from how few packages."""

from collections import defaultdict

import numpy as np

from corpus.tables import ATTRIBUTION_TABLE, FAMILY
from quality.report.figures import Numbers, Row, Section, gini, herfindahl, share, tally
from quality.report.sources import Sources

TOP = 15
CURVE_POINTS = 20
JOINED = 8
"""Packages of a family that are told."""
FAMILY_COLUMNS = ["package", *(column.name for column in FAMILY)]


def concentration(sources: Sources) -> Section:
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
        "families": _families(sources),
    }


def _families(sources: Sources) -> Row:
    """Count families of packages, and say of the largest of several why they were joined."""
    table = sources.release.read(ATTRIBUTION_TABLE.name, FAMILY_COLUMNS)
    packages: dict[str, Row] = {row["package"]: row for row in table.to_pylist() if row["family"]}
    families: defaultdict[str, list[Row]] = defaultdict(list)
    for name in sorted(packages):
        families[packages[name]["family"]].append(packages[name])
    several = [rows for rows in families.values() if len(rows) > 1]
    several.sort(key=lambda rows: (-len(rows), str(rows[0]["family"])))
    return {
        "count": len(families),
        "of_several": len(several),
        "by_kinship": sum(row["joined_by"] == "kinship" for rows in several for row in rows),
        "largest": [
            {
                "family": rows[0]["family"],
                "packages": len(rows),
                "joined": [_joined(row) for row in _telling(rows)[:JOINED]],
            }
            for rows in several[:TOP]
        ],
    }


def _telling(rows: list[Row]) -> list[Row]:
    """Put kin first, for whom a number speaks, then those of one repository."""
    return sorted(rows, key=lambda row: (row["joined_by"] != "kinship", row["package"]))


def _joined(row: Row) -> Row:
    return {
        "package": row["package"],
        "by": row["joined_by"],
        "with": row["joined_with"],
        "share": None if row["joined_share"] is None else round(row["joined_share"], 3),
        "documents": row["joined_documents"],
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
