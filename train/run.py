"""A run: from its command to its steps, gone on with where it was killed, to what it leaves behind.

A row follows from its number, and the seed of dropout and noise from the place of a micro-batch in
the run, not from what was drawn before nor from how many processes share a step. So a checkpoint
is enough to take the same steps again.
"""

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

import torch

from corpus.atomic import sweep, whole_folder, write_json
from corpus.locking import claim
from corpus.progress import Progress, Silent
from corpus.release import Release
from train.card import write as write_card
from train.checkpoint import (
    CHECKPOINTS,
    Checkpoint,
    Position,
    RunIdentity,
    Selection,
    adapter_files,
    check_agreed,
    check_identity,
    checkpoint_name,
    give_way,
    open_checkpoint,
    prune,
    read_adapter,
    read_consolidation,
    read_optimizer,
    read_selection,
    state_files,
    where_to_go_on,
    write,
)
from train.command_line import Arguments
from train.dataset.packing import Order, PackedRow, share
from train.dataset.rows import Rows
from train.dataset.sources import Chats, documents, open_chats
from train.errors import TrainError
from train.evaluate.scores import EVALUATION, as_json
from train.evaluate.subject import Pair, Subject
from train.evaluate.text import held_out_documents, likelihood
from train.journal import METRICS, SAMPLES, journal, read_metrics
from train.loop.consolidation import Consolidation, fisher_diagonal, snapshot
from train.loop.measurement import HeldOut, Question, answers, measure, questions
from train.loop.optimizer import make_optimizer, rate_factor
from train.loop.processes import Processes
from train.loop.stopping import SIGNALS, Stopped, StopRequest, stop_requests
from train.machine import check_machine, memory_told, shape_of
from train.material import (
    Material,
    check_vocabulary,
    gather,
    left_out,
    open_verified,
    training_flops,
    write_provenance,
)
from train.model.fingerprint import of_stored
from train.model.loading import compute_type, load_adapted
from train.model.next_token import Batch, NextToken, batch_of
from train.progress import Note
from train.recipe import Recipe, StageSettings, digest, save
from train.report import write as write_report
from train.report.run_files import RUN, read_sources, selected
from train.tokenizer.conversation import NONE
from train.tokenizer.opening import check_agreement, locate, open_tokenizer

COMPARED = 50
"""Documents on which the two forms of a tokenizer must agree before anything is trained."""
ADAPTER = "adapter"
SPLIT = "test"
"""What base and adapter are compared on: no step and no measurement has seen it."""


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


class LossNotFinite(TrainError):
    """The loss, its gradient or the penalty is no number any more."""

    def __init__(self, stage: int, step: int, what: str, value: float) -> None:
        super().__init__(
            f"stage {stage}, step {step}: the {what} is {value}. The last checkpoint is from "
            f"before and sound. Lower --stage{stage}.optimizer.learning-rate and begin another run."
        )


def train(arguments: Arguments, progress: Progress) -> Path:
    """Train, or go on training, and return the folder of the run.

    Raises Stopped after a signal once everything is saved, LossNotFinite, NothingToSelectBy,
    BestStepLost, GpuIsFull, FolderInUse, and what `check_machine`, `where_to_go_on`, and opening a
    release, a model, a tokenizer raise.
    """
    check_machine(arguments.recipe)
    processes, out = Processes(), arguments.out
    try:
        with ExitStack() as held, memory_told():
            if processes.is_first:
                held.enter_context(claim(out, "trainer"))
                sweep(out)
                sweep(out / CHECKPOINTS)
            train_together(arguments, processes, progress if processes.is_first else Silent())
    finally:
        processes.close()
    return out


def train_together(arguments: Arguments, processes: Processes, progress: Progress) -> None:
    """Do one process's part of a run; the first one also tells and writes."""
    out, is_first = arguments.out, processes.is_first
    with processes.accelerator.main_process_first():
        release = (open_verified if is_first else Release.open)(arguments.release)
    given = arguments.recipe
    tokenizer = open_tokenizer(*given.model.tokenizer_place, given.system_prompt)
    recipe = replace(given, system_prompt=NONE if tokenizer.system is None else tokenizer.system)
    chats = open_chats(recipe.stage2.data)
    identity = identity_of(release, recipe, chats, processes)
    told = {each.name: each.sha256 for each in chats}
    checkpoint, skipped = where_to_go_on(out, arguments.resume, recipe, identity, told)
    check_agreed(processes.gathered(checkpoint))
    with processes.accelerator.main_process_first():
        if is_first:
            some = islice(documents(release, "train"), COMPARED)
            folder = locate(*recipe.model.tokenizer_place)
            check_agreement(folder, (document.text for document in some))
        material = gather(release, recipe, tokenizer, chats, out / "work", progress)
    if checkpoint and (rows := material.training.get(checkpoint.position.stage)):
        check_identity(checkpoint, replace(identity, tokens=rows.identity))
    if shape := shape_of(recipe):
        check_vocabulary(material, shape.vocabulary)
    adapted = load_adapted(recipe.model, recipe.adapter, recipe.length, recipe.seed)
    model = NextToken(adapted, compute_type(recipe.model))
    identity = replace(identity, weights=of_stored(adapted))
    if checkpoint:
        check_identity(checkpoint, identity)
    if is_first:
        save(recipe, out / "recipe.json")
        write_provenance(out / "run.json", recipe, material, model, processes)
    at = (checkpoint.position.stage, checkpoint.position.step) if checkpoint else (0, 0)
    if is_first and isinstance(arguments.resume, Path):
        for name in (METRICS, SAMPLES):
            read_metrics(out / name)  # whose damage is told before anything is removed
        # now, as their metrics go now: a run killed before the next save must not go on without
        give_way(out / CHECKPOINTS, at)
    with stop_requests() as request, journal(out, recipe, at, is_first) as note:
        run = Run(out, recipe, identity, material, model, processes, request, note)
        run.announce(checkpoint, skipped)
        run.train(checkpoint)
    finish(run, progress)


def identity_of(
    release: Release, recipe: Recipe, chats: Sequence[Chats], processes: Processes
) -> RunIdentity:
    """Return what a checkpoint must agree with to be gone on from."""
    model = f"{recipe.model.name}@{recipe.model.revision or 'main'}"
    told = [digest(recipe), *(each.sha256 for each in chats)]
    whole = hashlib.sha256("".join(told).encode()).hexdigest() if chats else told[0]
    return RunIdentity(release.identity, whole, model, processes.count)


@dataclass(slots=True)
class Run:
    """One process's part in a run."""

    out: Path
    recipe: Recipe
    identity: RunIdentity
    material: Material
    model: NextToken
    processes: Processes
    request: StopRequest
    note: Note
    module: torch.nn.Module = field(init=False)
    """The model as it is distributed over processes."""
    flops: Mapping[int, float] = field(init=False)
    """What a token of each stage needs."""
    consolidation: Consolidation | None = None
    selection: Selection = field(default_factory=Selection)
    questions: list[Question] | None = None

    def __post_init__(self) -> None:
        """Divide the model, or give every process its own."""
        self.module = self.processes.distribute(self.model, self.recipe.model.sharded)
        self.flops = training_flops(self.recipe, self.material)

    def tell(self, name: str, stage: int, step: int, **more: object) -> None:
        """Note an event."""
        self.note({"kind": "event", "name": name, "stage": stage, "step": step, **more})

    def announce(self, checkpoint: Checkpoint | None, skipped: Sequence[str]) -> None:
        """Tell where the run goes on, what was passed over, and which samples no step will see."""
        at = checkpoint.position if checkpoint else Position(0, 0, 0)
        for why in skipped:
            self.tell("skipped", at.stage, at.step, why=why)
        if checkpoint:
            name = checkpoint.path.name
            self.tell("resumed", at.stage, at.step, steps=at.steps, checkpoint=name)
        for stage, rows in self.material.training.items():
            found = left_out(rows.describe())
            if stage > at.stage and found["reasons"]:
                self.tell("left_out", at.stage, at.step, of_stage=stage, **found)

    def train(self, checkpoint: Checkpoint | None) -> None:
        """Take all steps that are left.

        Raises Stopped once a signal came and all is saved, NothingToSelectBy and BestStepLost.
        """
        settings, adapter = self.recipe.selection, self.recipe.adapter
        deciding = {settings.rows_of(stage) for stage in self.material.training}
        if settings.is_on and not deciding <= self.material.held_out.keys():
            raise NothingToSelectBy(settings.held_out)
        if checkpoint:
            strength, device = self.recipe.elastic.strength, self.processes.device
            read_adapter(self.model.adapted, checkpoint.path)
            self.consolidation = read_consolidation(checkpoint.path, strength, device)
        elif adapter.start:
            read_adapter(self.model.adapted, Path(adapter.start))
        begun = checkpoint.position.stage if checkpoint else 0
        for number in sorted(self.material.training):
            if number >= begun:
                self.run_stage(number, checkpoint if number == begun else None)
        self.stop_if_asked("the end of the last stage")

    def run_stage(self, number: int, checkpoint: Checkpoint | None) -> None:
        """Take the steps of a stage that are left. Raises Stopped and BestStepLost."""
        if number == 2 and self.recipe.elastic.strength and self.consolidation is None:
            self.consolidation = self.consolidate()
        rows, held_to = self.material.training[number], self.consolidation
        stage = Stage(number, self.recipe, rows, self.model, self.module, self.processes, held_to)
        begin = 0
        if checkpoint:
            begin = checkpoint.position.step
            read_optimizer(stage.optimizer, checkpoint.path)
            self.selection = read_selection(checkpoint.path)
            if begin >= checkpoint.position.steps:
                return
        else:
            self.selection = Selection()
            self.begin(stage)
        for result in stage.steps(begin):
            if self.after_step(stage, result):
                break

    def begin(self, stage: "Stage") -> None:
        """Measure what the stage begins with, and save what it is held to."""
        self.tell("stage_began", stage.number, 0, steps=stage.order.steps)
        self.select(stage, 0, self.measure(stage, 0, self.material.held_out.keys()))
        self.draw_samples(stage, 0)
        self.measure_fisher_rows(0)
        if self.consolidation is not None or self.recipe.selection.is_on:
            self.save(stage, 0)

    def after_step(self, stage: "Stage", result: "StepResult") -> bool:
        """Tell of a step, then measure and save where that is due; return whether it is the last.

        Raises Stopped and BestStepLost.
        """
        flops = self.flops[stage.number] * result.tokens
        used = {"memory": self.processes.peak_memory(), "flops": flops}
        self.note({"kind": "step", "stage": stage.number, **asdict(result), **used})
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
            self.save(stage, step, is_last)
        if stops:
            raise Stopped(stops, f"stage {stage.number}, step {step}")
        return is_last

    def select(self, stage: "Stage", step: int, found: Mapping[int, HeldOut]) -> bool:
        """Compare a measurement with the best before, where one is selected; tell if it is best."""
        settings = self.recipe.selection
        if not settings.is_on:
            return False
        loss = found[settings.rows_of(stage.number)].loss
        self.selection = self.selection.after(step, loss, settings.improvement)
        return self.selection.step == step

    def end(self, stage: "Stage", step: int) -> None:
        """Put the weights in place that a stage ends with, and tell which. Raises BestStepLost."""
        settings, best = self.recipe.selection, self.selection
        if settings.take == "best" and best.step != step:
            path = self.out / CHECKPOINTS / checkpoint_name(stage.number, best.step)
            try:
                checkpoint = open_checkpoint(path, self.identity_in(stage))
            except TrainError as error:
                raise BestStepLost(error) from error
            read_adapter(self.model.adapted, checkpoint.path)
            self.measure(stage, step, self.material.held_out.keys())
        if settings.is_on:
            self.tell(
                "selected",
                stage.number,
                step,
                steps=step,
                planned=stage.order.steps,
                taken=best.step if settings.take == "best" else step,
                best=best.step,
                loss=best.loss,
                by=f"stage{settings.rows_of(stage.number)}",
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

    def measure(self, stage: "Stage", step: int, sets: Iterable[int]) -> dict[int, HeldOut]:
        """Measure held-out rows of the named stages. Raises LossNotFinite before it is saved."""
        measured = {}
        for number in sorted(sets):
            rows, limit = self.material.held_out[number], self.recipe.evaluation_rows
            measured[number] = found = measure(self.model, rows, limit, self.processes)
            check_finite(stage.number, step, {"held-out loss": found.loss})
            at = {"kind": "held_out", "stage": stage.number, "step": step}
            self.note(at | {"measured_on": f"stage{number}", **found.told(), "bytes": found.bytes})
        return measured

    def draw_samples(self, stage: "Stage", step: int) -> None:
        """Answer the fixed prompts; where the model is divided all processes have to."""
        if not (self.processes.is_first or self.recipe.model.sharded):
            return
        if self.questions is None:
            self.questions = questions(self.material.release, self.material.tokenizer, self.recipe)
        tokenizer, longest = self.material.tokenizer, self.recipe.samples.tokens
        found = answers(self.model, tokenizer, self.questions, longest)
        at = {"kind": "sample", "stage": stage.number, "step": step}
        for number, ((question, _), answer) in enumerate(zip(self.questions, found, strict=True)):
            self.note(at | {"number": number, "question": question, "answer": answer})

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
        self.tell("fisher_rows", 2, step, **found.told())

    def identity_in(self, stage: "Stage") -> RunIdentity:
        """Return what a checkpoint of a stage must agree with."""
        return replace(self.identity, tokens=stage.rows.identity)

    def save(self, stage: "Stage", step: int, is_last: bool = False) -> None:
        """Write a checkpoint, then remove those that are not kept."""
        self.tell("checkpoint", stage.number, step)
        if self.processes.is_first:
            selection = self.selection if self.recipe.selection.is_on else None
            adapted, folder = self.model.adapted, self.out / CHECKPOINTS
            files = state_files(adapted, stage.optimizer, self.consolidation, selection)
            position = Position(stage.number, step, step if is_last else stage.order.steps)
            write(folder, files, self.identity_in(stage), position)
            prune(folder, self.recipe.checkpoint.keep)
        self.processes.wait()

    def consolidate(self) -> Consolidation:
        """Estimate on training rows of stage 1 what stage 2 may not move. Raises Stopped."""
        began, elastic = time.monotonic(), self.recipe.elastic
        seed, device = seed_of(self.recipe.seed, 2), self.processes.device
        fisher = fisher_diagonal(self.model, self.rows_until_asked(), elastic, seed, device)
        self.tell("fisher", 2, 0, seconds=time.monotonic() - began)
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


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it went, over all processes."""

    step: int
    """Steps done, this one included."""
    epoch: float
    loss: float
    """Nats a target token, without the penalty."""
    penalty: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    """Tokens read, padding included."""
    targets: int
    seconds: float
    waited: float
    """Seconds of these in which rows were waited for."""


@dataclass(slots=True)
class Stage:
    """What one stage reads, and which weights it moves how fast."""

    number: int
    recipe: Recipe
    rows: Rows
    model: NextToken
    module: torch.nn.Module
    """The model as it is distributed over processes."""
    processes: Processes
    consolidation: Consolidation | None = None
    order: Order = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        """Plan the steps, with a fresh optimizer."""
        settings = self.settings
        rows_in, batch = self.rows.rows_in, self.recipe.batch
        self.order = Order(rows_in, settings.epochs, batch, settings.steps)
        self.optimizer = make_optimizer(self.model, settings.optimizer)

    @property
    def settings(self) -> StageSettings:
        """What the recipe says of the stage."""
        return self.recipe.stage1 if self.number == 1 else self.recipe.stage2

    def steps(self, begin: int) -> Iterator[StepResult]:
        """Take the steps one by one, from `begin` (counted from 0) to the end.

        The rows of a step are read while the one before it is taken. Raises LossNotFinite before a
        bad gradient moves anything.
        """
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self.read, begin)
            for step in range(begin, self.order.steps):
                began = time.monotonic()
                batches = coming.result()
                waited = time.monotonic() - began
                if step + 1 < self.order.steps:
                    coming = ahead.submit(self.read, step + 1)
                yield self.take(step, batches, began, waited)

    def read(self, step: int) -> list[tuple[int, Batch]]:
        """Read this process's micro-batches of a step, each with the seed for dropout and noise.

        Without rows of its own a process gets one without labels.
        """
        rows, micro = self.order.rows_of(step), self.recipe.micro_batch
        read = []
        for numbers in share(rows.numbers, micro, self.processes.rank, self.processes.count):
            taken = [self.rows.row(rows.epoch, number) for number in numbers or rows.numbers[:1]]
            batch = batch_of(taken, self.processes.device, self.settings.neftune_noise_alpha)
            seed = seed_of(self.recipe.seed, self.number, step, (numbers or (-1,))[0])
            read.append((seed, batch if numbers else batch.without_labels()))
        return read

    def take(
        self, step: int, batches: list[tuple[int, Batch]], began: float, waited: float
    ) -> StepResult:
        """Take one step. Raises LossNotFinite."""
        rows, settings = self.order.rows_of(step), self.settings.optimizer
        targets = sum(self.rows.targets_of(rows.epoch, number) for number in rows.numbers)
        self.model.train()
        loss = self.accumulate(batches, targets)
        trained = self.model.trained()
        penalty = self.consolidation.penalize(trained) if self.consolidation else 0.0
        norm = float(torch.nn.utils.clip_grad_norm_(trained.values(), settings.clip))
        values = {"loss": loss, "penalty": penalty, "gradient's norm": norm}
        check_finite(self.number, step + 1, values)
        factor = rate_factor(step, self.order.steps, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepResult(
            step=step + 1,
            epoch=self.order.epochs_until(step + 1),
            loss=loss,
            penalty=penalty,
            learning_rate=settings.learning_rate * factor,
            gradient_norm=norm,
            tokens=len(rows.numbers) * self.recipe.length,
            targets=targets,
            seconds=time.monotonic() - began,
            waited=waited,
        )

    def accumulate(self, batches: list[tuple[int, Batch]], targets: int) -> float:
        """Add up the gradients of a step; return its loss in nats a target token.

        Gradients are averaged over processes, so each weighs its own with their number.
        """
        weight, losses = self.processes.count / max(1, targets), []
        for number, (seed, batch) in enumerate(batches, start=1):
            is_last = number == len(batches)
            with nullcontext() if is_last else self.processes.accelerator.no_sync(self.module):
                torch.manual_seed(seed)
                loss: torch.Tensor = self.module(batch)
                (loss * weight).backward()
                losses.append(loss.detach().double())
        if self.processes.count > 1 and self.module is self.model:  # nothing else averages them
            self.processes.average_gradients(self.model.trained().values())
        total = float(torch.stack(losses).sum())
        return self.processes.sums([total])[0] / max(1, targets)


def seed_of(seed: int, *place: int) -> int:
    """Return the seed for a place in a run: 63 bits of a digest."""
    digest = hashlib.sha256(json.dumps([seed, *place]).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def check_finite(stage: int, step: int, values: Mapping[str, float]) -> None:
    """Raise LossNotFinite if one of the values is no finite number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise LossNotFinite(stage, step, name, value)


def finish(run: Run, progress: Progress) -> None:
    """Write the adapter in peft's format, then what it changed, the report and the card.

    All processes pass through the model, which may be divided among them, and the first one writes;
    all of it is made again from the last checkpoint if it is interrupted.
    """
    out, recipe, release = run.out, run.recipe, run.material.release
    if run.processes.is_first:
        with whole_folder(out / ADAPTER, replaces=True) as folder:
            for name, write_file in adapter_files(run.model.adapted).items():
                write_file(folder / name)
    held_out = list(held_out_documents(release, SPLIT, recipe.evaluation_documents))
    subject = Subject(run.model, run.material.tokenizer, run.processes.device)
    measures = likelihood(Pair(subject, subject), held_out, recipe.length, progress)
    if run.processes.is_first:
        of = {"version": release.manifest.version, "sha256": release.identity}
        told = {"release": of, "split": SPLIT, "against": "base"}
        write_json(out / EVALUATION, as_json(measures, told))
        sources = read_sources(out)
        if found := selected(sources):
            write_json(out / RUN, sources.run | {"selected": found})
        write_report(out)
        write_card(out, release)
    run.processes.wait()
