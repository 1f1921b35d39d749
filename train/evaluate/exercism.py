"""Exercism's Elixir track, from a checkout of github.com/exercism/elixir.

Each exercise says in .meta/config.json which file is to be written, which are its tests and which
is the example solution. Mix is left out: it would ask for packages, and an exercise has none.
"""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from corpus.untrusted import below, parse_object
from train.evaluate.problems import Problem, Prompt
from train.evaluate.published import MalformedBenchmark, NoBenchmark

SOURCE = "exercism"
KINDS = ("practice", "concept")
INSTRUCTIONS = ("introduction.md", "instructions.md", "instructions.append.md")
REQUIREMENT = re.compile(r"\belixir:\s*\"([^\"]+)\"")
QUESTION = """\
{instructions}

Complete the following file, `{path}`, and answer with the whole of it in one fenced block of code.

```elixir
{stub}```
"""


def read_exercism(path: Path) -> Iterator[Problem]:
    """Yield the exercises of a checkout that are solved in one file, in the order of their names.

    Raises NoBenchmark where there is no exercise and MalformedBenchmark for one that is damaged.
    """
    configs = [
        config
        for kind in KINDS
        for config in sorted((path / "exercises" / kind).glob("*/.meta/config.json"))
    ]
    if not configs:
        raise NoBenchmark(path, "a checkout of github.com/exercism/elixir")
    for config in configs:
        files = files_of(config)
        if len(files["solution"]) == 1:
            yield problem(config.parent.parent, files)


def files_of(config: Path) -> dict[str, list[str]]:
    """Return the names of an exercise's files by their part in it, all below its folder.

    Raises MalformedBenchmark.
    """
    try:
        files = parse_object(config.read_bytes())["files"]
        example = files["example"] if "example" in files else files["exemplar"]
        named = {"solution": files["solution"], "test": files["test"], "example": example}
        named["editor"] = files.get("editor", [])
        for name in chain.from_iterable(named.values()):
            below(config.parent.parent, name)
        return named
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedBenchmark(
            config, f"not the configuration of an exercise: {error}"
        ) from error


def problem(folder: Path, files: dict[str, list[str]]) -> Problem:
    """Return the problem of one exercise."""
    solution = files["solution"][0]
    mix = folder / "mix.exs"
    requires = REQUIREMENT.search(read(mix)) if mix.is_file() else None
    question = QUESTION.format(
        instructions=instructions(folder / ".docs").strip(),
        path=solution,
        stub=read(folder / solution).rstrip("\n") + "\n",
    )
    return Problem(
        identity=f"{SOURCE}/{folder.name}",
        source=SOURCE,
        prompt=Prompt(question=question),
        path=solution,
        files={name: read(folder / name) for name in files["editor"]},
        assets={
            str(each.relative_to(folder)): each.read_bytes()
            for each in sorted((folder / "assets").rglob("*"))
            if each.is_file() and not each.is_symlink()
        },
        tests={name: read(folder / name) for name in files["test"]},
        reference="\n".join(read(folder / name) for name in files["example"]),
        requires=requires[1] if requires else "",
    )


def instructions(folder: Path) -> str:
    """Return what the exercise says of itself."""
    return "\n\n".join(
        read(folder / name).strip() for name in INSTRUCTIONS if (folder / name).is_file()
    )


def read(path: Path) -> str:
    """Return a file's text. Raises MalformedBenchmark where it is named and not there."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedBenchmark(path, f"cannot be read: {error}") from error
