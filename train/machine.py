"""Whether this machine can run a recipe: asked before anything is fetched or tokenised."""

from train.architecture import UnknownArchitecture, read
from train.budget import budget
from train.errors import TrainError
from train.model.loading import NoAccelerator, uses_unsloth
from train.recipe import Recipe

GIB = 2**30


class TooLittleMemory(TrainError):
    """The recipe needs more than the GPU has."""

    def __init__(self, needed: float, there: float, name: str) -> None:
        super().__init__(
            f"the recipe needs about {needed / GIB:.1f} GiB, and {name} has {there / GIB:.1f}. "
            "`python -m train.plan --model MODEL --vram "
            f"{there / GIB:.0f}` says what to change so that it fits."
        )


def check_machine(recipe: Recipe) -> None:
    """Raise NoAccelerator or TooLittleMemory where the recipe cannot run here."""
    import torch

    uses_unsloth(recipe.model)
    if torch.cuda.is_available():
        there = torch.cuda.get_device_properties(0)
        check_memory(recipe, there.total_memory, there.name)
        return
    for name, stage in (("stage1", recipe.stage1), ("stage2", recipe.stage2)):
        if stage.enabled and stage.optimizer.kind != "adamw":
            raise NoAccelerator(f"--{name}.optimizer.kind {stage.optimizer.kind}")


def check_memory(recipe: Recipe, there: int, name: str) -> None:
    """Raise TooLittleMemory if a GPU of `there` bytes is too small.

    A model of a kind that cannot be planned is let through, and so is one that several share.
    """
    if recipe.model.sharded:
        return
    try:
        shape = read(recipe.model.name, recipe.model.revision)
    except UnknownArchitecture:
        return
    if (needed := budget(shape, recipe).total) > there:
        raise TooLittleMemory(needed, there, name)
