"""MultiPL-E's Elixir problems (Cassano et al. 2022): HumanEval and MBPP, translated.

Columns as on the Hub (nuprl/MultiPL-E): name, prompt, tests, stop_tokens. The prompt opens a module
and a function, the completion closes both, and the tests are ExUnit cases. There are no references.
"""

from collections.abc import Iterator
from pathlib import Path

from train.evaluate.errors import MalformedBenchmark
from train.evaluate.problems import Problem, Prompt
from train.evaluate.rows import Row, rows_of, text

SOURCE = "multipl-e"
LANGUAGES = ("elixir", "ex", "exs")


def load(path: Path) -> Iterator[Problem]:
    """Yield the problems of a file or folder; rows of other languages are passed over.

    Raises NoBenchmark and MalformedBenchmark.
    """
    for file, row in rows_of(path):
        if row.get("language", "elixir") in LANGUAGES:
            yield problem(file, row)


def problem(file: Path, row: Row) -> Problem:
    """Return the problem of one row."""
    stop = row.get("stop_tokens")
    if stop is None or not all(isinstance(each, str) for each in stop):
        raise MalformedBenchmark(file, "a row has no list of texts in its column 'stop_tokens'")
    prompt = text(file, row, "prompt")
    return Problem(
        identity=f"{SOURCE}/{text(file, row, 'name')}",
        source=SOURCE,
        prompt=Prompt(text=prompt, stop=tuple(stop)),
        before=prompt,
        after="\n",
        tests={"test/completed_test.exs": text(file, row, "tests")},
    )
