"""The trainer's main job: from a release to an adapter, its measurements, report and card."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from corpus.atomic import sweep, whole_folder, write_json
from corpus.locking import claim
from corpus.progress import Progress, Silent
from corpus.release import Release
from train.card import write as write_card
from train.checkpoint import (
    CHECKPOINTS,
    Checkpoint,
    RunIdentity,
    Skipped,
    check_agreed,
    check_tokens,
    check_weights,
    rewind,
    where_to_go_on,
)
from train.command_line import Arguments
from train.dataset.sources import Chats, documents, open_chats
from train.evaluate.likelihood import held_out_documents, likelihood
from train.evaluate.scores import EVALUATION, as_json
from train.evaluate.subject import Pair, Subject
from train.journal import Journal, journal
from train.loop.processes import Processes
from train.loop.run import Position, TrainingRun, peak_memory
from train.loop.state import adapter_files
from train.loop.stopping import stop_requests
from train.machine import check_machine, memory_told, shape_of
from train.material import Material, check_vocabulary, first_alone, gather, open_verified
from train.model.fingerprint import of_stored
from train.model.loading import compute_type, load_adapted
from train.model.next_token import NextToken
from train.provenance import left_out, training_flops, write_provenance
from train.recipe import Recipe, digest, save
from train.report import write as write_report
from train.report.run_files import RUN, read_sources, selected
from train.tokenizer.conversation import NONE
from train.tokenizer.interface import Tokenizer
from train.tokenizer.opening import check_agreement, locate, open_tokenizer

COMPARED = 50
"""Documents on which the two forms of a tokenizer must agree before anything is trained."""


def train(arguments: Arguments, progress: Progress) -> Path:
    """Train, or go on training, and return the folder of the run.

    Raises Stopped after a signal once everything is saved, LossNotFinite, GpuIsFull, FolderInUse,
    and what `check_machine`, `where_to_go_on`, and opening a release, a model, a tokenizer raise.
    """
    check_machine(arguments.recipe)
    processes = Processes()
    try:
        with claimed(arguments.out, processes.is_first), memory_told():
            train_together(arguments, processes, progress if processes.is_first else Silent())
    finally:
        processes.close()
    return arguments.out


def train_together(arguments: Arguments, processes: Processes, progress: Progress) -> None:
    """Do one process's part of a run; the first one also tells and writes."""
    release = open_verified(arguments.release) if processes.is_first else None
    processes.wait()
    release = release or Release.open(arguments.release)
    tokenizer = open_tokenizer_of(arguments.recipe)
    arguments = replace(arguments, recipe=with_prompt_of(tokenizer, arguments.recipe))
    recipe, out = arguments.recipe, arguments.out
    chats = open_chats(recipe.stage2.data)
    identity = identity_of(release, recipe, chats, processes)
    checkpoint, skipped = where_to_go_on(
        out, arguments.resume, recipe, identity, {each.name: each.sha256 for each in chats}
    )
    check_agreed(processes.gathered(checkpoint))
    material = laid_out(release, recipe, tokenizer, chats, out / "work", processes, progress)
    if checkpoint:
        check_tokens(checkpoint, {n: rows.identity for n, rows in material.training.items()})
    if shape := shape_of(recipe):
        check_vocabulary(material, shape.vocabulary)
    model = load(recipe)
    identity = replace(identity, weights=of_stored(model.adapted))
    if checkpoint:
        check_weights(checkpoint, identity.weights)
    if processes.is_first:
        save(recipe, out / "recipe.json")
        write_provenance(out / "run.json", release, recipe, material, model, processes)
    flops = training_flops(recipe, material)
    memory = partial(peak_memory, processes.device)
    with (
        stop_requests() as request,
        journal(out, recipe, flops, memory, processes.is_first) as told,
    ):
        run = TrainingRun(
            out / CHECKPOINTS, recipe, identity, material, model, processes, request, told.note
        )
        if checkpoint and processes.is_first:
            rewind(out, arguments.resume, checkpoint)
        announce(told, checkpoint, skipped)
        tell_left_out(told, material, checkpoint)
        run.train(Position.of(checkpoint) if checkpoint else Position())
    finish(out, run, progress)


def open_tokenizer_of(recipe: Recipe) -> Tokenizer:
    """Open a recipe's tokenizer with its system prompt. Raises what `open_tokenizer` does."""
    return open_tokenizer(*recipe.model.tokenizer_place, recipe.system_prompt)


def with_prompt_of(tokenizer: Tokenizer, recipe: Recipe) -> Recipe:
    """Return the recipe with the system prompt itself, which then is part of its digest."""
    return replace(recipe, system_prompt=NONE if tokenizer.system is None else tokenizer.system)


def identity_of(
    release: Release, recipe: Recipe, chats: Sequence[Chats], processes: Processes
) -> RunIdentity:
    """Return what a checkpoint must agree with to be gone on from."""
    model = f"{recipe.model.name}@{recipe.model.revision or 'main'}"
    told = [digest(recipe), *(each.sha256 for each in chats)]
    whole = hashlib.sha256("".join(told).encode()).hexdigest() if chats else told[0]
    return RunIdentity(release.identity, whole, model, processes.count)


def load(recipe: Recipe) -> NextToken:
    """Return the model with fresh adapters. Raises what `load_adapted` does."""
    adapted = load_adapted(recipe.model, recipe.adapter, recipe.length, recipe.seed)
    return NextToken(adapted, compute_type(recipe.model))


def laid_out(
    release: Release,
    recipe: Recipe,
    tokenizer: Tokenizer,
    chats: Sequence[Chats],
    work: Path,
    processes: Processes,
    progress: Progress,
) -> Material:
    """Return the rows; the first process tokenises, the others wait for it."""
    if processes.is_first:
        some = islice(documents(release, "train"), COMPARED)
        folder = locate(*recipe.model.tokenizer_place)
        check_agreement(folder, (document.text for document in some))
    lay_out = partial(gather, release, recipe, tokenizer, work, progress, chats)
    return first_alone(processes.is_first, processes.wait, lay_out)


def announce(told: Journal, checkpoint: Checkpoint | None, skipped: list[Skipped]) -> None:
    """Tell where the run goes on, and what was passed over."""
    position = checkpoint.position if checkpoint else {"stage": 0, "step": 0}
    at = {"kind": "event", "stage": position["stage"], "step": position["step"]}
    told.begin(position["stage"], position["step"])
    for each in skipped:
        told.note({**at, "name": "skipped", "why": str(each)})
    if checkpoint:
        resumed = {"name": "resumed", "steps": position["steps"], "checkpoint": checkpoint.name}
        told.note({**at, **resumed})


def tell_left_out(told: Journal, material: Material, checkpoint: Checkpoint | None) -> None:
    """Tell of the stages that are to begin which samples no step will see."""
    position = checkpoint.position if checkpoint else {"stage": 0, "step": 0}
    at = {"kind": "event", "stage": position["stage"], "step": position["step"]}
    for stage, rows in material.training.items():
        found = left_out(rows.describe())
        if stage > position["stage"] and found["reasons"]:
            told.note({**at, "name": "left_out", "of_stage": stage, **found})


@contextmanager
def claimed(out: Path, is_first: bool) -> Iterator[None]:
    """Keep others from writing to the run's folder. Raises FolderInUse."""
    with ExitStack() as held:
        if is_first:
            held.enter_context(claim(out, "trainer"))
            sweep(out)
            sweep(out / CHECKPOINTS)
        yield


ADAPTER = "adapter"
SPLIT = "test"


def finish(out: Path, run: TrainingRun, progress: Progress) -> None:
    """Write the adapter in peft's format, then what it changed, the report and the card.

    All processes pass through the model, which may be divided among them, and the first one writes;
    all of it is made again from the last checkpoint if it is interrupted.
    """
    if run.processes.is_first:
        write_adapter(out, run)
    evaluation = evaluate(run, progress)
    if run.processes.is_first:
        write_json(out / EVALUATION, evaluation)
        record_selection(out)
        write_report(out)
        write_card(out, run.material.release)
    run.processes.wait()


def evaluate(run: TrainingRun, progress: Progress) -> dict[str, object]:
    """Compare base and adapter on the split that no step and no measurement has seen."""
    release, recipe = run.material.release, run.recipe
    documents = list(held_out_documents(release, SPLIT, recipe.evaluation_documents))
    subject = Subject(run.model, run.material.tokenizer, run.processes.device)
    measures = likelihood(Pair(subject, subject), documents, recipe.length, progress)
    told = {
        "release": {"version": release.manifest.version, "sha256": release.identity},
        "split": SPLIT,
        "against": "base",
    }
    return as_json(measures, told)


def record_selection(out: Path) -> None:
    """Write into run.json which step's weights each stage ended with, where one was selected."""
    sources = read_sources(out)
    if found := selected(sources):
        write_json(out / RUN, sources.run | {"selected": found})


def write_adapter(out: Path, run: TrainingRun) -> Path:
    """Write the adapter's folder, whole or not at all; one that is there gives way."""
    with whole_folder(out / ADAPTER, replaces=True) as folder:
        for name, write in adapter_files(run.model.adapted).items():
            write(folder / name)
    return out / ADAPTER
