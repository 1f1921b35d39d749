"""Running completions with the real toolchain, in the sandbox, several at a time.

Each completion has a BEAM of its own: one that was shared would let the modules, processes and
tables of one completion decide about the next. Its start costs a quarter of a second.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from threading import Event

from sandbox import Limits, Outcome, Sandbox
from train.evaluate.errors import NoToolchain
from train.evaluate.problems import Problem

JUDGE = Path(__file__).with_name("judge.exs")
JUDGE_NAME = "judge.exs"
LIMITS = Limits(wall=90.0, cpu=30.0, memory=1 << 30, processes=256, disk=64 << 20)
"""Time by the clock is for programs that wait. Three times that of the processor, or what else a
machine has to do would fail right answers: one that computes for 14 s took 57 s on a busy one."""
ENVIRONMENT: Mapping[str, str] = {
    "ERL_FLAGS": "+S 2:2 +SDcpu 1:1 +SDio 2 +sbwt none +sbwtdcpu none"
}
"""Two schedulers that do not spin: many BEAMs share the processors, and each thread counts."""
DETAIL_CHARACTERS = 2000


class Verdict(StrEnum):
    """What became of a completion."""

    PASSED = "passed"
    FAILED = "failed"
    COMPILE_ERROR = "compile_error"
    TIMEOUT = "timeout"
    LIMIT = "limit"
    TOOLCHAIN_TOO_OLD = "toolchain_too_old"
    """The problem needs a newer Elixir than this machine has; nothing was decided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one completion of one problem."""

    problem: str
    sample: int
    verdict: Verdict
    seconds: float
    detail: str = ""
    """The end of what was printed, unless it passed; the limit that was met, if any."""


def elixir_version(sandbox: Sandbox) -> str:
    """Return the version of the Elixir that programs run with. Raises NoToolchain."""
    script = "IO.write(System.version())"
    outcome = sandbox.run(["elixir", "-e", script], environment=ENVIRONMENT, limits=LIMITS)
    if outcome.status != 0:
        raise NoToolchain(outcome.stderr)
    return outcome.stdout.strip()


def judge(
    problem: Problem,
    completion: str,
    sandbox: Sandbox,
    limits: Limits = LIMITS,
    given_up: Event | None = None,
) -> Judgement:
    """Compile and test one completion. Raises what `Sandbox.run` raises."""
    secret = secrets.token_hex(8)
    sources = {**problem.files, problem.path: problem.program(completion)}
    outcome = sandbox.run(
        ["elixir", JUDGE_NAME, problem.requires, str(len(sources)), *sources, *problem.tests],
        files={**problem.assets, **sources, **problem.tests, JUDGE_NAME: JUDGE.read_bytes()},
        stdin=f"{secret}\n",
        environment=ENVIRONMENT,
        limits=limits,
        given_up=given_up,
    )
    verdict = verdict_of(outcome, secret)
    detail = "" if verdict is Verdict.PASSED else detail_of(outcome, secret)
    return Judgement(problem.identity, 0, verdict, round(outcome.seconds, 3), detail)


def verdict_of(outcome: Outcome, secret: str) -> Verdict:
    """Read the verdict; a program that ended before there was one has failed."""
    if outcome.timed_out:
        return Verdict.TIMEOUT
    if outcome.stop is not None:
        return Verdict.LIMIT
    said = [line for line in outcome.stdout.splitlines() if line.startswith(f"{secret} ")]
    return Verdict(said[-1].removeprefix(f"{secret} ")) if said else Verdict.FAILED


def detail_of(outcome: Outcome, secret: str) -> str:
    """Return what helps to see why, without the line that holds the verdict."""
    if outcome.stop is not None:
        return f"limit: {outcome.stop}"
    lines = [line for line in outcome.stdout.splitlines() if not line.startswith(secret)]
    return ("\n".join(lines) + "\n" + outcome.stderr).strip()[-DETAIL_CHARACTERS:]


def judge_all(
    problems: Sequence[Problem],
    completions: Sequence[Sequence[str]],
    sandbox: Sandbox,
    *,
    workers: int = 0,
    limits: Limits = LIMITS,
    done: Callable[[Judgement], None] = lambda judgement: None,
) -> list[list[Judgement]]:
    """Judge the completions of every problem, `workers` at a time (0: one a processor).

    Returns a list a problem, in the order given; `done` is called with each as it is decided, from
    the threads that decide. Equal completions of a problem are run once. Raises NoToolchain. An
    interrupt ends the programs that run: the interpreter would wait for their threads.
    """
    elixir_version(sandbox)
    given_up = Event()
    workers = workers or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        running = [
            {
                each: pool.submit(judge, problem, each, sandbox, limits, given_up)
                for each in dict.fromkeys(given)
            }
            for problem, given in zip(problems, completions, strict=True)
        ]
        for futures in running:
            for future in futures.values():
                future.add_done_callback(partial(tell, done))
        try:
            return [
                list(numbered(futures[each].result() for each in given))
                for futures, given in zip(running, completions, strict=True)
            ]
        finally:
            given_up.set()  # for an interrupt: all are done else
            pool.shutdown(wait=False, cancel_futures=True)


def tell(done: Callable[[Judgement], None], ended: "Future[Judgement]") -> None:
    """Hand on a judgement, if there is one: whoever asks for it is told of an error."""
    if not ended.cancelled() and ended.exception() is None:
        done(ended.result())


def numbered(judgements: Iterator[Judgement]) -> Iterator[Judgement]:
    """Give each sample of a problem its number."""
    for number, each in enumerate(judgements):
        yield Judgement(each.problem, number, each.verdict, each.seconds, each.detail)
