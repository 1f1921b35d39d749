"""What changed since the parent version, where its folder lies beside this one."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import NotARelease, Parent, Release
from corpus.release.manifest import MalformedManifest
from corpus.schema import SPLIT_NAMES
from quality.report.figures import Row
from quality.report.sources import Sources

COLUMNS = ["content_id", "package", "version", "license_expression", "bytes", "tokens", "split"]
LISTED = 20


def drift(sources: Sources) -> dict[str, Any]:
    """Compare with the parent; `compared` is False with the reason where there is none to read."""
    parent = sources.release.manifest.parent
    if parent is None:
        return {"compared": False, "why": "This is the first version."}
    before = find_parent(sources.release, parent)
    if before is None:
        why = f"The folder of {parent.version} was not beside this one when the report was written."
        return {"compared": False, "why": why}
    old, new = before.read("documents", COLUMNS), sources.documents
    return {
        "compared": True,
        "parent": parent.version,
        "figures": list(_figures(before, old, sources)),
        "documents": _documents(old, new),
        "packages": _packages(old, new),
        "moved": _moved(old, new),
    }


def find_parent(release: Release, parent: Parent) -> Release | None:
    """Open the parent's folder beside a release; None if it is absent or another release's."""
    try:
        found = Release.open(release.path.resolve().parent / parent.version)
    except (NotARelease, MalformedManifest):
        return None
    return found if found.identity == parent.identity else None


def _figures(before: Release, old: pa.Table, sources: Sources) -> list[Row]:
    new, release = sources.documents, sources.release
    pairs = {
        "files seen": (before.manifest.files_seen, release.manifest.files_seen),
        "documents": (old.num_rows, new.num_rows),
        "packages": tuple(len(set(table["package"].to_pylist())) for table in (old, new)),
        "bytes": tuple(int(pc.sum(table["bytes"]).as_py() or 0) for table in (old, new)),
        "lexical tokens": tuple(int(pc.sum(table["tokens"]).as_py() or 0) for table in (old, new)),
        "functions": tuple(_rows(item, "functions") for item in (before, release)),
        "instruction rows": tuple(_rows(item, "instruct") for item in (before, release)),
    }
    return [
        {"name": name, "before": was, "now": now, "change": now - was}
        for name, (was, now) in pairs.items()
    ]


def _rows(release: Release, config: str) -> int:
    return sum(shard.rows for shard in release.shards(config))


def _documents(old: pa.Table, new: pa.Table) -> Row:
    kept = _shared(new, old)
    return {"kept": kept, "added": new.num_rows - kept, "removed": old.num_rows - _shared(old, new)}


def _shared(table: pa.Table, other: pa.Table) -> int:
    within = pc.is_in(table["content_id"], value_set=other["content_id"].combine_chunks())
    return int(pc.sum(within).as_py() or 0)


def _packages(old: pa.Table, new: pa.Table) -> Row:
    was, now = (
        dict(zip(table["package"].to_pylist(), table["version"].to_pylist(), strict=True))
        for table in (old, new)
    )
    updated = sorted(name for name in was.keys() & now.keys() if was[name] != now[name])
    return {
        "added": _listed(sorted(now.keys() - was.keys())),
        "removed": _listed(sorted(was.keys() - now.keys())),
        "updated": _listed(updated),
    }


def _listed(names: list[str]) -> Row:
    return {"count": len(names), "first": names[:LISTED]}


def _moved(old: pa.Table, new: pa.Table) -> list[Row]:
    """Count documents that are in another split now: scores of models across versions depend on it.

    What was held out and is trained on now cannot test a model that was trained on this version.
    """
    places = pc.index_in(new["content_id"], value_set=old["content_id"].combine_chunks())
    was = old["split"].take(places.drop_null())
    now = new["split"].filter(pc.is_valid(places))
    pairs = list(zip(was.to_pylist(), now.to_pylist(), strict=True))
    return [
        {"before": before, "now": after, "documents": pairs.count((before, after))}
        for before in SPLIT_NAMES
        for after in SPLIT_NAMES
        if before != after and (before, after) in set(pairs)
    ]
