"""Changes since the parent version, if its folder is beside this one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from corpus.comparison import Comparison, PackageChange, compare
from corpus.release import MalformedManifest, NotARelease, Parent, Release
from corpus.tables import SPLIT_NAMES
from quality.partial import worked_out
from quality.report.figures import Section
from quality.report.sources import STAGE, Sources

LISTED = 20


def drift(sources: Sources) -> Section:
    """Compare with the parent; if there is none to read, `compared` is False and `why` gives the
    reason.
    """
    parent = sources.release.manifest.parent
    if parent is None:
        return {"compared": False, "why": "This is the first version."}
    before = find_parent(sources.release, parent)
    if before is None:
        why = (
            f"The folder of {parent.version} was not beside this release when the report was "
            "written."
        )
        return {"compared": False, "why": why}
    # This runs as a task, so that the comparison takes no memory in this process.
    sides = [(before.path, sources.release.path)]
    return next(worked_out(sources.executor, STAGE, _compare, sides, sources.release.path))


def _compare(sides: tuple[Path, Path]) -> Section:
    old, new = map(Release.open, sides)
    return told(compare(old, new), old, new)


def told(found: Comparison, old: Release, new: Release) -> Section:
    """Return what the report tells of a comparison."""
    documents = next(table for table in found.tables if table.table == "documents")
    return {
        "compared": True,
        "parent": old.manifest.version,
        "figures": _figures(found, old, new),
        "documents": {
            "kept": documents.kept,
            "added": documents.added,
            "removed": documents.removed,
        },
        "packages": {
            "added": _listed(found.packages_added),
            "removed": _listed(found.packages_removed),
            "updated": _listed(found.packages_changed),
        },
        "moved": _moved(found),
        "notes": found.notes,
        "tables": [asdict(table) for table in found.tables],
        "causes": {
            "added": [asdict(cause) for cause in found.documents_added],
            "removed": [asdict(cause) for cause in found.documents_removed],
            "moved": [asdict(move) for move in found.documents_moved],
        },
        "licenses": [asdict(figure) for figure in found.licenses],
        "evidence": [asdict(figure) for figure in found.evidence],
        "relicensed": [asdict(each) for each in found.relicensed],
        "tokens": [asdict(figure) for figure in found.tokens],
        "rejects": [asdict(figure) for figure in found.rejects],
    }


def find_parent(release: Release, parent: Parent) -> Release | None:
    """Open the parent's folder beside a release; None if it is absent or holds another release."""
    try:
        found = Release.open(release.path.resolve().parent / parent.version)
    except (NotARelease, MalformedManifest):
        return None
    return found if found.identity == parent.identity else None


def _figures(found: Comparison, old: Release, new: Release) -> list[Section]:
    rows = {table.table: (table.before, table.now) for table in found.tables}
    tokens = next((each for each in found.tokens if each.name == "all"), None)
    pairs = {
        "files seen": (old.manifest.files_seen, new.manifest.files_seen),
        "documents": rows["documents"],
        "packages": (found.packages_before, found.packages_now),
        "bytes": (found.bytes.before, found.bytes.now),
        "lexical tokens": (tokens.before, tokens.now) if tokens else (0, 0),
        "functions": rows["functions"],
        "instruction rows": rows["instruct"],
    }
    return [
        {"name": name, "before": was, "now": now, "change": now - was}
        for name, (was, now) in pairs.items()
    ]


def _listed(packages: Sequence[PackageChange]) -> Section:
    names = [each.package for each in packages]
    return {"count": len(names), "first": names[:LISTED]}


def _moved(found: Comparison) -> list[Section]:
    """Count documents whose split changed, since this affects scores across versions.

    A document that moved from a held-out split to training cannot test a model trained on this
    version.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for move in found.documents_moved:
        counts[move.before, move.now] += move.documents
    return [
        {"before": before, "now": after, "documents": counts[before, after]}
        for before in SPLIT_NAMES
        for after in SPLIT_NAMES
        if counts[before, after]
    ]
