"""`python -m train.plan`: does it fit, what to change if not, and how long does it take.

Nothing is fetched, but for the model's config.json with --fetch. Leaves with 0 if it fits, 1 if it
does not, and 2 if that cannot be said.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.console import say, say_json
from corpus.errors import CorpusError
from train.command_line import Parser, add_recipe_options, dashed, recipe_of

if TYPE_CHECKING:
    from train.forecast import Forecast

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
        from train import architecture
        from train.forecast import foretell
        from train.throughput import gpu_named

        made = foretell(
            architecture.read(recipe.model.name, recipe.model.revision, fetch=given.fetch),
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
        default=3.42,
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


def show(made: "Forecast", as_json: bool) -> None:
    """Print a plan."""
    if as_json:
        say_json(made.to_json(), is_canonical=True)
        return
    show_memory(made)
    for line in (*verdict(made), *made.notes()):
        say(line)
    if made.workloads:
        show_time(made)


def show_memory(made: "Forecast") -> None:
    """Print what takes the memory."""
    from train.budget import GIB

    total = made.shape.parameters.total
    say(f"{made.model}: {total:,} parameters, {made.fetched / 1e9:.1f} GB to fetch")
    rows = [(each.name, f"{each.bytes / GIB:.2f}", each.detail) for each in made.budget.components]
    capacity = "" if made.capacity is None else f"of {made.capacity / GIB:.4g}"
    show_table(
        ("memory", "GiB", ""), [*rows, ("total", f"{made.budget.total / GIB:.2f}", capacity)]
    )


def verdict(made: "Forecast") -> Iterable[str]:
    """Yield whether it fits, and what to change if not."""
    from train.budget import GIB

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


def show_time(made: "Forecast") -> None:
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
