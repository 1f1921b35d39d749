"""What became of every archive and every file that was seen."""

from collections import Counter

import pyarrow.compute as pc

from quality.report.figures import Row, Section, share
from quality.report.sources import Sources


def funnel(sources: Sources) -> Section:
    """Return archives and files from seen to kept, with a count for every reason between."""
    return {"archives": _archives(sources), "files": _files(sources)}


def _archives(sources: Sources) -> Row:
    """Count archives; one refused for its licence has no reject of its own, but its files do."""
    manifest = sources.release.manifest
    rejected = _reasons(sources)
    told = sources.license_reasons()
    refused = [item for item in manifest.inputs if not item.kept and item.license_evidence]
    rejected.update(("license", told.get(item.sha256, "license_unknown")) for item in refused)
    kept = sum(item.kept for item in manifest.inputs)
    used = len(pc.unique(sources.documents["package"]))
    return {
        "seen": manifest.archives_seen,
        "reasons": _listed(rejected, manifest.archives_seen),
        "kept": kept,
        "packages_with_documents": used,
    }


def _reasons(sources: Sources) -> Counter[tuple[str, str]]:
    rows = sources.rejected_archives.to_pylist()
    return Counter((row["stage"], row["reason"]) for row in rows)


def _listed(counts: Counter[tuple[str, str]], seen: int) -> list[Row]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"stage": stage, "reason": reason, "count": count, "share": share(count, seen)}
        for (stage, reason), count in ordered
    ]


def _files(sources: Sources) -> Row:
    manifest = sources.release.manifest
    return {
        "seen": manifest.files_seen,
        "stages": [
            {
                "stage": stage.stage,
                "files_in": stage.files_in,
                "files_out": stage.files_out,
                "reasons": [
                    {"reason": reason, "count": count, "share": share(count, manifest.files_seen)}
                    for reason, count in sorted(
                        stage.reasons.items(), key=lambda item: (-item[1], item[0])
                    )
                ],
            }
            for stage in manifest.stages
        ],
        "documents": sources.documents.num_rows,
        "rejected_bytes": _bytes_by_reason(sources),
    }


def _bytes_by_reason(sources: Sources) -> dict[str, int]:
    grouped = sources.rejected_files.group_by("reason").aggregate([("bytes", "sum")])
    pairs = zip(grouped["reason"].to_pylist(), grouped["bytes_sum"].to_pylist(), strict=True)
    return {reason: size or 0 for reason, size in sorted(pairs)}
