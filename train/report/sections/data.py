"""What the stages read: sources with their tokens, how full the rows are, what was left out."""

from collections.abc import Mapping

from train.report.sources import Sources, Values


def data(sources: Sources) -> list[Values]:
    """Return one entry for each stage and split that run.json tells of."""
    told = sources.run.get("data") or {}
    return [
        _split(stage, split, described)
        for stage, splits in sorted(told.items())
        for split, described in sorted(splits.items())
    ]


def _split(stage: str, split: str, described: Values) -> Values:
    found = described.get("sources") or {}
    passes = described.get("passes") or {}
    total = sum(each.get("tokens") or 0 for each in found.values())
    rows = [
        {
            "name": name,
            "samples": each.get("samples"),
            "tokens": each.get("tokens"),
            "bytes": each.get("bytes"),
            "share": (each.get("tokens") or 0) / total if total else 0.0,
            "passes": passes.get(name),
        }
        for name, each in found.items()
    ]
    return {
        "stage": int(stage.removeprefix("stage")),
        "split": split,
        "sources": sorted(rows, key=lambda row: (-row["share"], row["name"])),
        "tokens": described.get("tokens"),
        "rows": described.get("rows"),
        "fill": described.get("fill"),
        "dropped": _dropped(described.get("dropped") or {}),
    }


def _dropped(told: Mapping[str, Mapping[str, int]]) -> list[Values]:
    """List what was left out, by source and reason, most first."""
    rows = [
        {"source": source, "reason": reason, "count": count}
        for source, reasons in told.items()
        for reason, count in reasons.items()
    ]
    return sorted(rows, key=lambda row: (-row["count"], row["source"], row["reason"]))
