"""Two models on benchmarks whose answers are run with the real toolchain."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpus.progress import Progress
from corpus.release import Release
from sandbox import Sandbox
from train.errors import TrainError
from train.evaluate import callbacks, doctests, exercism, mceval, multipl_e, otp
from train.evaluate.calibration import calibrate
from train.evaluate.execution import Judgement, judge_all
from train.evaluate.measures import Measure
from train.evaluate.places import located
from train.evaluate.problems import Problem
from train.evaluate.scores import by_problem
from train.evaluate.side_by_side import Pair, shares
from train.evaluate.subject import Sampling, Subject
from train.evaluate.transcript import Entry, entry, samples
from train.evaluate.writer import Writer

PUBLISHED = {"multipl-e": multipl_e.load, "mceval": mceval.load, "exercism": exercism.load}
"""Benchmarks that are read from where they lie."""
CUT = {"doctests": doctests.load, "callbacks": callbacks.load}
"""Benchmarks that are cut from held-out packages."""

Judgements = Sequence[Sequence[Judgement]]
"""A list a problem, of one judgement a sample."""


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
) -> tuple[list[Measure], dict[str, list[str]], list[Entry]]:
    """Compare pass@k by source.

    Return the measures, what was left out because no machine could tell, by reason, and what was
    answered. A problem is asked only if here its reference passes and an empty answer does not.
    """
    progress.start("calibrate", 1)
    fit = calibrate(problems, sandbox, workers=how.workers)
    progress.advance()
    with pair.as_base():
        base = _answered(pair.base, fit.problems, sandbox, how, progress, "ask the base")
    adapter = _answered(pair.adapter, fit.problems, sandbox, how, progress, "ask the adapter")
    entries = [
        entry(problem, samples(*ours), samples(*theirs))
        for problem, ours, theirs in zip(fit.problems, base, adapter, strict=True)
    ]
    first, second = ([judgements for _, judgements in each] for each in (base, adapter))
    left_out = {reason: sorted(names) for reason, names in fit.left_out.items()}
    return measures_of(fit.problems, first, second, how.ks), left_out, entries


def measures_of(
    problems: Sequence[Problem], base: Judgements, adapter: Judgements, ks: Sequence[int]
) -> list[Measure]:
    """Compare pass@k of the judgements of two models, for each source and each k."""
    found = []
    for source in dict.fromkeys(each.source for each in problems):
        chosen = [number for number, each in enumerate(problems) if each.source == source]
        package = {problems[n].identity: problems[n].package for n in chosen}
        for k in ks:
            first, second = (by_problem([each[n] for n in chosen], k) for each in (base, adapter))
            names = sorted(first.keys() & second.keys())
            if names:
                found.append(
                    shares(
                        f"{source}, pass@{k}",
                        [first[name] for name in names],
                        [second[name] for name in names],
                        [package[name] or name for name in names],
                        trials=len(base[chosen[0]]) / k,
                    )
                )
    return found


def _answered(
    subject: Subject,
    problems: Sequence[Problem],
    sandbox: Sandbox,
    how: Execution,
    progress: Progress,
    stage: str,
) -> list[tuple[list[str], list[Judgement]]]:
    """Ask a model every problem, then run what it answered."""
    progress.start(stage, len(problems))
    writer = Writer(subject, how.sampling, progress.advance)
    prompts = [each.prompt for each in problems]
    answers = writer.complete(prompts, how.samples, seed=how.sampling.seed)
    return list(
        zip(answers, judge_all(problems, answers, sandbox, workers=how.workers), strict=True)
    )
