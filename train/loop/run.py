"""A run: both stages from where they stand to their ends, told and saved on the way."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from train.checkpoint import Checkpoint, Identity, prune, write
from train.dataset.row import PackedRow
from train.loop.held_out import HeldOut, measure
from train.loop.order import Order
from train.loop.processes import Processes
from train.loop.randomness import seed_of
from train.loop.stage import Stage, StepResult, Trainee, check_finite, steps
from train.loop.state import read_adapter, read_consolidation, read_optimizer, state_files
from train.loop.stopping import SIGNALS, Stopped, StopRequest
from train.material import Material
from train.model.groups import layers_of
from train.model.next_token import NextToken
from train.optimization.elastic import Consolidation, fisher_diagonal, snapshot
from train.optimization.optimizer import make_optimizer
from train.recipe import Recipe

Note = Callable[[dict[str, Any]], None]
"""Takes a line of metrics."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: so many steps of a stage are done, and a checkpoint tells of them."""

    stage: int = 1
    step: int = 0
    checkpoint: Path | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Place":
        """Return where a checkpoint stands."""
        position = checkpoint.position
        return cls(int(position["stage"]), int(position["step"]), checkpoint.path)


class Run:
    """One process's part in a run."""

    def __init__(
        self,
        checkpoints: Path,
        recipe: Recipe,
        identity: Identity,
        material: Material,
        model: NextToken,
        processes: Processes,
        request: StopRequest,
        note: Note,
    ) -> None:
        self.checkpoints = checkpoints
        self.recipe = recipe
        self.identity = identity
        self.material = material
        self.model = model
        self.processes = processes
        self.request = request
        self.note = note
        self.module = processes.distribute(model, recipe.model.sharded)
        self.consolidation: Consolidation | None = None

    def train(self, place: Place) -> None:
        """Take all steps that are left. Raises Stopped once a signal came and all is saved."""
        if place.checkpoint is None and self.recipe.adapter.start:
            read_adapter(self.model.adapted, Path(self.recipe.adapter.start))
        if place.checkpoint is not None:
            read_adapter(self.model.adapted, place.checkpoint)
            self.consolidation = read_consolidation(
                place.checkpoint, self.recipe.elastic.strength, self.processes.device
            )
        for number in sorted(self.material.training):
            if number >= place.stage:
                self.run_stage(number, place if number == place.stage else Place(number))
        self.stop_if_asked("the end of the last stage")

    def run_stage(self, number: int, place: Place) -> None:
        """Take the steps of a stage that are left. Raises Stopped."""
        stage = self.stage_of(number)
        if number == 2 and self.recipe.elastic.strength and self.consolidation is None:
            self.consolidation = self.consolidate()
        trainee = self.trainee_of(stage)
        if place.checkpoint is not None:
            read_optimizer(trainee.optimizer, place.checkpoint)
        else:
            self.begin(trainee, stage)
        for result in steps(trainee, stage, place.step):
            self.after_step(trainee, stage, result)

    def stage_of(self, number: int) -> Stage:
        """Return what a stage reads and how fast it moves."""
        recipe = self.recipe
        settings = recipe.stage1 if number == 1 else recipe.stage2
        rows = self.material.training[number]
        return Stage(
            number=number,
            rows=rows,
            order=Order(rows, settings.epochs, recipe.batch, settings.steps),
            settings=settings.optimizer,
            length=recipe.length,
            micro_batch=recipe.micro_batch,
            seed=recipe.seed,
        )

    def trainee_of(self, stage: Stage) -> Trainee:
        """Return the model with a fresh optimizer for a stage."""
        trained = self.model.trained()
        layers = layers_of(name for name, _ in self.model.named_parameters())
        optimizer = make_optimizer(trained, layers, stage.settings)
        return Trainee(self.module, self.model, optimizer, self.consolidation, self.processes)

    def begin(self, trainee: Trainee, stage: Stage) -> None:
        """Measure what the stage begins with, and save what it is held to."""
        self.note(
            {
                "kind": "event",
                "name": "stage_began",
                "stage": stage.number,
                "step": 0,
                "steps": stage.order.steps,
            }
        )
        self.measure(stage, 0, tuple(self.material.held_out))
        if self.consolidation is not None:
            self.save(trainee, stage, 0)

    def after_step(self, trainee: Trainee, stage: Stage, result: StepResult) -> None:
        """Tell of a step, then measure and save where that is due. Raises Stopped."""
        self.note({"kind": "step", "stage": stage.number, **asdict(result)})
        step, recipe = result.step, self.recipe
        is_last = step == stage.order.steps
        stops = self.signal()
        if is_last:
            self.measure(stage, step, tuple(self.material.held_out))
        elif recipe.evaluate_every and step % recipe.evaluate_every == 0:
            self.measure(stage, step, (stage.number,))
        if is_last or stops or step % recipe.checkpoint.every == 0:
            self.save(trainee, stage, step)
        if stops:
            raise Stopped(stops, f"stage {stage.number}, step {step}")

    def stop_if_asked(self, where: str) -> None:
        """Raise Stopped if a signal came where all is saved; all processes have to ask."""
        if stops := self.signal():
            raise Stopped(stops, where)

    def signal(self) -> int:
        """Return a signal that any of the processes got, 0 for none; all return the same."""
        came = self.processes.sums([float(self.request.number == each) for each in SIGNALS])
        return max((each for each, count in zip(SIGNALS, came, strict=True) if count), default=0)

    def measure(self, stage: Stage, step: int, sets: tuple[int, ...]) -> None:
        """Measure held-out rows of the named stages. Raises LossNotFinite before it is saved."""
        for number in sets:
            rows, limit = self.material.held_out[number], self.recipe.evaluation_rows
            found = measure(self.model, rows, limit, self.processes)
            check_finite(stage.number, step, {"held-out loss": found.loss})
            self.note(held_out_line(stage.number, step, number, found))

    def save(self, trainee: Trainee, stage: Stage, step: int) -> None:
        """Write a checkpoint, then remove those that are not kept."""
        self.note({"kind": "event", "name": "checkpoint", "stage": stage.number, "step": step})
        if self.processes.is_first:
            write(
                self.checkpoints,
                f"stage{stage.number}-{step:08d}",
                state_files(self.model.adapted, trainee.optimizer, self.consolidation),
                replace(self.identity, tokens=stage.rows.identity),
                {"stage": stage.number, "step": step, "steps": stage.order.steps},
            )
            prune(self.checkpoints, self.recipe.checkpoint.keep)
        self.processes.wait()

    def consolidate(self) -> Consolidation:
        """Estimate on held-out rows of stage 1 what stage 2 may not move. Raises Stopped."""
        began, elastic = time.monotonic(), self.recipe.elastic
        fisher = fisher_diagonal(
            self.model,
            self.rows_until_asked(),
            elastic,
            seed_of(self.recipe.seed, 2),
            self.processes.device,
        )
        seconds = time.monotonic() - began
        self.note({"kind": "event", "name": "fisher", "stage": 2, "step": 0, "seconds": seconds})
        agreed = self.processes.means(fisher)
        return Consolidation(snapshot(self.model.trained()), agreed, elastic.strength)

    def rows_until_asked(self) -> Iterator[PackedRow]:
        """Yield the held-out rows of stage 1: hundreds of gradients are not waited for at the end.

        Raises Stopped.
        """
        rows = self.material.held_out[1]
        for number in range(rows.rows_in(0)):
            self.stop_if_asked("the beginning of stage 2")
            yield rows.row(0, number)


def held_out_line(stage: int, step: int, measured: int, found: HeldOut) -> dict[str, Any]:
    """Return a measurement as a line of metrics."""
    return {
        "kind": "held_out",
        "stage": stage,
        "step": step,
        "measured_on": f"stage{measured}",
        "loss": found.loss,
        "bits_per_byte": found.bits_per_byte,
        "targets": found.targets,
        "bytes": found.bytes,
    }


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that tensors took on a GPU, or that this process took in memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
