"""The command line of `python -m train.qlora`: a release, a recipe, and every option of it."""

import argparse
import ast
import inspect
import re
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from corpus.errors import CorpusError
from corpus.provenance import code_version
from train import recipe as recipes
from train.options import Option, options, override
from train.recipe import Recipe

STAGES: dict[str, dict[str, Any]] = {
    "1": {"stage1.enabled": True, "stage2.enabled": False},
    "2": {"stage1.enabled": False, "stage2.enabled": True},
    "both": {"stage1.enabled": True, "stage2.enabled": True},
}

USAGE = "--release FOLDER [options]"

DESCRIPTION = """\
Fine-tune a language model on a release with low-rank adapters over quantised weights: stage 1 reads
its documents, stage 2 its instructions. The run's folder gets checkpoints, the adapter, metrics, a
report and an evaluation. The same command goes on with a run that was ended."""

EXAMPLES = """\
examples:
  python -m train.qlora --release releases/2026.11.1
  python -m train.qlora --release releases/2026.11.1 --recipe devstral-80gb --stages 1
  python -m train.qlora --release releases/2026.11.1 --recipe smoke-cpu --model.name models/smollm2
  python -m train.qlora --release releases/2026.11.1 --stage1.optimizer.learning-rate 1e-5
  torchrun --nproc-per-node 2 -m train.qlora --release releases/2026.11.1

`python -m train.plan` says before anything is fetched whether it fits and how long it takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """What a run was asked to do."""

    release: Path
    out: Path
    """The run's folder."""
    recipe: Recipe
    """Resolved: what `--stages` and single options say is in it."""
    resume: Path | Literal["auto", "never"]
    """A checkpoint's folder, the newest valid one, or a start from the beginning."""


def parse(argv: Sequence[str]) -> Arguments:
    """Read the arguments after the program's name.

    Leaves with a message and code 2 where they cannot be used, and with 0 after `--help`.
    """
    parser = Parser("python -m train.qlora", USAGE, DESCRIPTION, EXAMPLES)
    add_run_options(parser)
    add_recipe_options(parser, argv)
    given = parser.parse_args(dashed(argv))
    try:
        recipe = recipe_of(given)
        recipe = override(recipe, STAGES[given.stages]) if given.stages else recipe
        if given.out is None:  # then the folder's name tells recipe and release
            from corpus.release import Release

            version = Release.open(given.release).manifest.version
            given.out = Path("runs") / f"{Path(given.recipe).stem}-{version}"
        return Arguments(
            release=given.release,
            out=given.out,
            recipe=recipe,
            resume=given.resume if given.resume in ("auto", "never") else Path(given.resume),
        )
    except CorpusError as error:
        parser.error(str(error))


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what is asked of a run besides its recipe."""
    parser.add_argument(
        "--release",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the release to train on; it is checked before the first step",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="the run's folder (default: runs/RECIPE-VERSION)",
    )
    parser.add_argument(
        "--resume",
        default="auto",
        metavar="auto|never|CHECKPOINT",
        help="go on from the newest valid checkpoint in the run's folder if there is one, begin "
        "anew, or go on from the one that is named (default: auto)",
    )
    parser.add_argument(
        "--stages",
        choices=STAGES,
        metavar="1|2|both",
        help="the stages to take, whatever the recipe says",
    )


def add_recipe_options(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Add `--recipe` and an option for every field of a recipe.

    Help shows the values of the recipe that is named, or defaults where it cannot be read: what
    parses the rest tells of that.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--recipe", nargs="?", default=recipes.DEFAULT)
    name = str(first.parse_known_args(argv)[0].recipe)
    try:
        recipe = recipes.load(name)
    except (CorpusError, OSError):
        recipe = Recipe()
    parser.add_argument(
        "--recipe",
        default=recipes.DEFAULT,
        metavar="NAME|FILE",
        help=f"one of {', '.join(recipes.shipped())}, a TOML file, or a run's recipe.json "
        f"(default: {recipes.DEFAULT})",
    )
    sections: dict[str, Any] = {}
    explained: dict[type, str] = {}
    for option in options(recipe):
        section = option.key.rpartition(".")[0]
        if section not in sections:
            sections[section] = parser.add_argument_group(*heading(option, section, name))
        text = documentation(option.owner).get(option.field, "")
        if text and (seen := explained.setdefault(option.owner, section)) != section:
            text = f"as in {seen}"
        sections[section].add_argument(
            f"--{option.key.replace('_', '-')}",
            dest=option.key,
            default=argparse.SUPPRESS,
            metavar=metavar_of(option.type),
            help=f"{text} [{shown(option.value)}]".strip().replace("%", "%%"),
            **({"nargs": "?", "const": "true"} if option.type is bool else {}),
        )


def recipe_of(given: argparse.Namespace) -> Recipe:
    """Return the recipe that was named, with the options that were given.

    Raises what `train.recipe.load` does.
    """
    known = {option.key for option in options(Recipe())}
    return recipes.load(given.recipe, {k: v for k, v in vars(given).items() if k in known})


def heading(option: Option, section: str, recipe: str) -> tuple[str, str]:
    """Return title and description of a section's group of options.

    It is described behind the field that is the section, or else at its class.
    """
    if not section:
        return "recipe", f"What a run depends on; in brackets what {recipe} says."
    owner: Any = Recipe
    *parents, name = section.split(".")
    for parent in parents:
        owner = get_type_hints(owner)[parent]
    text = documentation(owner).get(name) or inspect.getdoc(option.owner) or ""
    return section, text.partition("\n\n")[0]


def shown(value: object) -> str:
    """Return a value as it is written on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={shown(item)}" for name, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def metavar_of(kind: Any) -> str:
    """Return what stands for an option's value in help."""
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        each = metavar_of(get_args(kind)[0])
        return f"{each},{each}" + (",..." if Ellipsis in get_args(kind) else "")
    plain = {bool: "true|false", int: "INTEGER", float: "NUMBER", str: "TEXT"}
    if kind in plain:
        return plain[kind]
    return f"NAME={plain[get_args(kind)[1]]},..."


@cache
def documentation(owner: type) -> dict[str, str]:
    """Return the string literals that stand behind a class's fields, by field."""
    try:
        source = textwrap.dedent(inspect.getsource(owner))
    except OSError:  # installed without source
        return {}
    (statement,) = ast.parse(source).body
    body = statement.body if isinstance(statement, ast.ClassDef) else []
    return {
        before.target.id: inspect.cleandoc(str(after.value.value))
        for before, after in pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def dashed(argv: Sequence[str]) -> list[str]:
    """Return the arguments with hyphens for underscores in the names of options."""
    return [re.sub("^--[^=]+", lambda name: name[0].replace("_", "-"), word) for word in argv]


class Parser(argparse.ArgumentParser):
    """Says of what it cannot use what would do instead."""

    def __init__(self, program: str, usage: str, description: str, epilog: str) -> None:
        width = min(100, shutil.get_terminal_size().columns)
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(
            prog=program,
            usage=f"{program} {usage}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=partial(formatter, max_help_position=34, width=width),
        )
        self.add_argument(
            "--version",
            action="version",
            version=f"elixir-corpus {code_version()}",
            help="print the version and leave",
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; leave with code 2 at the first word that is no option, with what it may mean.

        That comes before what is missing: `--relese x` leaves `--release` out, too.
        """
        required = [action for action in self._actions if action.required]
        for action in required:
            action.required = False
        _, unknown = self.parse_known_args(args)
        for action in required:
            action.required = True
        if unknown:
            name = unknown[0].partition("=")[0]
            known = [each for action in self._actions for each in action.option_strings]
            same = [each for each in known if each.endswith(f".{name.removeprefix('--')}")]
            near = same or get_close_matches(name, known, 2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            self.error(f"there is no option {name}.{hint}")
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print one message to standard error and leave with code 2."""
        from corpus.console import say

        say(f"error: {message}\n`{self.prog} --help` lists every option.", is_error=True)
        raise SystemExit(2)
