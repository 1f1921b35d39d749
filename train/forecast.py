"""Whether a recipe fits on a GPU, what makes it fit, and how long it takes.

All of it is worked out before any weight is fetched. Changes come mildest first.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from corpus.release import Release
from train.architecture import Architecture
from train.budget import BITS_16, GIB, INT8, MIB, NF4, Budget, budget
from train.errors import TrainError
from train.options import override
from train.recipe import Recipe, UnknownTarget
from train.throughput import ASSUMED_UTILIZATION, Gpu, expected_rate, token_flops, utilization
from train.workload import BYTES_PER_TOKEN, Workload, prompt_bytes, workload

STORED_BYTES = {"16-bit": BITS_16, "nf4": NF4, "int8": INT8, "fp8": 1.0}
"""Of a weight of a projection in a model's files."""
SHORTEST = 512
"""Tokens below which rows are not made shorter: most files would be cut."""

Setting = bool | int | str


class RowsTooLong(TrainError):
    """The recipe's rows are longer than what the model is for."""

    def __init__(self, length: int, positions: int) -> None:
        super().__init__(
            f"rows of {length:,} tokens, but the model has {positions:,} positions. "
            f"Set --length {positions} or less."
        )


class UnreadableRelease(TrainError):
    """A file of the release is missing or damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: the release cannot be read ({why}). `python -m corpus verify {path}` says "
            "which files differ from its manifest."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """How fast tokens go by."""

    tokens_per_second: float
    is_measured: bool
    utilization: float | None
    """Of the GPU's floating-point operations; None where no GPU is named."""


@dataclass(frozen=True, slots=True)
class Change:
    """Options to set, and what the recipe takes once they and those before are set."""

    options: tuple[str, ...]
    """As on the command line."""
    why: str
    total: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What was found out."""

    model: str
    shape: Architecture
    recipe: Recipe
    budget: Budget
    capacity: int | None
    """Bytes of the GPU; None where nothing was said of it."""
    changes: list[Change]
    """What would make it fit."""
    would_fit: bool
    """Whether it fits with these changes."""
    micro_batch: int
    """The most rows at once that fit."""
    workloads: list[Workload]
    rate: Rate | None

    @property
    def fits(self) -> bool | None:
        """Whether the recipe fits as it is; None where that cannot be said."""
        return None if self.capacity is None else self.budget.fits(self.capacity)

    @property
    def fetched(self) -> int:
        """Bytes of the model's files, estimated."""
        counts = self.shape.parameters
        packed = counts.attention + counts.feed_forward
        rest = counts.total - packed
        return round(packed * STORED_BYTES[self.shape.stored] + rest * BITS_16)

    def hours(self, tokens: int) -> float | None:
        """Return the hours that so many tokens take; None without a rate."""
        return None if self.rate is None else tokens / self.rate.tokens_per_second / 3600

    def epoch_hours(self, load: Workload) -> float | None:
        """Return the hours of an epoch of a stage; None without a rate."""
        return self.hours(load.epoch_rows * self.recipe.length)

    def notes(self) -> list[str]:
        """Return what else should be known."""
        found = []
        stored, wanted = self.shape.stored, self.recipe.model.quantization
        if stored == "fp8":
            found += self._widening()
        elif stored != "16-bit" and stored != wanted:
            found.append(
                f"The model's files are {stored}, the recipe wants {wanted}: name the repository "
                "of its 16-bit weights instead."
            )
        if self.shape.exempt:
            found.append("The quantised model keeps some layers in 16 bits; they are counted so.")
        if self.recipe.model.sharded:
            found.append(
                "What is counted is one process with all weights, as each loads them before they "
                "are divided."
            )
        if self.recipe.adapter.dora:
            found.append("What DoRA takes for the norms of whole weights is not counted.")
        if self.workloads and self.recipe.stage2.enabled:
            if not prompt_bytes(self.recipe) and self.recipe.system_prompt != "none":
                found.append(
                    "The system prompt is not counted: every instruction row is longer by it, "
                    "Devstral Small's own by 1,220 tokens."
                )
            if any(place.startswith("hub:") for place in self.recipe.stage2.data.chats.values()):
                found.append("Chats on the Hub are not counted.")
        if self.shape.vision:
            found.append("The vision tower is loaded too; it is not trained.")
        return found

    def _widening(self) -> list[str]:
        """Return what files of 8-bit floats cost, and which settings they need."""
        wanted, wide = self.recipe.model.quantization, self.shape.parameters.total * BITS_16 / 1e9
        again = (
            f": {wide:.1f} GB of host memory, from which each projection is quantised ({wanted})"
            if wanted != "none"
            else ""
        )
        return [
            f"The model's files are fp8. transformers widens them to 16 bits on loading{again}. "
            "Unsloth is not used for them: train with --model.backend transformers, as is counted "
            "here, or name a repository of 16-bit or 4-bit weights."
        ]

    def to_json(self) -> dict[str, object]:
        """Return all of it as plain values."""
        return {
            "model": self.model,
            "parameters": asdict(self.shape.parameters) | {"total": self.shape.parameters.total},
            "fetched_bytes": self.fetched,
            "components": [asdict(each) for each in self.budget.components],
            "total_bytes": self.budget.total,
            "capacity_bytes": self.capacity,
            "fits": self.fits,
            "changes": [asdict(each) for each in self.changes],
            "would_fit": self.would_fit,
            "largest_micro_batch": self.micro_batch,
            "rate": None if self.rate is None else asdict(self.rate),
            "stages": [
                asdict(load)
                | {"epoch_hours": self.epoch_hours(load), "hours": self.hours(load.row_tokens)}
                for load in self.workloads
            ],
            "notes": self.notes(),
        }


def foretell(
    shape: Architecture,
    recipe: Recipe,
    release: Path | None = None,
    *,
    vram: float | None = None,
    gpu: Gpu | None = None,
    tokens_per_second: float | None = None,
    bytes_per_token: float = BYTES_PER_TOKEN,
) -> Forecast:
    """Foretell a run. `vram` is in GiB and comes before the GPU's own memory.

    Raises RowsTooLong, UnknownTarget, UnknownSource, UnreadableRelease, and what `Release.open`
    does.
    """
    check(shape, recipe)
    if shape.stored == "fp8":
        recipe = override(recipe, {"model.backend": "transformers"})
    needed = budget(shape, recipe)
    capacity = capacity_of(vram, gpu)
    made, changed = changes(shape, recipe, capacity) if capacity else ([], recipe)
    return Forecast(
        model=recipe.model.name,
        shape=shape,
        recipe=recipe,
        budget=needed,
        capacity=capacity,
        changes=made,
        would_fit=capacity is not None and budget(shape, changed).fits(capacity),
        micro_batch=largest_micro_batch(shape, recipe, capacity) if capacity else 0,
        workloads=workloads(release, recipe, bytes_per_token) if release else [],
        rate=rate_of(shape, recipe, gpu, tokens_per_second),
    )


def capacity_of(vram: float | None, gpu: Gpu | None) -> int | None:
    """Return the bytes of what `foretell` was told of; None where that is nothing."""
    if vram is not None:
        return round(vram * GIB)
    return None if gpu is None else gpu.memory * MIB


def check(shape: Architecture, recipe: Recipe) -> None:
    """Raise RowsTooLong or UnknownTarget where the model cannot be trained so."""
    if recipe.length > shape.positions:
        raise RowsTooLong(recipe.length, shape.positions)
    names = [linear.name for linear in shape.linears]
    if unknown := [name for name in recipe.adapter.targets if name not in names]:
        raise UnknownTarget(unknown, sorted(names))


def workloads(release: Path, recipe: Recipe, bytes_per_token: float) -> list[Workload]:
    """Estimate what the stages that are enabled read. Raises UnreadableRelease."""
    opened = Release.open(release)
    enabled = {1: recipe.stage1.enabled, 2: recipe.stage2.enabled}
    stages = [stage for stage in enabled if enabled[stage]]
    try:
        return [workload(opened, recipe, stage, bytes_per_token) for stage in stages]
    except (OSError, ValueError) as error:  # Arrow's are of these
        raise UnreadableRelease(release, str(error).rstrip(".")) from error


def rate_of(
    shape: Architecture, recipe: Recipe, gpu: Gpu | None, measured: float | None
) -> Rate | None:
    """Return the measured rate, or what a GPU may be expected to do; None without either."""
    flops = token_flops(shape, recipe)
    if measured is not None:
        used = utilization(measured * flops.model, 1, gpu.teraflops * 1e12) if gpu else None
        return Rate(tokens_per_second=measured, is_measured=True, utilization=used)
    if gpu is None:
        return None
    return Rate(
        tokens_per_second=expected_rate(flops, gpu),
        is_measured=False,
        utilization=ASSUMED_UTILIZATION,
    )


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


def milder(recipe: Recipe) -> Iterator[tuple[dict[str, Setting], str]]:
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


def _option(setting: tuple[str, Setting]) -> str:
    key, value = setting
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"--{key.replace('_', '-')} {text}"
