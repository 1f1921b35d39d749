"""The benchmarks that can be named, and their problems."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from corpus.decontamination.benchmarks import located
from corpus.release import Release
from train.errors import TrainError
from train.evaluate.held_out import cut_callbacks, cut_doctests
from train.evaluate.problems import Problem, Prompt
from train.evaluate.published import read_exercism, read_mceval, read_multipl_e

PUBLISHED = {"multipl-e": read_multipl_e, "mceval": read_mceval, "exercism": read_exercism}
"""Benchmarks that are read from where they lie."""
CUT = {"doctests": cut_doctests, "callbacks": cut_callbacks}
"""Benchmarks that are cut from held-out packages."""
OTP = "otp"
"""Our own small tasks."""
TASKS = Path(__file__).with_name("tasks")


class UnusableBenchmark(TrainError):
    """No benchmark has that name, or it holds nothing to be asked, or the same twice."""

    def __init__(self, told: str, why: str) -> None:
        super().__init__(f"--benchmark {told}: {why}. Leave it out, or name another.")


def problems_of(told: Sequence[str], release: Release, splits: Sequence[str]) -> list[Problem]:
    """Load benchmarks by name, or NAME=PLACE; one that is named twice is asked once.

    Raises UnusableBenchmark and what loaders raise.
    """
    found: dict[str, Problem] = {}
    for each in dict.fromkeys(told):
        problems: dict[str, Problem] = {}
        for problem in benchmark(each, release, splits):
            if problem.identity in problems:
                why = f"{problem.identity} is there twice; name one file or folder"
                raise UnusableBenchmark(each, why)
            problems[problem.identity] = problem
        if not problems and each in CUT:
            why = f"{release.path} has no function for it in the split {' or '.join(splits)}"
            raise UnusableBenchmark(each, why)
        if not problems:
            raise UnusableBenchmark(each, "it holds no problem in Elixir")
        if both := sorted(problems.keys() & found.keys()):
            raise UnusableBenchmark(each, f"{both[0]} is in another benchmark too")
        found |= problems
    return list(found.values())


def benchmark(told: str, release: Release, splits: Sequence[str]) -> Iterable[Problem]:
    """Load one benchmark. Raises UnusableBenchmark and what its loader raises."""
    name, _, place = told.partition("=")
    if name in PUBLISHED and place:
        return PUBLISHED[name](located(place))
    if told in CUT:
        return CUT[told](release, splits)
    if told == OTP:
        return read_tasks()
    placed = ", ".join(f"{name}=PLACE" for name in PUBLISHED)
    raise UnusableBenchmark(told, f"there are {OTP}, {', '.join(CUT)}, {placed}")


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
