"""What the run took: steps, tokens, time, memory, and how much of the device it used."""

from train.report.sections.steps import stages_of, steps_of
from train.report.sources import Sources, Values
from train.throughput import utilization

EDGE = 20
"""Losses at the beginning and the end of a stage are means of this fraction of its steps."""


def speed(sources: Sources) -> Values:
    """Return totals over all steps, and by stage."""
    return {
        **_totals(sources, None),
        "stages": [_stage(sources, stage) for stage in stages_of(sources)],
    }


def _stage(sources: Sources, stage: int) -> Values:
    losses = [line["loss"] for line in steps_of(sources, stage) if line["loss"] is not None]
    some = max(1, len(losses) // EDGE)
    return {
        "stage": stage,
        **_totals(sources, stage),
        "is_complete": is_complete(sources, stage),
        "first_loss": sum(losses[:some]) / some if losses else None,
        "last_loss": sum(losses[-some:]) / some if losses else None,
    }


def is_complete(sources: Sources, stage: int) -> bool:
    """Tell whether a stage took all the steps that it announced."""
    announced = [
        line["steps"]
        for line in sources.lines
        if line["kind"] == "event" and line["stage"] == stage and line.get("steps")
    ]
    return not announced or steps_of(sources, stage)[-1]["step"] >= announced[-1]


def _totals(sources: Sources, stage: int | None) -> Values:
    steps = steps_of(sources, stage)
    seconds = sum(line["seconds"] for line in steps)
    tokens = sum(line["tokens"] for line in steps)
    waited = [line["waited"] for line in steps if line.get("waited") is not None]
    return {
        "steps": len(steps),
        "epochs": steps[-1].get("epoch") if steps else None,
        "tokens": tokens,
        "targets": sum(line.get("targets") or 0 for line in steps),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds if seconds else None,
        "waited": sum(waited) / seconds if waited and seconds else None,
        "memory": max((line.get("memory") or 0 for line in steps), default=0) or None,
        "utilisation": _utilisation(sources, steps, seconds),
    }


def _utilisation(sources: Sources, steps: list[Values], seconds: float) -> float | None:
    peak = peak_of(sources)
    flops = sum(line.get("flops") or 0.0 for line in steps)
    return utilization(flops, seconds, peak) if peak and flops and seconds else None


def peak_of(sources: Sources) -> float | None:
    """Return the peak FLOP/s of all devices together, if run.json tells it."""
    device = sources.run.get("device") or {}
    peak = device.get("peak_flops")
    return peak * (device.get("count") or 1) if peak else None
