"""The lines of metrics by stage, as several sections read them."""

from train.report.sources import Sources, Values

STAGES = (1, 2)


def steps_of(sources: Sources, stage: int | None = None) -> list[Values]:
    """Return the lines of steps, of one stage or of all, in the order of the run."""
    return [
        line for line in sources.lines if line["kind"] == "step" and stage in (None, line["stage"])
    ]


def stages_of(sources: Sources) -> list[int]:
    """Return the stages that have steps."""
    return [stage for stage in STAGES if steps_of(sources, stage)]


def selected(sources: Sources) -> list[Values]:
    """Return of each stage where held-out loss decided: the step whose weights it ended with
    (`taken`), the best one with its `loss`, `by` which rows, its `steps` and those `planned`.
    """
    told = ("stage", "taken", "best", "loss", "by", "steps", "planned")
    return [
        {name: line[name] for name in told}
        for line in sources.lines
        if line["kind"] == "event" and line["name"] == "selected"
    ]


def measured(sources: Sources, stage: int, on: int) -> list[Values]:
    """Return the measurements that a stage made on the held-out rows of a stage."""
    return [
        line
        for line in sources.lines
        if line["kind"] == "held_out"
        and line["stage"] == stage
        and line["measured_on"] == f"stage{on}"
    ]
