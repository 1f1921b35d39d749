"""The sections of the report but curves and evaluation: from the files of a run to plain values."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from corpus.untrusted import parse_object
from train.checkpoint import checkpoint_folders
from train.duration import utilization
from train.progress import Line
from train.report.run_files import (
    RECIPE,
    STAGES,
    WEIGHTS,
    Sources,
    Values,
    measured,
    peak_of,
    stages_of,
    steps_of,
)

ADAPTER = ("rank", "alpha", "dropout", "targets", "rslora", "dora")
EDGE = 20
"""Losses at the beginning and the end of a stage are means of this fraction of its steps."""
KEPT = ("loss", "bits_per_byte", "targets", "bytes")
NAMES = {1: "documents (stage 1)", 2: "instructions (stage 2)"}


def identity(sources: Sources) -> Values:
    """Return what names the run; what its files do not tell is None."""
    run, recipe = sources.run, sources.recipe
    release, model, device = (run.get(name) or {} for name in ("release", "model", "device"))
    settings, adapter = recipe.get("model") or {}, recipe.get("adapter") or {}
    return {
        "name": sources.folder.absolute().name,
        "release": {name: release.get(name) for name in ("version", "sha256")},
        "model": {
            "name": model.get("name") or settings.get("name"),
            "revision": model.get("revision") or settings.get("revision") or None,
            "architecture": model.get("architecture"),
            "parameters": model.get("parameters"),
            "trained": model.get("trained"),
            "quantization": settings.get("quantization"),
        },
        "adapter": {name: adapter.get(name) for name in ADAPTER} if adapter else {},
        "weights_sha256": sources.digests.get(WEIGHTS),
        "recipe_sha256": sources.digests.get(RECIPE),
        "recipe": list(dotted(recipe)),
        "device": {name: device.get(name) for name in ("name", "count", "peak_flops")},
        "chats": run.get("chats") or [],
        "world_size": run.get("world_size"),
        "tools": dict(sorted((run.get("tools") or {}).items())),
    }


def dotted(settings: Mapping[str, object], above: str = "") -> Iterator[Values]:
    """Yield every field of nested settings by its dotted name, in order."""
    for name, value in sorted(settings.items()):
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{above}{name}.")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield {"name": f"{above}{name}", "value": "" if value in ({}, None) else shown}


def speed(sources: Sources) -> Values:
    """Return totals over all steps, and by stage with the losses at its ends."""
    stages = []
    for stage in stages_of(sources):
        steps = steps_of(sources, stage)
        losses = [line["loss"] for line in steps if line["loss"] is not None]
        some = max(1, len(losses) // EDGE)
        announced = [
            line["steps"]
            for line in sources.lines
            if line["kind"] == "event" and line["stage"] == stage and line.get("steps")
        ]
        stages.append(
            {
                "stage": stage,
                **_totals(sources, steps),
                "is_complete": not announced or steps[-1]["step"] >= announced[-1],
                "first_loss": sum(losses[:some]) / some if losses else None,
                "last_loss": sum(losses[-some:]) / some if losses else None,
            }
        )
    return {**_totals(sources, steps_of(sources)), "stages": stages}


def _totals(sources: Sources, steps: Sequence[Line]) -> Values:
    seconds = sum(line["seconds"] for line in steps)
    tokens = sum(line["tokens"] for line in steps)
    flops = sum(line.get("flops") or 0.0 for line in steps)
    waited = [line["waited"] for line in steps if line.get("waited") is not None]
    peak = peak_of(sources)
    return {
        "steps": len(steps),
        "epochs": steps[-1].get("epoch") if steps else None,
        "tokens": tokens,
        "targets": sum(line.get("targets") or 0 for line in steps),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds if seconds else None,
        "waited": sum(waited) / seconds if waited and seconds else None,
        "memory": max((line.get("memory") or 0 for line in steps), default=0) or None,
        "utilisation": utilization(flops, seconds, peak) if peak and flops and seconds else None,
    }


def held_out(sources: Sources) -> list[Values]:
    """Return one row for each held-out set: loss before, after stage 1, after stage 2."""
    rows = []
    for on in STAGES:
        found = {stage: measured(sources, stage, on) for stage in stages_of(sources)}
        every = [line for lines in found.values() for line in lines]
        after = [
            {"stage": stage, **kept(lines[-1]), "change": change(every[0], lines[-1])}
            for stage, lines in found.items()
            if any(line["step"] > 0 for line in lines)
        ]
        if every:
            row = {"on": on, "name": NAMES[on], "before": kept(every[0]), "after": after}
            rows.append(row)
    return rows


def elastic(sources: Sources) -> Values | None:
    """Return stage-1 loss before and after stage 2, with the penalty that held it, if measured."""
    found = measured(sources, 2, 1)
    if len(found) < 2:
        return None
    strength = (sources.recipe.get("elastic") or {}).get("strength")
    penalties = [line.get("penalty") or 0.0 for line in steps_of(sources, 2)]
    seen = [line for line in sources.lines if line.get("name") == "fisher_rows"]
    return {
        "strength": strength,
        "before": kept(found[0]),
        "after": kept(found[-1]),
        "change": change(found[0], found[-1]),
        "on_fisher_rows": change(seen[0], seen[-1]) if len(seen) > 1 else None,
        "penalty": penalties[-1] if penalties else None,
        "largest_penalty": max(penalties, default=None),
    }


def samples(sources: Sources) -> list[Values]:
    """Return the prompts that were answered as the model learned, each with its answers in order.

    An answer that is the one before it again is counted, not repeated.
    """
    found: dict[tuple[int, str], list[Values]] = {}
    for line in sources.samples:
        told = found.setdefault((line["number"], line["question"]), [])
        if told and told[-1]["answer"] == line["answer"]:
            told[-1]["again"] += 1
        else:
            told.append({name: line[name] for name in ("stage", "step", "answer")} | {"again": 0})
    return [{"question": question, "answers": told} for (_, question), told in found.items()]


def change(before: Line, after: Line) -> float | None:
    """Return by which share of itself a loss grew."""
    if before["loss"] is None or after["loss"] is None or not before["loss"]:
        return None
    return float(after["loss"] / before["loss"] - 1)


def kept(line: Line) -> Values:
    """Return the figures of a measurement."""
    return {name: line.get(name) for name in KEPT}


def data(sources: Sources) -> list[Values]:
    """Return one entry for each stage and split that run.json tells of."""
    told = sources.run.get("data") or {}
    return [
        {
            "stage": int(stage.removeprefix("stage")),
            "split": split,
            "sources": _read(described),
            "tokens": described.get("tokens"),
            "rows": described.get("rows"),
            "fill": described.get("fill"),
            "dropped": _dropped(described),
        }
        for stage, splits in sorted(told.items())
        for split, described in sorted(splits.items())
    ]


def _read(described: Values) -> list[Values]:
    """List what was read, by source, most first."""
    found = described.get("sources") or {}
    passes = described.get("passes") or {}
    total = sum(each.get("tokens") or 0 for each in found.values())
    rows = [
        {
            "name": name,
            **{figure: each.get(figure) for figure in ("samples", "tokens", "bytes")},
            "share": (each.get("tokens") or 0) / total if total else 0.0,
            "passes": passes.get(name),
        }
        for name, each in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["share"], row["name"]))


def _dropped(described: Values) -> list[Values]:
    """List what was left out, by source and reason, most first."""
    rows = [
        {"source": source, "reason": reason, "count": count}
        for source, reasons in (described.get("dropped") or {}).items()
        for reason, count in reasons.items()
    ]
    return sorted(rows, key=lambda row: (-row["count"], row["source"], row["reason"]))


def checkpoints(sources: Sources) -> Values:
    """Return the checkpoints that lie there, how many were written, and the resumes."""
    events = [line for line in sources.lines if line["kind"] == "event"]
    folders = checkpoint_folders(sources.folder / "checkpoints")
    return {
        "kept": [_checkpoint(path) for path in sorted(folders)],
        "written": sum(line["name"] == "checkpoint" for line in events),
        "resumes": [
            {"stage": line["stage"], "step": line["step"]}
            for line in events
            if line["name"] == "resumed"
        ],
        "skipped": [str(line.get("why")) for line in events if line["name"] == "skipped"],
    }


def _checkpoint(path: Path) -> Values:
    """Return name, files and bytes; nothing is verified, which resuming does."""
    try:
        files = parse_object((path / "manifest.json").read_bytes())["files"]
        size = sum(each["bytes"] for each in files.values())
        return {"name": path.name, "files": len(files), "bytes": size}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"name": path.name, "files": None, "bytes": None}
