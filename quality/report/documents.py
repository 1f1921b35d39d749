"""Sections about the documents: languages, roles, splits, sizes, licences, and concentration in a
few packages.
"""

from collections import Counter, defaultdict
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.tables import ATTRIBUTION_TABLE, LICENSE_VERDICTS, SPLIT_NAMES
from quality.partial import summed
from quality.report.figures import (
    BYTES_PER_TOKEN,
    Numbers,
    Point,
    Section,
    distribution,
    estimated_tokens,
    gini,
    herfindahl,
    share,
    total,
)
from quality.report.published import Composition, Licenses
from quality.report.sources import Facts, Sources, Tally, tally

CONTEXTS = (1024, 2048, 4096, 8192, 16384, 32768, 131072)
"""In tokens. The last is the context length of Devstral Small."""
EVIDENCE = {
    "verified": "the package or the file declares the licence, and its text is included",
    "declared_only": "the licence is declared, but no licence text was recognised",
    "text_only": "a licence text was recognised, but no declaration could be read",
}
LARGEST = 15
CURVE_POINTS = 20
JOINED = 8
"""Packages of a family that are listed."""


class Estimated(Tally):
    """A tally with the estimated number of tokens for a model."""

    estimated_llm_tokens: int


class Spread(Tally):
    """A tally with the number of packages of the documents."""

    packages: int


def composition(sources: Sources) -> Composition:
    """Return the documents, bytes and tokens by language, role and split."""
    documents = sources.documents
    return {
        "languages": [_estimated(row) for row in tally(documents, "language")],
        "roles": [_estimated(row) for row in tally(documents, "role")],
        "splits": [_split(sources, name) for name in SPLIT_NAMES],
    }


def _estimated(row: Tally) -> Estimated:
    return {**row, "estimated_llm_tokens": estimated_tokens(row["bytes"])}


def _split(sources: Sources, name: str) -> Section:
    documents = sources.documents.filter(pc.equal(sources.documents["split"], name))
    rows = total(documents, "rows")
    return {
        "name": name,
        "documents": rows,
        "share": share(rows, total(sources.documents, "rows")),
        "packages": int(pc.count_distinct(documents["package"]).as_py()),
        "bytes": total(documents, "bytes"),
        "lexical_tokens": total(documents, "tokens"),
        "estimated_llm_tokens": estimated_tokens(total(documents, "bytes")),
        "functions": sources.rows("functions", name),
        "instruct_rows": sources.rows("instruct", name),
        "languages": {row["name"]: row["documents"] for row in tally(documents, "language")},
        "roles": {row["name"]: row["documents"] for row in tally(documents, "role")},
    }


def sizes(sources: Sources) -> Section:
    """Return the distributions of bytes, lines and tokens, and how much fits into each context
    length.
    """
    facts = sources.of(Facts)
    sizes, counts = facts.bytes.arrays()
    estimated = np.rint(sizes / BYTES_PER_TOKEN).astype(np.int64)
    tokens, places = np.unique(estimated, return_inverse=True)
    documents = np.bincount(places, weights=counts).astype(np.int64)
    return {
        "bytes": distribution(sizes, counts),
        "lines": distribution(*facts.lines.arrays()),
        "lexical_tokens": distribution(*facts.tokens.arrays()),
        "estimated_llm_tokens": distribution(tokens, documents),
        "bytes_per_token": BYTES_PER_TOKEN,
        "contexts": [_fit(tokens, documents, context) for context in CONTEXTS],
    }


def _fit(tokens: Numbers, documents: Numbers, context: int) -> Section:
    """Count the documents that fit completely, and the tokens within the first `context` of each.

    `documents` is the number of documents for each entry of `tokens`.
    """
    fitting = int(documents[tokens <= context].sum())
    within = int(np.minimum(tokens, context) @ documents)
    return {
        "context": context,
        "documents": fitting,
        "documents_share": share(fitting, int(documents.sum())),
        "tokens_share": share(within, int(tokens @ documents)),
    }


def licenses(sources: Sources) -> Licenses:
    """Return documents, packages and bytes by expression and by evidence, and the refused archives.

    `own` counts the documents whose licence expression differs from that of their package.
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
        "verdicts": _verdicts(sources),
    }


def _with_packages(documents: pa.Table, column: str) -> list[Spread]:
    counts = documents.group_by(column).aggregate([("package", "count_distinct")])
    packages = dict(
        zip(counts[column].to_pylist(), counts["package_count_distinct"].to_pylist(), strict=True)
    )
    return [{**row, "packages": packages[row["name"]]} for row in tally(documents, column)]


def _own(sources: Sources) -> list[Section]:
    """Count documents by the package's expression and their own, where these differ."""
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


def _verdicts(sources: Sources) -> list[Section]:
    """Count archives by the verdict on their licence."""
    counts = Counter(sources.release.read("licenses", ["verdict"])["verdict"].to_pylist())
    total = counts.total()
    return [
        {"name": name, "archives": counts[name], "share": share(counts[name], total)}
        for name in LICENSE_VERDICTS
    ]


def _refused(sources: Sources) -> list[Section]:
    """Count the refused and quarantined archives by licence expression, evidence and reason."""
    inputs = sources.release.manifest.inputs
    judged = sources.release.read("licenses", ["expression", "evidence", "verdict", "reason"])
    refused = Counter(
        (row["expression"] or "none that could be read", row["evidence"], row["reason"])
        for row in judged.to_pylist()
        if row["verdict"] != "allowed"
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


def concentration(sources: Sources) -> Section:
    """Return the largest packages by bytes, and measures of inequality over all of them."""
    packages = sorted(
        tally(sources.documents, "package"), key=lambda row: (-row["bytes"], row["name"])
    )
    sizes = np.array([row["bytes"] for row in packages], dtype=np.int64)
    index = herfindahl(sizes)
    places = summed(sources.documents, ["package", "split"], [])
    split_of = dict(zip(*(places[name].to_pylist() for name in ("package", "split")), strict=True))
    return {
        "packages": len(packages),
        "gini": gini(sizes),
        "herfindahl": index,
        "effective_packages": round(1 / index, 1) if index else 0.0,
        "largest_share": share(int(sizes[0]), int(sizes.sum())) if len(sizes) else 0.0,
        "largest": [
            {**row, "share": share(row["bytes"], int(sizes.sum())), "split": split_of[row["name"]]}
            for row in packages[:LARGEST]
        ],
        "curve": _lorenz(sizes),
        "families": _families(sources),
    }


class Kin(TypedDict):
    """A package and its family, from the attribution table."""

    package: str
    family: str
    joined_by: str | None
    joined_with: str | None
    joined_share: float | None
    joined_documents: int | None


def _families(sources: Sources) -> Section:
    """Count families of packages; list the largest ones with several packages and why they were
    joined.
    """
    table = sources.release.read(ATTRIBUTION_TABLE.name, list(Kin.__annotations__))
    packages: dict[str, Kin] = {row["package"]: row for row in table.to_pylist() if row["family"]}
    families: defaultdict[str, list[Kin]] = defaultdict(list)
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
            for rows in several[:LARGEST]
        ],
    }


def _telling(rows: list[Kin]) -> list[Kin]:
    """Sort packages joined by shared code before those of one repository, each group by name."""
    return sorted(rows, key=lambda row: (row["joined_by"] != "kinship", row["package"]))


def _joined(row: Kin) -> Section:
    return {
        "package": row["package"],
        "by": row["joined_by"],
        "with": row["joined_with"],
        "share": None if row["joined_share"] is None else round(row["joined_share"], 3),
        "documents": row["joined_documents"],
    }


def _lorenz(sizes: Numbers) -> list[Point]:
    """Return the cumulative share of bytes of the smallest packages, at even steps."""
    if not len(sizes):
        return []
    running = np.concatenate([[0], np.cumsum(np.sort(sizes))])
    places = np.linspace(0, len(sizes), CURVE_POINTS + 1)
    held = np.interp(places, np.arange(len(running)), running)
    return [
        {"packages": share(place, len(sizes)), "bytes": share(part, float(running[-1]))}
        for place, part in zip(places.tolist(), held.tolist(), strict=True)
    ]
