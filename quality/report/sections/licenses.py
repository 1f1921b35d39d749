"""Under which licences the documents stand, and how well that is known."""

from collections import Counter

import pyarrow as pa

from corpus.tables import ATTRIBUTION_TABLE
from quality.report.figures import Row, Section, share, tally
from quality.report.sources import Sources

EVIDENCE = {
    "verified": "declared by the package or the file, and the licence's text is shipped",
    "declared_only": "declared, without a licence text that is recognised",
    "text_only": "recognised from a licence text; nothing that could be read declares it",
}


def licenses(sources: Sources) -> Section:
    """Return documents, packages and bytes by expression and by evidence, and what was refused.

    `own` counts the documents whose file is under another expression than its package.
    """
    documents = sources.documents
    return {
        "expressions": _with_packages(documents, "license_expression"),
        "evidence": [
            {**row, "meaning": EVIDENCE.get(str(row["name"]), "")}
            for row in _with_packages(documents, "license_evidence")
        ],
        "own": _own(sources),
        "refused": _refused(sources),
    }


def _with_packages(documents: pa.Table, column: str) -> list[Row]:
    counts = documents.group_by(column).aggregate([("package", "count_distinct")])
    packages = dict(
        zip(counts[column].to_pylist(), counts["package_count_distinct"].to_pylist(), strict=True)
    )
    return [{**row, "packages": packages[row["name"]]} for row in tally(documents, column)]


def _own(sources: Sources) -> list[Row]:
    """Count documents by the expression of their package and their own, where these differ."""
    columns = ["license_expression", "document_licenses"]
    counts: Counter[tuple[str, str]] = Counter()
    for row in sources.release.read(ATTRIBUTION_TABLE.name, columns).to_pylist():
        package = row["license_expression"] or "none that could be read"
        for each in row["document_licenses"]:
            if each["expression"] != package:
                counts[package, str(each["expression"])] += each["documents"]
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"package": package, "expression": expression, "documents": count}
        for (package, expression), count in ordered
    ]


def _refused(sources: Sources) -> list[Row]:
    """Count the archives that were refused, by what was found of their licence, and why."""
    inputs = sources.release.manifest.inputs
    reasons = sources.license_reasons()
    refused = Counter(
        (
            item.license_expression or "none that could be read",
            str(item.license_evidence),
            reasons.get(item.sha256, "license_unknown"),
        )
        for item in inputs
        if not item.kept and item.license_evidence
    )
    ordered = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "expression": expression,
            "evidence": evidence,
            "reason": reason,
            "archives": count,
            "share": share(count, len(inputs)),
        }
        for (expression, evidence, reason), count in ordered
    ]
