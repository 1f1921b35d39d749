"""Under which licences the documents stand, and how well that is known."""

from collections import Counter
from typing import Any

import pyarrow as pa

from quality.report.figures import Row, share, tally
from quality.report.sources import Sources

EVIDENCE = {
    "verified": "the shipped licence text agrees with the declaration",
    "declared_only": "declared by the package, which ships no licence text",
    "text_only": "recognised from the shipped text; the declaration could not be read",
}


def licenses(sources: Sources) -> dict[str, Any]:
    """Return documents, packages and bytes by expression and by evidence, and what was refused."""
    documents = sources.documents
    return {
        "expressions": _with_packages(documents, "license_expression"),
        "evidence": [
            {**row, "meaning": EVIDENCE.get(str(row["name"]), "")}
            for row in _with_packages(documents, "license_evidence")
        ],
        "refused": _refused(sources),
    }


def _with_packages(documents: pa.Table, column: str) -> list[Row]:
    counts = documents.group_by(column).aggregate([("package", "count_distinct")])
    packages = dict(
        zip(counts[column].to_pylist(), counts["package_count_distinct"].to_pylist(), strict=True)
    )
    return [{**row, "packages": packages[row["name"]]} for row in tally(documents, column)]


def _refused(sources: Sources) -> list[Row]:
    """Count the archives that were refused, by what was found of their licence."""
    inputs = sources.release.manifest.inputs
    refused = Counter(
        (item.license_expression or "none that could be read", str(item.license_evidence))
        for item in inputs
        if not item.kept and item.license_evidence
    )
    ordered = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "expression": expression,
            "evidence": evidence,
            "archives": count,
            "share": share(count, len(inputs)),
        }
        for (expression, evidence), count in ordered
    ]
