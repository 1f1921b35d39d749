"""Published benchmarks as problems; `corpus/decontamination/benchmarks.py` reads their formats."""

import re
from collections.abc import Iterator
from pathlib import Path

from corpus.decontamination import benchmarks
from corpus.decontamination.benchmarks import Exercise
from train.evaluate.problems import Problem, Prompt

STOP = ("\ndefmodule", "\nExUnit", "\n```")
"""What ends a completion of McEval."""
REQUIREMENT = re.compile(r"\belixir:\s*\"([^\"]+)\"")
QUESTION = """\
{instructions}

Complete the following file, `{path}`, and answer with the whole of it in one fenced block of code.

```elixir
{stub}```
"""


def read_multipl_e(path: Path) -> Iterator[Problem]:
    """Yield MultiPL-E's problems in Elixir, which have no references.

    Raises NoBenchmark and MalformedBenchmark.
    """
    for each in benchmarks.read_multipl_e(path):
        yield Problem(
            identity=f"{benchmarks.MULTIPL_E}/{each.name}",
            source=benchmarks.MULTIPL_E,
            prompt=Prompt(text=each.prompt, stop=each.stop_tokens),
            before=each.prompt,
            after="\n",
            tests={"test/completed_test.exs": each.tests},
        )


def read_mceval(path: Path) -> Iterator[Problem]:
    """Yield McEval's problems in Elixir. Raises NoBenchmark and MalformedBenchmark."""
    for each in benchmarks.read_mceval(path):
        if each.language == "elixir":
            prompt = each.prompt + "\n"
            yield Problem(
                identity=f"{benchmarks.MCEVAL}/{each.task_id}",
                source=benchmarks.MCEVAL,
                prompt=Prompt(text=prompt, stop=STOP),
                before=prompt,
                after="\n",
                tests={"test/completed_test.exs": each.test},
                reference=each.canonical_solution,
            )


def read_exercism(path: Path) -> Iterator[Problem]:
    """Yield the exercises of a checkout that are solved in one file, in the order of their names.

    Mix is left out: it would ask for packages, and an exercise has none. Raises NoBenchmark where
    there is no exercise and MalformedBenchmark for one that is damaged.
    """
    for exercise in benchmarks.read_exercism(path):
        if len(exercise.solution) == 1:
            yield _asked(exercise)


def _asked(exercise: Exercise) -> Problem:
    ((path, stub),) = exercise.solution.items()
    mix, folder = exercise.folder / "mix.exs", exercise.folder
    told = mix.read_text(encoding="utf-8", errors="replace") if mix.is_file() else ""
    requires = REQUIREMENT.search(told)
    instructions = "\n\n".join(each.strip() for each in exercise.instructions.values())
    question = QUESTION.format(
        instructions=instructions.strip(), path=path, stub=stub.rstrip("\n") + "\n"
    )
    return Problem(
        identity=f"{benchmarks.EXERCISM}/{exercise.name}",
        source=benchmarks.EXERCISM,
        prompt=Prompt(question=question),
        path=path,
        files=exercise.editor,
        assets={
            str(each.relative_to(folder)): each.read_bytes()
            for each in sorted((folder / "assets").rglob("*"))
            if each.is_file() and not each.is_symlink()
        },
        tests=exercise.tests,
        reference="\n".join(exercise.example.values()),
        requires=requires[1] if requires else "",
    )
