"""What a run tells while it goes: lines of metrics, shown, kept and sent on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from train.loop.processes import Processes
from train.loop.run import peak_memory
from train.options import to_mapping
from train.recipe import Recipe
from train.telemetry import (
    Metrics,
    Note,
    TrackedMetrics,
    open_tracker,
    read_metrics,
    training_progress,
)

METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"


class Journal:
    """Hands every line to the file, to the terminal and to a tracker; without a file to nobody."""

    def __init__(
        self,
        metrics: Metrics | None,
        samples: Metrics | None,
        shown: Note,
        track: Callable[[], Note | None],
        complete: Callable[[Mapping[str, Any]], dict[str, Any]],
    ) -> None:
        self.metrics = metrics
        self.samples = samples
        self.shown = shown
        self.track = track
        self.complete = complete
        self.tracked: Note | None = None

    def begin(self, stage: int, step: int) -> None:
        """Forget what came after a step, which is taken again. (0, 0) forgets all."""
        if self.metrics is not None and self.samples is not None:
            self.samples.truncate_to(stage, step)
            self.metrics.truncate_to(stage, step)
            self.tracked = self.track()

    def note(self, line: Mapping[str, Any]) -> None:
        """Take a line; what the model wrote goes to a file of its own."""
        if self.metrics is None or self.samples is None:
            return
        if line["kind"] == "sample":
            self.samples.note(line)
            return
        complete = self.complete(line)
        self.metrics.note(complete)
        self.shown(complete)
        if self.tracked is not None:
            self.tracked(complete)


@contextmanager
def journal(
    out: Path, recipe: Recipe, processes: Processes, flops: Mapping[int, float]
) -> Iterator[Journal]:
    """Yield the journal of a run; only the first process keeps one.

    `flops` is what a token of each stage needs in training. Raises DamagedMetrics, MissingTracker
    and TrackerNotStarted.
    """
    if not processes.is_first:
        yield Journal(None, None, lambda line: None, lambda: None, dict)
        return

    def complete(line: Mapping[str, Any]) -> dict[str, Any]:
        if line["kind"] != "step":
            return dict(line)
        memory = peak_memory(processes.device)
        return {**line, "memory": memory, "flops": flops[line["stage"]] * line["tokens"]}

    with ExitStack() as held:
        metrics = held.enter_context(Metrics(out / METRICS))
        samples = held.enter_context(Metrics(out / SAMPLES))
        shown = held.enter_context(training_progress())

        def track() -> Note | None:
            if recipe.tracker == "none":
                return None
            tracker = open_tracker(recipe.tracker, out, to_mapping(recipe))
            held.callback(tracker.finish)
            return TrackedMetrics(tracker, read_metrics(out / METRICS)).note

        yield Journal(metrics, samples, shown, track, complete)
