"""Held-out loss before and after the stages, and what the second one forgot of the first."""

from collections.abc import Sequence

from train.report.sections.steps import STAGES, measured, stages_of, steps_of
from train.report.sources import Sources, Values

KEPT = ("loss", "bits_per_byte", "targets", "bytes")
NAMES = {1: "documents (stage 1)", 2: "instructions (stage 2)"}


def held_out(sources: Sources) -> list[Values]:
    """Return one row for each held-out set: loss before, after stage 1, after stage 2."""
    rows = [_row(sources, on) for on in STAGES]
    return [row for row in rows if row["before"]]


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


def change(before: Values, after: Values) -> float | None:
    """Return by which share of itself a loss grew."""
    if before["loss"] is None or after["loss"] is None or not before["loss"]:
        return None
    return float(after["loss"] / before["loss"] - 1)


def kept(line: Values) -> Values:
    """Return the figures of a measurement."""
    return {name: line.get(name) for name in KEPT}


def _row(sources: Sources, on: int) -> Values:
    """Return the measurements at the ends of the stages; `after` lists them by stage."""
    ran = [stage for stage in stages_of(sources) if measured(sources, stage, on)]
    every = [line for stage in ran for line in measured(sources, stage, on)]
    after = [
        {"stage": stage, **kept(found[-1]), "change": change(every[0], found[-1])}
        for stage in ran
        if (found := _since_it_began(measured(sources, stage, on)))
    ]
    return {
        "on": on,
        "name": NAMES[on],
        "before": kept(every[0]) if every else None,
        "after": after,
    }


def _since_it_began(found: Sequence[Values]) -> list[Values]:
    return [line for line in found if line["step"] > 0]
