"""Whether this machine can run a recipe: asked before anything is fetched or tokenised."""

from collections.abc import Iterator
from contextlib import contextmanager

from train.architecture import Architecture, UnknownArchitecture, read
from train.errors import TrainError
from train.journal import check_tracker
from train.memory import budget, check
from train.model.loading import NoAccelerator, uses_unsloth
from train.recipe import Recipe

GIB = 2**30


class TooLittleMemory(TrainError):
    """The recipe needs more than the GPU has."""

    def __init__(self, needed: float, there: float, name: str) -> None:
        super().__init__(
            f"the recipe needs about {needed / GIB:.1f} GiB, and {name} has {there / GIB:.1f}. "
            "`python -m train.plan --model MODEL --vram "
            f"{there / GIB:.2f}` says what to change so that it fits."
        )


class GpuIsFull(TrainError):
    """The GPU had no memory left in the middle of a run."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the GPU has no memory left ({said}). The last checkpoint is sound. See with "
            "nvidia-smi whether another program takes of it: then the same command goes on once "
            "it has ended. Else `python -m train.plan` says what makes a run smaller."
        )


class NoBfloat16(TrainError):
    """The GPU is of a generation before bfloat16."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} cannot calculate in bfloat16, which takes a GPU of compute capability 8.0 or "
            "more (Ampere, 2020). Set --model.compute float32 --model.backend transformers, which "
            "is far slower, or take a newer one."
        )


class Fp8NeedsTransformers(TrainError):
    """Files of 8-bit floats, and Unsloth would load them.

    Unsloth 2026.10 quantises such files anew only where each block of a weight has a scale;
    Devstral's of 2512 have one a weight.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: its files hold 8-bit floats, which are widened on loading by transformers "
            "alone. Set --model.backend transformers, or name a repository of its 16-bit or 4-bit "
            "weights. `python -m train.plan` says what each takes."
        )


def check_machine(recipe: Recipe) -> None:
    """Raise what keeps a recipe from running here, or at all.

    NoAccelerator, NoUnsloth, NoBfloat16 and TooLittleMemory; MissingTracker; RowsTooLong,
    UnknownTarget and Fp8NeedsTransformers; NoConfig where the model is not there. What takes no
    look at the model comes first.
    """
    import torch

    by_unsloth = uses_unsloth(recipe.model)
    check_tracker(recipe.tracker)
    if torch.cuda.is_available():
        check_precision(recipe, torch.cuda.get_device_capability(), torch.cuda.get_device_name())
    else:
        check_optimizers(recipe)
    shape = shape_of(recipe)
    if shape is not None:
        check(shape, recipe)
        check_form(shape, by_unsloth, recipe.model.name)
    if torch.cuda.is_available():
        there = torch.cuda.get_device_properties(0)
        check_memory(shape, recipe, there.total_memory, there.name)


@contextmanager
def memory_told() -> Iterator[None]:
    """Turn torch's error of a full GPU into GpuIsFull."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise GpuIsFull(str(error).partition(". ")[0]) from error


def check_precision(recipe: Recipe, capability: tuple[int, int], name: str) -> None:
    """Raise NoBfloat16 if a GPU of a compute capability lacks the type that is calculated in."""
    if recipe.model.compute != "float32" and capability < (8, 0):
        raise NoBfloat16(name)


def check_form(shape: Architecture, by_unsloth: bool, name: str) -> None:
    """Raise Fp8NeedsTransformers where Unsloth would load files of 8-bit floats."""
    if by_unsloth and shape.stored == "fp8":
        raise Fp8NeedsTransformers(name)


def check_optimizers(recipe: Recipe) -> None:
    """Raise NoAccelerator if a stage's optimizer is one that needs a GPU."""
    stages = (("stage1", recipe.stage1), ("stage2", recipe.stage2))
    kinds = {name: stage.optimizer.kind for name, stage in stages if stage.enabled}
    if wanting := [name for name, kind in kinds.items() if kind != "adamw"]:
        instead = " ".join(f"--{name}.optimizer.kind adamw" for name in wanting)
        raise NoAccelerator(f"--{wanting[0]}.optimizer.kind {kinds[wanting[0]]}", instead)


def shape_of(recipe: Recipe) -> Architecture | None:
    """Return the model's shape; None for a model of a kind that cannot be planned."""
    try:
        return read(recipe.model.name, recipe.model.revision)
    except UnknownArchitecture:
        return None


def check_memory(shape: Architecture | None, recipe: Recipe, there: int, name: str) -> None:
    """Raise TooLittleMemory if a GPU of `there` bytes is too small.

    A model that cannot be planned is let through, and so is one that several processes share.
    """
    if shape is None or recipe.model.sharded:
        return
    if (needed := budget(shape, recipe).total) > there:
        raise TooLittleMemory(needed, there, name)
