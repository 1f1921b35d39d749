"""A run: both stages from where they stand to their ends, told and saved on the way."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from train.checkpoint import (
    Checkpoint,
    RunIdentity,
    Selection,
    checkpoint_name,
    open_checkpoint,
    prune,
    read_selection,
    write,
)
from train.dataset.packing import Order, PackedRow
from train.errors import TrainError
from train.loop.consolidation import Consolidation, fisher_diagonal, snapshot
from train.loop.measurement import HeldOut, Question, answers, measure, questions
from train.loop.optimizer import layers_of, make_optimizer
from train.loop.processes import Processes
from train.loop.stage import Stage, StepResult, Trainee, check_finite, steps
from train.loop.state import (
    read_adapter,
    read_consolidation,
    read_optimizer,
    seed_of,
    state_files,
)
from train.loop.stopping import SIGNALS, Stopped, StopRequest
from train.material import Material
from train.model.next_token import NextToken
from train.progress import Line, Note
from train.recipe import Recipe


class BestStepLost(TrainError):
    """The checkpoint that a stage is to end with is damaged."""

    def __init__(self, error: TrainError) -> None:
        super().__init__(
            f"{error} It holds the step with the lowest held-out loss, which --selection.take best "
            "ends the stage with: put it back from a copy, or begin another run with another --out."
        )


class NothingToSelectBy(TrainError):
    """There are no held-out rows to select a step by."""

    def __init__(self, held_out: str) -> None:
        super().__init__(
            f"--selection.held-out {held_out}: the release has no such held-out rows that this "
            "model can read. Set it to own."
        )


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: so many steps of a stage are done, and a checkpoint tells of them."""

    stage: int = 1
    step: int = 0
    checkpoint: Path | None = None
    is_over: bool = False
    """Whether these were all of the stage."""

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Position":
        """Return where a checkpoint stands."""
        position = checkpoint.position
        stage, step, steps = (position[name] for name in ("stage", "step", "steps"))
        return cls(stage, step, checkpoint.path, step >= steps)


class TrainingRun:
    """One process's part in a run."""

    def __init__(
        self,
        checkpoints: Path,
        recipe: Recipe,
        identity: RunIdentity,
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
        self.selection = Selection()
        self.questions: list[Question] | None = None

    def train(self, place: Position) -> None:
        """Take all steps that are left.

        Raises Stopped once a signal came and all is saved, NothingToSelectBy and BestStepLost.
        """
        settings = self.recipe.selection
        deciding = {settings.rows_of(stage) for stage in self.material.training}
        if settings.is_on and not deciding <= self.material.held_out.keys():
            raise NothingToSelectBy(settings.held_out)
        if place.checkpoint is None and self.recipe.adapter.start:
            read_adapter(self.model.adapted, Path(self.recipe.adapter.start))
        if place.checkpoint is not None:
            read_adapter(self.model.adapted, place.checkpoint)
            self.consolidation = read_consolidation(
                place.checkpoint, self.recipe.elastic.strength, self.processes.device
            )
        for number in sorted(self.material.training):
            if number >= place.stage:
                self.run_stage(number, place if number == place.stage else Position(number))
        self.stop_if_asked("the end of the last stage")

    def run_stage(self, number: int, place: Position) -> None:
        """Take the steps of a stage that are left. Raises Stopped and BestStepLost."""
        stage = self.stage_of(number)
        if number == 2 and self.recipe.elastic.strength and self.consolidation is None:
            self.consolidation = self.consolidate()
        trainee = self.trainee_of(stage)
        if place.checkpoint is not None:
            read_optimizer(trainee.optimizer, place.checkpoint)
            self.selection = read_selection(place.checkpoint)
        else:
            self.selection = Selection()
            self.begin(trainee, stage)
        if not place.is_over:
            for result in steps(trainee, stage, place.step):
                if self.after_step(trainee, stage, result):
                    break

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
            noise=settings.neftune_noise_alpha,
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
        self.select(stage, 0, self.measure(stage, 0, self.material.held_out.keys()))
        self.draw_samples(stage, 0)
        self.measure_fisher_rows(0)
        if self.consolidation is not None or self.recipe.selection.is_on:
            self.save(trainee, stage, 0)

    def after_step(self, trainee: Trainee, stage: Stage, result: StepResult) -> bool:
        """Tell of a step, then measure and save where that is due; return whether it is the last.

        Raises Stopped and BestStepLost.
        """
        self.note({"kind": "step", "stage": stage.number, **asdict(result)})
        step, recipe, every = result.step, self.recipe, self.material.held_out.keys()
        is_last, improves = step == stage.order.steps, False
        stops = self.signal()
        if due := is_last or (recipe.evaluate_every and step % recipe.evaluate_every == 0):
            own = {stage.number}
            if recipe.selection.is_on:
                own.add(recipe.selection.rows_of(stage.number))
            found = self.measure(stage, step, every if is_last else own)
            improves = self.select(stage, step, found)
            if not is_last and 0 < recipe.selection.patience <= self.selection.since:
                is_last = True
                self.measure(stage, step, every - own)
        if is_last:
            self.end(stage, step)
        if due:
            self.draw_samples(stage, step)
        if is_last or stops or improves or step % recipe.checkpoint.every == 0:
            self.save(trainee, stage, step, is_last)
        if stops:
            raise Stopped(stops, f"stage {stage.number}, step {step}")
        return is_last

    def select(self, stage: Stage, step: int, found: Mapping[int, HeldOut]) -> bool:
        """Compare a measurement with the best before, where one is selected; tell if it is best."""
        settings = self.recipe.selection
        if not settings.is_on:
            return False
        loss = found[settings.rows_of(stage.number)].loss
        self.selection = self.selection.after(step, loss, settings.improvement)
        return self.selection.step == step

    def end(self, stage: Stage, step: int) -> None:
        """Put the weights in place that a stage ends with, and tell which. Raises BestStepLost."""
        settings, best = self.recipe.selection, self.selection
        if settings.take == "best" and best.step != step:
            path = self.checkpoints / checkpoint_name(stage.number, best.step)
            try:
                checkpoint = open_checkpoint(path, self.identity_in(stage))
            except TrainError as error:
                raise BestStepLost(error) from error
            read_adapter(self.model.adapted, checkpoint.path)
            self.measure(stage, step, self.material.held_out.keys())
        if settings.is_on:
            self.note(
                {
                    "kind": "event",
                    "name": "selected",
                    "stage": stage.number,
                    "step": step,
                    "steps": step,
                    "planned": stage.order.steps,
                    "taken": best.step if settings.take == "best" else step,
                    "best": best.step,
                    "loss": best.loss,
                    "by": f"stage{settings.rows_of(stage.number)}",
                }
            )
        self.measure_fisher_rows(step)

    def stop_if_asked(self, where: str) -> None:
        """Raise Stopped if a signal came where all is saved; all processes have to ask."""
        if stops := self.signal():
            raise Stopped(stops, where)

    def signal(self) -> int:
        """Return a signal that any of the processes got, 0 for none; all return the same."""
        came = self.processes.sums([float(self.request.number == each) for each in SIGNALS])
        return max((each for each, count in zip(SIGNALS, came, strict=True) if count), default=0)

    def measure(self, stage: Stage, step: int, sets: Iterable[int]) -> dict[int, HeldOut]:
        """Measure held-out rows of the named stages. Raises LossNotFinite before it is saved."""
        measured = {}
        for number in sorted(sets):
            rows, limit = self.material.held_out[number], self.recipe.evaluation_rows
            measured[number] = found = measure(self.model, rows, limit, self.processes)
            check_finite(stage.number, step, {"held-out loss": found.loss})
            self.note(held_out_line(stage.number, step, number, found))
        return measured

    def draw_samples(self, stage: Stage, step: int) -> None:
        """Answer the fixed prompts; where the model is divided all processes have to."""
        if not (self.processes.is_first or self.recipe.model.sharded):
            return
        if self.questions is None:
            self.questions = questions(self.material.release, self.material.tokenizer, self.recipe)
        tokenizer, longest = self.material.tokenizer, self.recipe.samples.tokens
        found = answers(self.model, tokenizer, self.questions, longest)
        for number, (asked, answer) in enumerate(zip(self.questions, found, strict=True)):
            self.note(
                {
                    "kind": "sample",
                    "stage": stage.number,
                    "step": step,
                    "number": number,
                    "question": asked.text,
                    "answer": answer,
                }
            )

    def measure_fisher_rows(self, step: int) -> None:
        """Tell the loss on rows that the Fisher diagonal is from: what the penalty sees.

        Held-out rows tell what was forgotten; how far both rise says whether that is the same.
        """
        if self.consolidation is None or self.material.remembered is None:
            return
        rows, samples, count = self.material.remembered, 0, 0
        while samples < self.recipe.elastic.samples and count < rows.rows_in(0):
            samples, count = samples + len(rows.row(0, count).lengths), count + 1
        limit = min(count, self.recipe.evaluation_rows)
        found = measure(self.model, rows, limit, self.processes)
        told = {"loss": found.loss, "bits_per_byte": found.bits_per_byte, "targets": found.targets}
        self.note({"kind": "event", "name": "fisher_rows", "stage": 2, "step": step, **told})

    def identity_in(self, stage: Stage) -> RunIdentity:
        """Return what a checkpoint of a stage must agree with."""
        return replace(self.identity, tokens=stage.rows.identity)

    def save(self, trainee: Trainee, stage: Stage, step: int, is_last: bool = False) -> None:
        """Write a checkpoint, then remove those that are not kept."""
        steps = step if is_last else stage.order.steps
        self.note({"kind": "event", "name": "checkpoint", "stage": stage.number, "step": step})
        if self.processes.is_first:
            write(
                self.checkpoints,
                checkpoint_name(stage.number, step),
                state_files(
                    self.model.adapted,
                    trainee.optimizer,
                    self.consolidation,
                    self.selection if self.recipe.selection.is_on else None,
                ),
                self.identity_in(stage),
                {"stage": stage.number, "step": step, "steps": steps},
            )
            prune(self.checkpoints, self.recipe.checkpoint.keep)
        self.processes.wait()

    def consolidate(self) -> Consolidation:
        """Estimate on training rows of stage 1 what stage 2 may not move. Raises Stopped."""
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
        """Yield the training rows of stage 1: hundreds of gradients are not waited for at the end.

        Raises Stopped.
        """
        rows = self.material.remembered
        assert rows is not None  # as `gather` lays them out
        for number in range(rows.rows_in(0)):
            self.stop_if_asked("the beginning of stage 2")
            yield rows.row(0, number)


def held_out_line(stage: int, step: int, measured: int, found: HeldOut) -> Line:
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
