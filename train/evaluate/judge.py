"""Judging completions with the real toolchain, in the sandbox, several at a time.

Each completion has two BEAMs of its own: one that was shared would let the modules, processes and
tables of one completion decide about the next. The first compiles it where no test is. The second
runs the tests on what came out, rewritten so that it reaches nothing that decides: see `judge.exs`.
A problem counts only if this machine can decide it: its reference passes, an empty answer does not.
"""

import base64
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Event, Lock

from sandbox import CommandOutcome, Limits, Sandbox
from train.errors import TrainError
from train.evaluate.problems import Problem

JUDGE = Path(__file__).with_name("judge.exs")
BUILD = """\
IO.puts(System.version())
for {name, code} <- Code.compile_file("judge.exs"), do: IO.puts("#{name} #{Base.encode64(code)}")
IO.puts("sinks #{Base.encode64(:erlang.term_to_binary(:judge.sinks()))}")
"""
MAIN = "judge/main.exs"
LIMITS = Limits(wall=90.0, cpu=30.0, memory=1 << 30, processes=256, disk=64 << 20)
"""Time by the clock is for programs that wait. Three times that of the processor, or what else a
machine has to do would fail right answers: one that computes for 14 s took 57 s on a busy one."""
ENVIRONMENT: Mapping[str, str] = {
    "ERL_FLAGS": "+S 2:2 +SDcpu 1:1 +SDio 2 +sbwt none +sbwtdcpu none"
}
"""Two schedulers that do not spin: many BEAMs share the processors, and each thread counts."""
DETAIL_CHARACTERS = 2000
NOTHING = base64.b64encode(b"\x83j").decode()
"""An empty list in Erlang's external term format."""
MOST_COMPILED = 8 << 20
"""Characters that the modules of an answer may have, compressed and in base 64."""
DEPENDENT = re.compile(r"\bdoctest\b|^\s*(?:use|import|require)\s+(?!ExUnit)", re.MULTILINE)
"""Found in tests that take more from a program than its functions."""


class NoToolchain(TrainError):
    """There is no Elixir to run programs with."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"elixir cannot be run in the sandbox ({said.strip() or 'it said nothing'}). "
            "On Debian, as root: apt-get install elixir. One that lies in a home folder is out of "
            "the sandbox's reach; install one under /usr/local."
        )


class Verdict(StrEnum):
    """What became of a completion."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"
    """It called, or defined, what no right answer needs."""
    COMPILE_ERROR = "compile_error"
    TIMEOUT = "timeout"
    LIMIT = "limit"
    TOOLCHAIN_TOO_OLD = "toolchain_too_old"
    """The problem needs a newer Elixir than this machine has; nothing was decided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one completion of one problem."""

    problem: str
    verdict: Verdict
    detail: str = ""
    """The end of what was printed, unless it passed; the limit that was met, or the call that was
    refused, if any."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the reference of a problem gives to its answers, as files of the scratch folder."""

    dependencies: str = ""
    """The modules of the problem's other sources."""
    promises: str = ""
    """The documentation and the names of macros that tests take from an answer; empty where they
    take none."""


@lru_cache(maxsize=8)
def toolchain(sandbox: Sandbox) -> tuple[str, Mapping[str, bytes]]:
    """Compile the judge; return the version of Elixir, and what is to lie in a scratch folder.

    Raises NoToolchain.
    """
    outcome = sandbox.run(
        ["elixir", "-e", BUILD],
        files={"judge.exs": JUDGE.read_bytes()},
        environment=ENVIRONMENT,
        limits=LIMITS,
    )
    if outcome.status != 0:
        raise NoToolchain(outcome.stderr)
    version, *lines = outcome.stdout.split("\n")[:-1]
    built = dict(each.split(" ") for each in lines)
    judge = {"judge/sinks.term": built.pop("sinks").encode(), MAIN: b":judge.main(System.argv())"}
    judge |= {f"judge/{name}.beam": base64.b64decode(code) for name, code in built.items()}
    return version, judge


@dataclass(frozen=True, slots=True)
class JudgeRun:
    """One of the two programs that judge, once it has ended."""

    outcome: CommandOutcome
    secret: str
    """The first word of every line that is the judge's."""

    @property
    def said(self) -> list[tuple[str, str]]:
        """What the judge said: the first word of each line, and the rest."""
        lines = (line.partition(" ") for line in self.outcome.stdout.split("\n"))
        said = [rest.partition(" ") for word, _, rest in lines if word == self.secret]
        return [(word, rest) for word, _, rest in said]

    @property
    def stopped(self) -> Verdict | None:
        """The verdict, if a limit was met."""
        if self.outcome.timed_out:
            return Verdict.TIMEOUT
        return Verdict.LIMIT if self.outcome.stop is not None else None

    @property
    def detail(self) -> str:
        """What helps to see why, without the lines of the judge."""
        if self.outcome.stop is not None:
            return f"limit: {self.outcome.stop}"
        lines = self.outcome.stdout.split("\n")
        others = [line for line in lines if not line.startswith(self.secret)]
        return ("\n".join(others) + "\n" + self.outcome.stderr).strip()[-DETAIL_CHARACTERS:]


@dataclass(slots=True)
class Judge:
    """Judges completions of one problem. Threads may share it."""

    problem: Problem
    sandbox: Sandbox
    limits: Limits = LIMITS
    given_up: Event | None = None
    """Once it is set, programs are ended and no more are run."""
    _given: Given | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def judge(self, completion: str) -> Judgement:
        """Compile and test one completion. Raises NoToolchain and what `Sandbox.run` raises."""
        given = self._of_reference()
        verdict, detail = outcome_of_compiler(self._compile(completion, "answer", given))
        if verdict is Verdict.PASSED:
            verdict, detail = outcome_of_tests(self._test(completion, detail, given))
        return Judgement(self.problem.identity, verdict, detail)

    def _of_reference(self) -> Given:
        """Compile the reference, once, where answers need something of it."""
        problem = self.problem
        with self._lock:
            if self._given is None:
                wanted = problem.files or is_dependent(problem)
                self._given = Given()
                if problem.reference is not None and wanted:
                    said = dict(self._compile(problem.reference, "reference", Given()).said)
                    promises = said.get("promises", "") if is_dependent(problem) else ""
                    self._given = Given(said.get("dependencies", ""), promises)
                elif is_dependent(problem):
                    self._given = Given(promises=NOTHING)
            return self._given

    def _compile(self, completion: str, what: str, given: Given) -> JudgeRun:
        """Run the first program; `what` is "answer", or "reference" for what else it defines.

        Tests are there by name alone.
        """
        problem = self.problem
        sources = {problem.path: problem.program(completion)}
        if not given.dependencies:
            sources = {**sources, **{k: v for k, v in problem.files.items() if k != problem.path}}
        files: dict[str, str | bytes] = {
            **problem.assets,
            **dict.fromkeys(problem.tests, ""),
            **sources,
            "judge/dependencies.term": given.dependencies,
        }
        limits = replace(self.limits, output=max(self.limits.output, 2 * MOST_COMPILED))
        return self._run(["compile", problem.requires, what, *sources], files, limits)

    def _test(self, completion: str, modules: str, given: Given) -> JudgeRun:
        """Run the second program, on modules that came out of the first."""
        problem = self.problem
        program = problem.program(completion)
        documented = ""
        if problem.reference is None and is_dependent(problem):
            documented = problem.before + problem.after
        files: dict[str, str | bytes] = {
            **problem.assets,
            problem.path: program,
            **problem.tests,
            "judge/modules.term": modules,
            "judge/dependencies.term": given.dependencies,
            "judge/promises.term": given.promises,
            "judge/documented.txt": documented,
        }
        return self._run(["test", *problem.tests], files, self.limits)

    def _run(
        self, arguments: Sequence[str], files: Mapping[str, str | bytes], limits: Limits
    ) -> JudgeRun:
        secret = secrets.token_hex(16)
        outcome = self.sandbox.run(
            ["elixir", "-pa", "judge", MAIN, *arguments],
            files={**files, **toolchain(self.sandbox)[1]},
            stdin=f"{secret}\n",
            environment=ENVIRONMENT,
            limits=limits,
            given_up=self.given_up,
        )
        return JudgeRun(outcome, secret)


def is_dependent(problem: Problem) -> bool:
    """Tell whether tests take documentation, macros or imports from a program."""
    return any(map(DEPENDENT.search, problem.tests.values()))


def outcome_of_compiler(run: JudgeRun) -> tuple[Verdict, str]:
    """Return passed and the modules that came out, or another verdict and its detail.

    Code of the answer has run, so only the first line is believed, which was said before.
    """
    said = run.said
    if said and said[0][0] == Verdict.TOOLCHAIN_TOO_OLD:
        return Verdict.TOOLCHAIN_TOO_OLD, run.detail
    if run.stopped is not None:
        return run.stopped, run.detail
    modules = dict(said[1:]).get("modules")
    if modules is None:
        failed = (str(Verdict.COMPILE_ERROR), "") in said
        return Verdict.COMPILE_ERROR if failed else Verdict.FAILED, run.detail
    if len(modules) > MOST_COMPILED:
        return Verdict.REFUSED, f"refused: {len(modules):,} characters of compiled code"
    return Verdict.PASSED, modules


def outcome_of_tests(run: JudgeRun) -> tuple[Verdict, str]:
    """Return the verdict; a program that ended before there was one has failed."""
    if run.stopped is not None:
        return run.stopped, run.detail
    said = run.said
    if not said:
        return Verdict.FAILED, run.detail
    verdict, why = Verdict(said[-1][0]), base64.b64decode(said[-1][1]).decode(errors="replace")
    if verdict is Verdict.PASSED:
        return verdict, ""
    if verdict is Verdict.REFUSED:
        return verdict, f"refused: {why}"[:DETAIL_CHARACTERS]
    return verdict, f"{run.detail}\n{why}".strip()[-DETAIL_CHARACTERS:]


def judge(
    problem: Problem,
    completion: str,
    sandbox: Sandbox,
    limits: Limits = LIMITS,
    given_up: Event | None = None,
) -> Judgement:
    """Judge one completion. Raises NoToolchain and what `Sandbox.run` raises."""
    return Judge(problem, sandbox, limits, given_up).judge(completion)


def judge_all(
    problems: Sequence[Problem],
    completions: Sequence[Sequence[str]],
    sandbox: Sandbox,
    *,
    workers: int = 0,
    limits: Limits = LIMITS,
) -> list[list[Judgement]]:
    """Judge the completions of every problem, `workers` at a time (0: one a processor).

    Returns a list a problem, in the order given. Equal completions of a problem are run once.
    Raises NoToolchain. An interrupt ends the programs that run: the interpreter would wait for
    their threads.
    """
    toolchain(sandbox)
    given_up = Event()
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        judges = [Judge(problem, sandbox, limits, given_up) for problem in problems]
        running = [
            {each: pool.submit(judge.judge, each) for each in dict.fromkeys(given)}
            for judge, given in zip(judges, completions, strict=True)
        ]
        try:
            return [
                [futures[each].result() for each in given]
                for futures, given in zip(running, completions, strict=True)
            ]
        finally:
            given_up.set()  # for an interrupt: all are done else
            pool.shutdown(wait=False, cancel_futures=True)


def calibrate(
    problems: Sequence[Problem], sandbox: Sandbox, *, workers: int = 0, limits: Limits = LIMITS
) -> tuple[list[Problem], dict[str, list[str]]]:
    """Run each problem's reference and an empty answer, and sort out what cannot be decided.

    Return the problems that are fit to be asked, those without a reference among them, and the
    identities of the others by reason: toolchain_too_old, reference_VERDICT, empty_passes. A
    reference fails where this machine's toolchain differs from the one it was written for, or
    where a package's function needs other packages; asking a model then would measure the machine.
    """
    tried = [each for each in problems if each.reference is not None]
    answers = [(each.reference or "", "") for each in tried]
    judgements = judge_all(tried, answers, sandbox, workers=workers, limits=limits)
    left_out: dict[str, list[str]] = {}
    for problem, (reference, empty) in zip(tried, judgements, strict=True):
        if reference.verdict is Verdict.TOOLCHAIN_TOO_OLD:
            reason = str(reference.verdict)
        elif reference.verdict is not Verdict.PASSED:
            reason = f"reference_{reference.verdict}"
        elif empty.verdict is Verdict.PASSED:
            reason = "empty_passes"
        else:
            continue
        left_out.setdefault(reason, []).append(problem.identity)
    unfit = set(chain.from_iterable(left_out.values()))
    return [each for each in problems if each.identity not in unfit], left_out
