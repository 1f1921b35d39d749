"""The benchmarks that can be named, and their problems."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from corpus.release import Release
from train.errors import TrainError
from train.evaluate.exercism import read_exercism
from train.evaluate.held_out import cut_callbacks, cut_doctests
from train.evaluate.problems import Problem, Prompt
from train.evaluate.published import located, read_mceval, read_multipl_e

PUBLISHED = {"multipl-e": read_multipl_e, "mceval": read_mceval, "exercism": read_exercism}
"""Benchmarks that are read from where they lie."""
CUT = {"doctests": cut_doctests, "callbacks": cut_callbacks}
"""Benchmarks that are cut from held-out packages."""
OTP = "otp"
"""Our own small tasks."""
TASKS = Path(__file__).with_name("tasks")


class UnknownBenchmark(TrainError):
    """No benchmark has that name, or it needs a path."""

    def __init__(self, told: str) -> None:
        placed = ", ".join(f"{name}=PLACE" for name in PUBLISHED)
        super().__init__(f"--benchmark {told}: there are otp, {', '.join(CUT)}, {placed}.")


class NoProblems(TrainError):
    """A benchmark holds nothing to be asked, or the same twice."""

    def __init__(self, told: str, why: str) -> None:
        super().__init__(f"--benchmark {told}: {why}. Leave it out, or name another.")


def problems_of(told: Sequence[str], release: Release, splits: Sequence[str]) -> list[Problem]:
    """Load benchmarks by name, or NAME=PLACE; one that is named twice is asked once.

    Raises UnknownBenchmark, NoProblems and what loaders raise.
    """
    found: dict[str, Problem] = {}
    for each in dict.fromkeys(told):
        problems: dict[str, Problem] = {}
        for problem in benchmark(each, release, splits):
            if problem.identity in problems:
                raise NoProblems(
                    each, f"{problem.identity} is there twice; name one file or folder"
                )
            problems[problem.identity] = problem
        if not problems:
            raise NoProblems(each, why_none(each, release, splits))
        if both := sorted(problems.keys() & found.keys()):
            raise NoProblems(each, f"{both[0]} is in another benchmark too")
        found |= problems
    return list(found.values())


def why_none(told: str, release: Release, splits: Sequence[str]) -> str:
    """Return why a benchmark has no problem."""
    if told in CUT:
        return f"{release.path} has no function for it in the split {' or '.join(splits)}"
    return "it holds no problem in Elixir"


def benchmark(told: str, release: Release, splits: Sequence[str]) -> Iterable[Problem]:
    """Load one benchmark. Raises UnknownBenchmark and what its loader raises."""
    name, _, place = told.partition("=")
    if name in PUBLISHED and place:
        return PUBLISHED[name](located(place))
    if told in CUT:
        return CUT[told](release, splits)
    if told == OTP:
        return read_tasks()
    raise UnknownBenchmark(told)


def read_tasks(path: Path = TASKS) -> Iterator[Problem]:
    """Yield our own tasks, one TOML file each, in the order of their names."""
    for file in sorted(path.glob("*.toml")):
        task = tomllib.loads(file.read_text(encoding="utf-8"))
        yield Problem(
            identity=f"{OTP}/{file.stem}",
            source=OTP,
            prompt=Prompt(question=task["question"].strip()),
            tests={"test/completed_test.exs": task["tests"]},
            reference=task["reference"],
            requires=task.get("requires", ""),
        )
