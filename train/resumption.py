"""Where a run goes on: the checkpoint, and whether the stages that are wanted may follow it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus.untrusted import parse_object
from train.checkpoint.manifest import Checkpoint, Identity
from train.checkpoint.reading import (
    ForeignCheckpoint,
    Skipped,
    checkpoint_folders,
    compare,
    newest_valid,
    open_checkpoint,
)
from train.checkpoint.writing import give_way
from train.command_line import Arguments
from train.dataset.sources import Chats, ChatsChanged
from train.errors import TrainError
from train.material import Material
from train.recipe import Recipe, differences, load

CHECKPOINTS = "checkpoints"


class RunExists(TrainError):
    """The folder holds a run that was not to be gone on with."""

    def __init__(self, out: Path) -> None:
        super().__init__(
            f"{out}: a run has checkpoints here, and --resume never forbids to go on with it. Name "
            "another folder with --out, or take --resume auto to go on."
        )


class OtherRecipe(TrainError):
    """The folder holds a run of another recipe."""

    def __init__(self, out: Path, differing: list[str]) -> None:
        super().__init__(
            f"{out}: the run here was begun with another recipe: {'; '.join(differing)}. Go on "
            "with what it was begun with, or begin another run with another --out."
        )


class StagesOutOfOrder(TrainError):
    """The wanted stages cannot follow what the checkpoint stands for."""

    def __init__(self, checkpoint: Checkpoint, why: str) -> None:
        super().__init__(
            f"{checkpoint.path}: {why}. Take --stages both to go on with all that is left, or "
            "begin another run with another --out."
        )


class CheckpointsDiffer(TrainError):
    """Processes on several machines do not see the same checkpoints."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the processes would go on from different checkpoints ({', '.join(names)}). The first "
            "one alone writes them: put the run's folder on a disk that all machines share, or "
            "copy its `checkpoints` to the others."
        )


def where_to_go_on(
    arguments: Arguments, identity: Identity, chats: Sequence[Chats] = ()
) -> tuple[Checkpoint | None, list[Skipped]]:
    """Return the checkpoint to go on from, if any, and those passed over.

    Raises RunExists, NoCheckpoint, DamagedCheckpoint, ForeignCheckpoint, OtherRecipe, ChatsChanged
    and StagesOutOfOrder.
    """
    try:
        checkpoint, skipped = chosen(arguments, identity)
    except ForeignCheckpoint as error:
        if differing := options_that_differ(arguments):
            raise OtherRecipe(arguments.out, differing) from error
        if changed := chats_that_differ(arguments.out, chats):
            raise ChatsChanged(arguments.out, changed) from error
        raise
    if checkpoint is not None:
        check_order(checkpoint, arguments.recipe)
    return checkpoint, skipped


def chosen(arguments: Arguments, identity: Identity) -> tuple[Checkpoint | None, list[Skipped]]:
    """Return the checkpoint that is named, or the newest sound one."""
    folder = arguments.out / CHECKPOINTS
    if isinstance(arguments.resume, Path):
        return open_checkpoint(arguments.resume, identity), []
    if arguments.resume == "never" and checkpoint_folders(folder):
        raise RunExists(arguments.out)
    return newest_valid(folder, identity)


def options_that_differ(arguments: Arguments) -> list[str]:
    """Return in what the recipe differs from the one that the run's folder was begun with."""
    begun = arguments.out / "recipe.json"
    return differences(load(begun), arguments.recipe) if begun.is_file() else []


def chats_that_differ(out: Path, chats: Sequence[Chats]) -> list[str]:
    """Return names of own chats that are other ones than those that the run was begun with."""
    begun = told_of(out / "run.json").get("chats") or []
    before = {each["name"]: each["sha256"] for each in begun}
    return [each.name for each in chats if before.get(each.name, each.sha256) != each.sha256]


def told_of(path: Path) -> dict[str, Any]:
    """Return what a JSON file of a run holds, nothing if it cannot be read."""
    try:
        return parse_object(path.read_bytes())
    except (OSError, ValueError):
        return {}


def check_order(checkpoint: Checkpoint, recipe: Recipe) -> None:
    """Raise StagesOutOfOrder where a wanted stage would be skipped, or an unfinished one left."""
    stage, step, steps = (checkpoint.position[name] for name in ("stage", "step", "steps"))
    wanted = [number for number, each in ((1, recipe.stage1), (2, recipe.stage2)) if each.enabled]
    if step < steps and stage not in wanted:
        why = f"stage {stage} stands at step {step} of {steps}, and is not among the wanted stages"
        raise StagesOutOfOrder(checkpoint, why)
    if max(wanted) < stage:
        raise StagesOutOfOrder(checkpoint, f"stage {stage} came already, and stage 1 comes before")
    beside = {path.name.partition("-")[0] for path in checkpoint_folders(checkpoint.path.parent)}
    for number in wanted:
        if number < stage and f"stage{number}" not in beside:
            why = f"stage {stage} was begun without stage {number}, which comes before"
            raise StagesOutOfOrder(checkpoint, why)


def check_tokens(checkpoint: Checkpoint, material: Material) -> None:
    """Raise ForeignCheckpoint if the stage that goes on would read other tokens than it began with.

    Neither release nor recipe tell of that: a tokenizer or general text may change under its name.
    """
    rows, theirs = material.training.get(checkpoint.position["stage"]), checkpoint.identity
    if rows is not None and theirs.tokens:
        compare(checkpoint, replace(theirs, tokens=rows.identity))


def check_weights(checkpoint: Checkpoint, weights: str) -> None:
    """Raise ForeignCheckpoint if the base model's weights are not those that the run began with.

    A folder's files can be replaced, and a branch on the Hub moves, while the name stays.
    """
    theirs = checkpoint.identity
    if theirs.weights:
        compare(checkpoint, replace(theirs, weights=weights))


def check_agreed(found: Sequence[Checkpoint | None]) -> None:
    """Raise CheckpointsDiffer if not all processes found the same checkpoint to go on from."""
    told = [(each.name, each.files) if each else None for each in found]
    if any(each != told[0] for each in told):
        raise CheckpointsDiffer([each.name if each else "none" for each in found])


def rewind(arguments: Arguments, checkpoint: Checkpoint) -> None:
    """Remove what stands further than a checkpoint that was named, as the next save would.

    Its metrics go now. A run that is killed before that save must not go on from there without.
    """
    if isinstance(arguments.resume, Path):
        place = checkpoint.position["stage"], checkpoint.position["step"]
        give_way(arguments.out / CHECKPOINTS, place)
