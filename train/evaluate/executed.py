"""Two models on benchmarks whose answers are run with the real toolchain."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.progress import Progress
from corpus.release import Release
from sandbox import Sandbox
from train.errors import TrainError
from train.evaluate import callbacks, doctests, exercism, mceval, multipl_e, otp
from train.evaluate.benchmark import Judgements, by_source, measure
from train.evaluate.calibration import Calibration, calibrate
from train.evaluate.measures import Figure, Measure
from train.evaluate.places import located
from train.evaluate.problems import Problem
from train.evaluate.scores import Estimate, decided, difference, score
from train.evaluate.side_by_side import Pair
from train.evaluate.subject import Sampling
from train.evaluate.writer import Writer

PUBLISHED = {"multipl-e": multipl_e.load, "mceval": mceval.load, "exercism": exercism.load}
"""Benchmarks that are read from where they lie."""
CUT = {"doctests": doctests.load, "callbacks": callbacks.load}
"""Benchmarks that are cut from held-out packages."""


class UnknownBenchmark(TrainError):
    """No benchmark has that name, or it needs a path."""

    def __init__(self, told: str) -> None:
        placed = ", ".join(f"{name}=PLACE" for name in PUBLISHED)
        super().__init__(f"--benchmark {told}: there are otp, {', '.join(CUT)}, {placed}.")


class NoProblems(TrainError):
    """A benchmark holds nothing to be asked, or the same twice."""

    def __init__(self, told: str, why: str) -> None:
        super().__init__(f"--benchmark {told}: {why}. Leave it out, or name another.")


@dataclass(frozen=True, slots=True)
class Execution:
    """How completions are asked for and run."""

    samples: int
    ks: tuple[int, ...]
    sampling: Sampling
    workers: int


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
    if told == "otp":
        return otp.load()
    raise UnknownBenchmark(told)


def executed(
    pair: Pair, problems: Sequence[Problem], sandbox: Sandbox, how: Execution, progress: Progress
) -> tuple[list[Measure], dict[str, Any]]:
    """Compare pass@k by source; also return what was left out because no machine could tell.

    A problem is asked only if here its reference passes and an empty answer does not.
    """
    progress.start("calibrate", 1)
    fit = calibrate(problems, sandbox, workers=how.workers)
    progress.advance()
    with pair.as_base():
        base = _judged(pair.base, fit, sandbox, how, progress, "ask the base")
    adapter = _judged(pair.adapter, fit, sandbox, how, progress, "ask the adapter")
    first, second = by_source(fit.problems, base), by_source(fit.problems, adapter)
    measures = [
        _measure(source, k, first[source], second[source])
        for source in first
        if decided(first[source])
        for k in how.ks
        if k <= how.samples
    ]
    return measures, {reason: sorted(names) for reason, names in fit.left_out.items()}


def _judged(
    subject: Any,
    fit: Calibration,
    sandbox: Sandbox,
    how: Execution,
    progress: Progress,
    stage: str,
) -> Judgements:
    progress.start(stage, len(fit.problems))
    writer = Writer(subject, how.sampling, progress.advance)
    return measure(
        writer,
        fit.problems,
        sandbox,
        samples=how.samples,
        seed=how.sampling.seed,
        workers=how.workers,
    )


def _measure(source: str, k: int, base: Judgements, adapter: Judgements) -> Measure:
    return Measure(
        group="executed",
        name=f"{source}, pass@{k}",
        unit="share",
        better="higher",
        count=score(base, k).problems,
        base=_figure(score(base, k)),
        adapter=_figure(score(adapter, k)),
        difference=_figure(difference(base, adapter, k)),
    )


def _figure(estimate: Estimate) -> Figure:
    return Figure(estimate.value, estimate.low, estimate.high)
