"""McEval's Elixir problems (Chai et al. 2024), with their canonical solutions.

Columns as in its repository (data/Elixir.jsonl): task_id, prompt, canonical_solution, test. The
prompt opens a module and a function and says in comments what it does; the completion goes on from
the next line and closes both.
"""

from collections.abc import Iterator
from pathlib import Path

from train.evaluate.problems import Problem, Prompt
from train.evaluate.rows import Row, rows_of, text

SOURCE = "mceval"
LANGUAGE = "Elixir/"
STOP = ("\ndefmodule", "\nExUnit", "\n```")


def load(path: Path) -> Iterator[Problem]:
    """Yield the problems of a file or folder; rows of other languages are passed over.

    Raises NoBenchmark and MalformedBenchmark.
    """
    for file, row in rows_of(path):
        if text(file, row, "task_id").startswith(LANGUAGE):
            yield problem(file, row)


def problem(file: Path, row: Row) -> Problem:
    """Return the problem of one row."""
    prompt = text(file, row, "prompt") + "\n"
    return Problem(
        identity=f"{SOURCE}/{text(file, row, 'task_id')}",
        source=SOURCE,
        prompt=Prompt(text=prompt, stop=STOP),
        before=prompt,
        after="\n",
        tests={"test/completed_test.exs": text(file, row, "test")},
        reference=text(file, row, "canonical_solution"),
    )
