"""`python -m train.plan`: does it fit, what to change if not, and how long does it take.

Nothing is fetched, but for the model's config.json with --fetch. Leaves with 0 if it fits, 1 if it
does not, and 2 if that cannot be said.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from corpus.console import say, say_json
from corpus.errors import CorpusError
from train.architecture import Architecture, read
from train.command_line import Parser, add_recipe_options, dashed, recipe_of
from train.duration import (
    BYTES_PER_TOKEN,
    Gpu,
    Rate,
    Workload,
    gpu_named,
    prompt_bytes,
    rate_of,
    workload,
)
from train.errors import TrainError
from train.memory import (
    BITS_16,
    GIB,
    INT8,
    MIB,
    NF4,
    Budget,
    Change,
    budget,
    changes,
    check,
    largest_micro_batch,
)
from train.options import override
from train.recipe import Recipe

USAGE = "[--model CONFIG] [--release FOLDER] --vram GIB [options]"

DESCRIPTION = """\
Say whether fine-tuning fits on a GPU, component by component, what to change if it does not, and
how long an epoch takes. Of the model only config.json is read, of the release only sizes. The Hub
is asked with --fetch alone: shapes of the models that recipes name come with the program."""

EXAMPLES = """\
examples:
  python -m train.plan --model unsloth/Devstral-Small-2507 --release releases/2026.11.1 --vram 32
  python -m train.plan --release releases/2026.11.1 --gpu "RTX 5090" --tokens-per-second 1200
  python -m train.plan --model models/devstral/config.json --vram 24 --length 4096 --json

exit codes: 0 it fits, 1 it does not, 2 that cannot be said"""

FITS, DOES_NOT_FIT, CANNOT_SAY = 0, 1, 2

STORED_BYTES = {"16-bit": BITS_16, "nf4": NF4, "int8": INT8, "fp8": 1.0}
"""Of a weight of a projection in a model's files."""


class UnreadableRelease(TrainError):
    """A file of the release is missing or damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: the release cannot be read ({why}). `python -m corpus verify {path}` says "
            "which files differ from its manifest."
        )


def main(argv: Sequence[str]) -> int:
    """Parse a command line, print the plan, and return the exit code."""
    parser = Parser("python -m train.plan", USAGE, DESCRIPTION, EXAMPLES)
    add_plan_options(parser)
    add_recipe_options(parser, argv)
    given = parser.parse_args(dashed(argv))
    try:
        recipe = recipe_of(given)
        if given.model:
            recipe = replace(recipe, model=replace(recipe.model, name=given.model, revision=""))
        made = planned(
            read(recipe.model.name, recipe.model.revision, fetch=given.fetch),
            recipe,
            given.release,
            vram=given.vram,
            gpu=gpu_named(given.gpu) if given.gpu else None,
            tokens_per_second=given.tokens_per_second,
            bytes_per_token=given.bytes_per_token,
        )
    except CorpusError as error:
        parser.error(str(error))
    show(made, given.json)
    return {True: FITS, False: DOES_NOT_FIT, None: CANNOT_SAY}[made.fits]


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add what is asked of a plan besides the recipe."""
    add = parser.add_argument
    add("--model", metavar="CONFIG", help="a model's folder, its config.json, or a name on the Hub")
    add("--fetch", action="store_true", help="read config.json from the Hub if it is not here")
    add("--release", type=Path, metavar="FOLDER", help="count the tokens of this release")
    add("--vram", type=positive, metavar="GIB", help="memory of the GPU")
    add("--gpu", metavar="NAME", help='a model of GPU, such as "RTX 5090", H100 or A100-80GB')
    add(
        "--tokens-per-second",
        type=positive,
        metavar="RATE",
        help="a measured rate, such as a run's report tells; without it the GPU's is assumed",
    )
    add(
        "--bytes-per-token",
        type=positive,
        default=BYTES_PER_TOKEN,
        metavar="NUMBER",
        help="of the tokenizer on the release (default: 3.42, Tekken on Elixir)",
    )
    add("--json", action="store_true", help="print the plan as JSON")


def positive(text: str) -> float:
    """Read a number above 0. Raises argparse.ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
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
        return None if self.capacity is None else self.budget.total <= self.capacity

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


def planned(
    shape: Architecture,
    recipe: Recipe,
    release: Path | None,
    *,
    vram: float | None,
    gpu: Gpu | None,
    tokens_per_second: float | None,
    bytes_per_token: float,
) -> Plan:
    """Plan a run. `vram` is in GiB and comes before the GPU's own memory.

    Raises RowsTooLong, UnknownTarget, UnknownSource, UnreadableRelease, and what `Release.open`
    does.
    """
    check(shape, recipe)
    if shape.stored == "fp8":
        recipe = override(recipe, {"model.backend": "transformers"})
    capacity = None if gpu is None else gpu.memory * MIB
    if vram is not None:
        capacity = round(vram * GIB)
    made, changed = changes(shape, recipe, capacity) if capacity else ([], recipe)
    return Plan(
        model=recipe.model.name,
        shape=shape,
        recipe=recipe,
        budget=budget(shape, recipe),
        capacity=capacity,
        changes=made,
        would_fit=capacity is not None and budget(shape, changed).total <= capacity,
        micro_batch=largest_micro_batch(shape, recipe, capacity) if capacity else 0,
        workloads=workloads(release, recipe, bytes_per_token) if release else [],
        rate=rate_of(shape, recipe, gpu, tokens_per_second),
    )


def workloads(release: Path, recipe: Recipe, bytes_per_token: float) -> list[Workload]:
    """Estimate what the stages that are enabled read. Raises UnreadableRelease."""
    from corpus.release import Release

    opened = Release.open(release)
    stages = [stage for stage, of in ((1, recipe.stage1), (2, recipe.stage2)) if of.enabled]
    try:
        return [workload(opened, recipe, stage, bytes_per_token) for stage in stages]
    except (OSError, ValueError) as error:  # Arrow's are of these
        raise UnreadableRelease(release, str(error).rstrip(".")) from error


def show(made: Plan, as_json: bool) -> None:
    """Print a plan."""
    if as_json:
        say_json(made.to_json(), is_canonical=True)
        return
    show_memory(made)
    for line in (*verdict(made), *made.notes()):
        say(line)
    if made.workloads:
        show_time(made)


def show_memory(made: Plan) -> None:
    """Print what takes the memory."""
    total = made.shape.parameters.total
    say(f"{made.model}: {total:,} parameters, {made.fetched / 1e9:.1f} GB to fetch")
    rows = [(each.name, f"{each.bytes / GIB:.2f}", each.detail) for each in made.budget.components]
    capacity = "" if made.capacity is None else f"of {made.capacity / GIB:.4g}"
    show_table(
        ("memory", "GiB", ""), [*rows, ("total", f"{made.budget.total / GIB:.2f}", capacity)]
    )


def verdict(made: Plan) -> Iterable[str]:
    """Yield whether it fits, and what to change if not."""
    if made.fits is None:
        yield "Whether that fits cannot be said: give --vram or --gpu."
    elif made.fits:
        yield f"It fits. Up to --micro-batch {made.micro_batch} would."
    else:
        yield "It does not fit" + (". Set:" if made.would_fit else ", not even with all of:")
        for change in made.changes:
            options = " ".join(change.options)
            yield f"  {options}  ({change.why}): {change.total / GIB:.2f} GiB"
        if not made.would_fit:
            yield "Take a larger GPU or a smaller model."


def show_time(made: Plan) -> None:
    """Print what is read, and how long that takes."""
    rows = [
        (
            f"stage {load.stage}",
            f"{load.epoch_tokens:,}",
            f"{load.steps:,}",
            hours_text(made.epoch_hours(load)),
            hours_text(made.hours(load.row_tokens)),
        )
        for load in made.workloads
    ]
    say("")
    show_table(("", "tokens an epoch", "steps", "hours an epoch", "hours"), rows)
    if made.rate is None:
        say("For hours give --tokens-per-second, or --gpu for a guess.")
        return
    used = made.rate.utilization
    known = "measured" if made.rate.is_measured else "assumed"
    share = "" if used is None else f", {used:.0%} of the GPU's floating-point operations"
    say(f"At {made.rate.tokens_per_second:,.0f} tokens a second ({known}{share}).")


def hours_text(hours: float | None) -> str:
    """Return hours as they are read, a question mark where they are not known."""
    return "?" if hours is None else f"{hours:,.1f}" if hours >= 0.1 else f"{hours * 60:.1f} min"


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; columns of numbers are set right."""
    from rich import box
    from rich.table import Table

    from corpus.console import output

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    numbers = ("GiB", "tokens an epoch", "steps", "hours an epoch", "hours")
    for name in head:
        table.add_column(name, justify="right" if name in numbers else "left")
    for row in rows:
        table.add_row(*row)
    output.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
