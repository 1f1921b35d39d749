"""Changes since the parent version, if its folder is beside this one."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from corpus.release import MalformedManifest, NotARelease, Parent, Release
from corpus.tables import SPLIT_NAMES
from quality.lookup import Lookup, among, read_lookup
from quality.partial import worked_out
from quality.report.figures import Section
from quality.report.sources import BATCH_ROWS, STAGE, Sources

COLUMNS = ["package", "version", "bytes", "tokens"]
LISTED = 20


@dataclass(frozen=True, slots=True)
class Contents:
    """Compared values of a release: sums, versions by package, and splits by content."""

    release: Release
    sums: dict[str, int]
    versions: dict[str, str]
    places: Lookup


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
    # This runs as a task, so that the lookups of both releases take no memory in this process.
    sides = [(before.path, sources.release.path)]
    return next(worked_out(sources.executor, STAGE, _compare, sides, sources.release.path))


def _compare(sides: tuple[Path, Path]) -> Section:
    old, new = (_contents(Release.open(path)) for path in sides)
    return {
        "compared": True,
        "parent": old.release.manifest.version,
        "figures": _figures(old, new),
        "documents": _documents(old, new),
        "packages": _packages(old, new),
        "moved": _moved(old, new),
    }


def find_parent(release: Release, parent: Parent) -> Release | None:
    """Open the parent's folder beside a release; None if it is absent or holds another release."""
    try:
        found = Release.open(release.path.resolve().parent / parent.version)
    except (NotARelease, MalformedManifest):
        return None
    return found if found.identity == parent.identity else None


def _contents(release: Release) -> Contents:
    sums = {"documents": 0, "bytes": 0, "tokens": 0}
    versions: dict[str, str] = {}
    for batch in release.batches("documents", COLUMNS, None, BATCH_ROWS):
        versions.update(zip(*(batch[n].to_pylist() for n in ("package", "version")), strict=True))
        sums["documents"] += len(batch)
        for name in ("bytes", "tokens"):
            sums[name] += int(pc.sum(batch[name]).as_py() or 0)
    return Contents(release, sums, versions, read_lookup(release, "content_id"))


def _figures(old: Contents, new: Contents) -> list[Section]:
    pairs = {
        "files seen": tuple(side.release.manifest.files_seen for side in (old, new)),
        "documents": (old.sums["documents"], new.sums["documents"]),
        "packages": (len(old.versions), len(new.versions)),
        "bytes": (old.sums["bytes"], new.sums["bytes"]),
        "lexical tokens": (old.sums["tokens"], new.sums["tokens"]),
        "functions": tuple(_rows(side.release, "functions") for side in (old, new)),
        "instruction rows": tuple(_rows(side.release, "instruct") for side in (old, new)),
    }
    return [
        {"name": name, "before": was, "now": now, "change": now - was}
        for name, (was, now) in pairs.items()
    ]


def _rows(release: Release, config: str) -> int:
    return sum(shard.rows for shard in release.shards(config))


def _documents(old: Contents, new: Contents) -> Section:
    kept, stayed = _shared(new, old), _shared(old, new)
    return {
        "kept": kept,
        "added": new.sums["documents"] - kept,
        "removed": old.sums["documents"] - stayed,
    }


def _shared(contents: Contents, others: Contents) -> int:
    return int((among(contents.places.keys, others.places.keys) >= 0).sum())


def _packages(old: Contents, new: Contents) -> Section:
    was, now = old.versions, new.versions
    updated = sorted(name for name in was.keys() & now.keys() if was[name] != now[name])
    return {
        "added": _listed(sorted(now.keys() - was.keys())),
        "removed": _listed(sorted(was.keys() - now.keys())),
        "updated": _listed(updated),
    }


def _listed(names: list[str]) -> Section:
    return {"count": len(names), "first": names[:LISTED]}


def _moved(old: Contents, new: Contents) -> list[Section]:
    """Count documents whose split changed, since this affects scores across versions.

    A document that moved from a held-out split to training cannot test a model trained on this
    version.
    """
    found = among(new.places.keys, old.places.keys)
    was, now = old.places.codes[found[found >= 0]], new.places.codes[found >= 0]
    counts = Counter(zip(was.tolist(), now.tolist(), strict=True))
    return [
        {"before": before, "now": after, "documents": counts[one, other]}
        for one, before in enumerate(SPLIT_NAMES)
        for other, after in enumerate(SPLIT_NAMES)
        if one != other and counts[one, other]
    ]
