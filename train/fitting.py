"""What to change in a recipe so that it fits on a GPU, mildest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from train.architecture import Architecture
from train.budget import budget
from train.options import override
from train.recipe import Recipe

SHORTEST = 512
"""Tokens below which rows are not made shorter: most files would be cut."""


@dataclass(frozen=True, slots=True)
class Change:
    """Options to set, and what the recipe takes once they and those before are set."""

    options: tuple[str, ...]
    """As on the command line."""
    why: str
    total: int
    """Bytes."""


def changes(shape: Architecture, recipe: Recipe, capacity: int) -> tuple[list[Change], Recipe]:
    """Return changes that each save memory, until the recipe fits or none is left; and what it
    then is.
    """
    made: list[Change] = []
    total = budget(shape, recipe).total
    for settings, why in milder(recipe):
        if total <= capacity:
            break
        changed = override(recipe, settings)
        saved = budget(shape, changed).total
        if saved < total:
            made.append(Change(tuple(map(_option, settings.items())), why, saved))
            recipe, total = changed, saved
    return made, recipe


def milder(recipe: Recipe) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield settings that save memory, those that change the result least first."""
    yield {"model.gradient_checkpointing": True}, "activations are computed twice, a third slower"
    if recipe.micro_batch > 1:
        yield {"micro_batch": 1}, "the same steps in smaller pieces"
    yield (
        {f"stage{stage}.optimizer.kind": "paged_adamw_8bit" for stage in (1, 2)},
        "moments in 8 bits, in the host's memory when there is no room",
    )
    yield {"adapter.embeddings": False}, "embeddings and head stay as they are"
    yield {"model.quantization": "nf4"}, "weights in 4 bits"
    yield {"model.compute": "bfloat16"}, "activations in 16 bits"
    yield {"model.backend": "auto"}, "Unsloth keeps layer inputs in the host's memory"
    length = recipe.length // 2
    while length >= SHORTEST:
        yield {"length": length}, "shorter rows: more files are cut"
        length //= 2


def largest_micro_batch(shape: Architecture, recipe: Recipe, capacity: int) -> int:
    """Return the most rows at once that divide the batch and fit, 0 if not even one does."""
    fitting = (
        rows
        for rows in range(recipe.batch, 0, -1)
        if recipe.batch % rows == 0
        if budget(shape, override(recipe, {"micro_batch": rows})).fits(capacity)
    )
    return next(fitting, 0)


def _option(setting: tuple[str, Any]) -> str:
    key, value = setting
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"--{key.replace('_', '-')} {text}"
