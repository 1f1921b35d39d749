"""One completer on a set of problems: asked, run, scored by source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sandbox import Limits, Sandbox
from train.evaluate.completer import Completer
from train.evaluate.execution import LIMITS, Judgement, judge_all
from train.evaluate.problems import Problem
from train.evaluate.scores import decided, score, verdicts

Judgements = list[list[Judgement]]
"""A list a problem, of one judgement a sample."""


def measure(
    completer: Completer,
    problems: Sequence[Problem],
    sandbox: Sandbox,
    *,
    samples: int = 1,
    seed: int = 0,
    workers: int = 0,
    limits: Limits = LIMITS,
    done: Callable[[Judgement], None] = lambda judgement: None,
) -> Judgements:
    """Ask for `samples` completions of every problem, then run them all."""
    completions = completer.complete([each.prompt for each in problems], samples, seed=seed)
    return judge_all(problems, completions, sandbox, workers=workers, limits=limits, done=done)


def summary(
    problems: Sequence[Problem], judgements: Judgements, ks: Sequence[int] = (1,)
) -> Mapping[str, Any]:
    """Return, by source, how many samples got which verdict and pass@k with its interval, as JSON.

    A source of which nothing could be decided has no score.
    """
    return {
        source: {"verdicts": verdicts(given), **scores(given, ks)}
        for source, given in by_source(problems, judgements).items()
    }


def by_source(problems: Sequence[Problem], judgements: Judgements) -> dict[str, Judgements]:
    """Sort judgements by the source of their problems."""
    sorted_out: dict[str, Judgements] = {}
    for problem, samples in zip(problems, judgements, strict=True):
        sorted_out.setdefault(problem.source, []).append(samples)
    return sorted_out


def scores(judgements: Judgements, ks: Sequence[int]) -> dict[str, Any]:
    """Return pass@k for each k that there are samples enough for."""
    samples = min(map(len, judgements), default=0)
    if not decided(judgements):
        return {}
    return {f"pass@{k}": asdict(score(judgements, k)) for k in ks if k <= samples}
