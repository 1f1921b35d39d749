"""The trainer's main job: from a release to an adapter, its measurements, report and card."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from corpus.locking import claim
from corpus.progress import Progress, Silent
from corpus.release import Release
from train.checkpoint.manifest import Checkpoint, Identity
from train.checkpoint.reading import Skipped
from train.command_line import Arguments
from train.dataset.sources import Chats, documents, open_chats
from train.finish import finish
from train.folders import sweep
from train.journal import Journal, journal
from train.loop.processes import Processes
from train.loop.run import Place, Run
from train.loop.stopping import stop_requests
from train.machine import check_machine, memory_told, shape_of
from train.material import Material, check_vocabulary, first_alone, gather, open_verified
from train.model.fingerprint import of_stored
from train.model.loading import compute_type, load_adapted
from train.model.next_token import NextToken
from train.provenance import left_out, training_flops, write_provenance
from train.recipe import Recipe, digest, save
from train.resumption import (
    CHECKPOINTS,
    check_agreed,
    check_tokens,
    check_weights,
    rewind,
    where_to_go_on,
)
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
    checkpoint, skipped = where_to_go_on(arguments, identity, chats)
    check_agreed(processes.gathered(checkpoint))
    material = laid_out(release, recipe, tokenizer, chats, out / "work", processes, progress)
    if checkpoint:
        check_tokens(checkpoint, material)
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
    with stop_requests() as request, journal(out, recipe, processes, flops) as told:
        run = Run(
            out / CHECKPOINTS, recipe, identity, material, model, processes, request, told.note
        )
        if checkpoint and processes.is_first:
            rewind(arguments, checkpoint)
        announce(told, checkpoint, skipped)
        tell_left_out(told, material, checkpoint)
        run.train(Place.of(checkpoint) if checkpoint else Place())
    finish(out, run, progress)


def open_tokenizer_of(recipe: Recipe) -> Tokenizer:
    """Open a recipe's tokenizer with its system prompt. Raises what `open_tokenizer` does."""
    return open_tokenizer(*recipe.model.tokenizer_place, recipe.system_prompt)


def with_prompt_of(tokenizer: Tokenizer, recipe: Recipe) -> Recipe:
    """Return the recipe with the system prompt itself, which then is part of its digest."""
    return replace(recipe, system_prompt=NONE if tokenizer.system is None else tokenizer.system)


def identity_of(
    release: Release, recipe: Recipe, chats: Sequence[Chats], processes: Processes
) -> Identity:
    """Return what a checkpoint must agree with to be gone on from."""
    model = f"{recipe.model.name}@{recipe.model.revision or 'main'}"
    told = [digest(recipe), *(each.sha256 for each in chats)]
    whole = hashlib.sha256("".join(told).encode()).hexdigest() if chats else told[0]
    return Identity(release.identity, whole, model, processes.count)


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
