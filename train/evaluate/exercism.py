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
    exercises = path / "exercises"
    configs = [sorted((exercises / kind).glob("*/.meta/config.json")) for kind in KINDS]
    if not any(configs):
        raise NoBenchmark(path, "a checkout of github.com/exercism/elixir")
    for config in chain(*configs):
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
        why = f"not the configuration of an exercise: {error}"
        raise MalformedBenchmark(config, why) from error


def problem(folder: Path, files: dict[str, list[str]]) -> Problem:
    """Return the problem of one exercise. Raises MalformedBenchmark where a file is not there."""

    def read(name: str) -> str:
        try:
            return (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedBenchmark(folder / name, f"cannot be read: {error}") from error

    solution = files["solution"][0]
    told = [f".docs/{name}" for name in INSTRUCTIONS if (folder / ".docs" / name).is_file()]
    requires = REQUIREMENT.search(read("mix.exs")) if (folder / "mix.exs").is_file() else None
    question = QUESTION.format(
        instructions="\n\n".join(read(name).strip() for name in told).strip(),
        path=solution,
        stub=read(solution).rstrip("\n") + "\n",
    )
    return Problem(
        identity=f"{SOURCE}/{folder.name}",
        source=SOURCE,
        prompt=Prompt(question=question),
        path=solution,
        files={name: read(name) for name in files["editor"]},
        assets={
            str(each.relative_to(folder)): each.read_bytes()
            for each in sorted((folder / "assets").rglob("*"))
            if each.is_file() and not each.is_symlink()
        },
        tests={name: read(name) for name in files["test"]},
        reference="\n".join(map(read, files["example"])),
        requires=requires[1] if requires else "",
    )
