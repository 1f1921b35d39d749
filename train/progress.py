"""What a run shows while it trains: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from corpus.console import errors

Line = Mapping[str, Any]
"""`kind` is step, held_out, sample or event; `stage` and `step` say where it belongs."""

Note = Callable[[Line], None]
"""Takes a line of metrics."""

SMOOTHING = 0.95
"""Share of the past in the loss and the rate that are shown."""
SPEED_WINDOW = 1800.0
"""Seconds whose steps the time left is estimated from; a step may take half a minute."""


@contextmanager
def training_progress(
    console: Console = errors, every_steps: int = 50, every_seconds: float = 60.0
) -> Iterator[Note]:
    """Yield what shows lines of metrics as they come.

    On a terminal that is a bar with loss, rate, memory and time left. Elsewhere it is a plain line
    at the first step of a stage and its last, and in between every so many steps or seconds. The
    number of steps comes with the event `stage_began` or `resumed`, under `steps`.
    """
    if not console.is_terminal:
        yield lines_of(console, every_steps, every_seconds)
        return
    columns = (TextColumn("stage {task.fields[stage]}"), BarColumn(None), MofNCompleteColumn())
    figures = TextColumn("{task.fields[figures]}")
    left = TimeRemainingColumn(elapsed_when_finished=True)
    with RichProgress(
        *columns, figures, left, console=console, speed_estimate_period=SPEED_WINDOW
    ) as bars:
        yield bars_of(bars)


@dataclass(slots=True)
class _Figures:
    """Loss and rate of a stage, smoothed over steps: a single step says little."""

    stage: int
    steps: int | None = None
    loss: float = 0.0
    rate: float = 0.0
    seconds: float = 0.0
    penalty: float = 0.0
    memory: int = 0
    taken: int = 0

    def add(self, line: Line) -> None:
        """Take a step into account."""
        past = SMOOTHING if self.taken else 0.0
        seconds = max(line["seconds"], 1e-9)
        self.loss += (1 - past) * (line["loss"] - self.loss)
        self.rate += (1 - past) * (line["tokens"] / seconds - self.rate)
        self.seconds += (1 - past) * (seconds - self.seconds)
        self.penalty = line.get("penalty") or 0.0
        self.memory = line.get("memory") or self.memory
        self.taken += 1

    def told(self) -> str:
        """Return what is known in a few words."""
        penalty = f" + {self.penalty:.4f}" if self.penalty else ""
        memory = f"  {self.memory / 1e9:.1f} GB" if self.memory else ""
        return f"loss {self.loss:.4f}{penalty}  {self.rate:,.0f} tokens/s{memory}"


def figures_for(line: Line, current: _Figures | None) -> _Figures:
    """Return the figures that a line belongs to: new ones where a stage begins or goes on."""
    begins = line["kind"] == "event" and line["name"] in ("stage_began", "resumed")
    if current is None or begins or line["stage"] != current.stage:
        return _Figures(line["stage"], line.get("steps"))
    return current


def bars_of(bars: RichProgress) -> Note:
    """Return what shows one bar for the stage that runs; measurements stay above it."""
    figures: _Figures | None = None
    task: TaskID | None = None

    def note(line: Line) -> None:
        nonlocal figures, task
        before, figures = figures, figures_for(line, figures)
        if figures is not before or task is None:
            if task is not None:
                bars.remove_task(task)
            done = line["step"] - (line["kind"] == "step")  # which do not count as fast ones
            task = bars.add_task(
                "", total=figures.steps, completed=done, stage=figures.stage, figures=""
            )
        if line["kind"] == "step":
            figures.add(line)
        told = figures.told() if figures.taken else ""
        bars.update(task, completed=line["step"], figures=told)
        if said := sentence(line):
            bars.console.print(said, highlight=False)

    return note


def lines_of(console: Console, every_steps: int, every_seconds: float) -> Note:
    """Return what shows plain lines, few enough for a log."""
    figures: _Figures | None = None
    last = 0.0

    def note(line: Line) -> None:
        nonlocal figures, last
        figures = figures_for(line, figures)
        said, step = sentence(line), line["step"]
        if line["kind"] == "step":
            figures.add(line)
            has_waited = time.monotonic() - last >= every_seconds
            is_edge = figures.taken == 1 or step == figures.steps
            if has_waited or is_edge or step % every_steps == 0:
                last = time.monotonic()
                said = line_of(figures, step)
        if said:
            console.print(said, highlight=False)

    return note


def line_of(figures: _Figures, step: int) -> str:
    """Return the plain line of a step."""
    of, left = "", ""
    if figures.steps is not None:
        of = f" of {figures.steps:,}"
        left = f"  {clock(figures.seconds * (figures.steps - step))} left"
    return f"stage {figures.stage}  step {step:,}{of}  {figures.told()}{left}"


def sentence(line: Line) -> str:
    """Say what a line tells besides steps; empty for what need not be said."""
    place = f"stage {line['stage']}, step {line['step']:,}"
    if line["kind"] == "held_out":
        measured = str(line["measured_on"]).replace("stage", "stage ")
        rate = f"{line['bits_per_byte']:.4f} bits a byte"
        return f"held-out loss of {measured}: {line['loss']:.4f} ({rate}) after {place}"
    if line.get("name") == "skipped":
        return f"passed over {line['why']}"
    if line.get("name") == "left_out":
        reasons = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in line["reasons"].items())
        return f"stage {line['of_stage']} leaves out, of {line['samples']:,} samples: {reasons}"
    if line.get("name") == "selected":
        which = f"{line['taken']:,}: the lowest held-out loss, {line['loss']:.4f}, was at"
        return f"stage {line['stage']} ends with the weights of step {which} step {line['best']:,}"
    said = {"resumed": "goes on from", "fisher": "estimated what stage 2 may not move at"}
    name = line.get("name", "")
    return f"{said[name]} {place}" if name in said else ""


def clock(seconds: float) -> str:
    """Write a duration as hours, minutes and seconds."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{left:02d}"
