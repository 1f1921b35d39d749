"""Under which licences the text stands that a run was trained on."""

from collections import Counter
from dataclasses import dataclass

from corpus.release import Release

UNKNOWN = "none stated"


@dataclass(frozen=True, slots=True)
class LicenceCount:
    """What of the training split stands under one licence expression."""

    expression: str
    """SPDX."""
    documents: int
    packages: int
    instructions: int


def licences_of(release: Release) -> list[LicenceCount]:
    """Count the training split of a release by licence, most documents first.

    Copyright lines and texts stand in the release's attribution.parquet. Raises OSError and
    pyarrow.ArrowException for shards that cannot be read.
    """
    documents: Counter[str] = Counter()
    instructions: Counter[str] = Counter()
    packages: dict[str, set[str]] = {}
    for batch in release.batches("documents", ("license_expression", "package"), "train"):
        for row in batch.to_pylist():
            expression = row["license_expression"] or UNKNOWN
            documents[expression] += 1
            packages.setdefault(expression, set()).add(row["package"])
    for batch in release.batches("instruct", ("license_expression",), "train"):
        found = batch.column("license_expression").to_pylist()
        instructions.update(expression or UNKNOWN for expression in found)
    expressions = sorted(
        documents.keys() | instructions.keys(), key=lambda each: (-documents[each], each)
    )
    return [
        LicenceCount(each, documents[each], len(packages.get(each, ())), instructions[each])
        for each in expressions
    ]
