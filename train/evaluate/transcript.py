"""What each model answered to each problem and what became of it, in a file beside evaluation.json.

A line a problem, as JSON: `problem`, `source`, `package`, `prompt`, and for `base` and `adapter` a
list of `verdict`, `detail` and `answer`, one for each sample. Equal answers give equal bytes, as
long as what the programs print does not follow from chance: ExUnit runs tests in their order.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from corpus.atomic import sha256_file, write_bytes
from corpus.console import output
from corpus.untrusted import parse_object
from train.errors import TrainError
from train.evaluate.judge import Judgement, Verdict
from train.evaluate.problems import Problem

SUFFIX = ".answers.jsonl"
CHANGING = re.compile(
    r"(?<=Finished in )[\d.]+(?= seconds)|(?<=seconds \()[^)]*(?=\))|[\d.]+(?=s (?:async|sync)\b)"
    r"|(?<=seed: )\d+|(?<=max_cases: )\d+|(?<=#PID<)[\d.]+|(?<=#Reference<)[\d.]+|(?<=#Port<)[\d.]+"
)
"""What differs between two runs of one program: times, seeds, identities of processes."""


class JudgedAnswer(TypedDict):
    """One answer and what became of it."""

    verdict: str
    detail: str
    """The end of what the program printed, without what changes from run to run."""
    answer: str


class Entry(TypedDict):
    """One problem with the answers of both models."""

    problem: str
    source: str
    package: str
    prompt: str
    base: list[JudgedAnswer]
    adapter: list[JudgedAnswer]


class NoAnswers(TrainError):
    """There is no file of answers that belongs to an evaluation."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: {why}. Answers are written by an evaluation with --benchmark; run it again."
        )


class UnknownProblem(TrainError):
    """No problem of an evaluation has that name."""

    def __init__(self, told: str, path: Path) -> None:
        super().__init__(f"{told}: no problem of that name in {path}. --show alone lists them all.")


def place(evaluation: Path) -> Path:
    """Return where the answers of an evaluation are."""
    return evaluation.with_name(evaluation.stem + SUFFIX)


def samples(answers: Sequence[str], judgements: Sequence[Judgement]) -> list[JudgedAnswer]:
    """Return the answers to one problem with their verdicts, in the order they were drawn."""
    return [
        {"verdict": str(each.verdict), "detail": CHANGING.sub("_", each.detail), "answer": answer}
        for answer, each in zip(answers, judgements, strict=True)
    ]


def entry(problem: Problem, base: list[JudgedAnswer], adapter: list[JudgedAnswer]) -> Entry:
    """Return what the file tells of one problem."""
    return {
        "problem": problem.identity,
        "source": problem.source,
        "package": problem.package,
        "prompt": problem.prompt.question or problem.prompt.text,
        "base": base,
        "adapter": adapter,
    }


def write(path: Path, entries: Iterable[Entry]) -> str:
    """Write the file, whole or not at all; return its SHA-256."""
    lines = (json.dumps(each, ensure_ascii=False, sort_keys=True) + "\n" for each in entries)
    write_bytes(path, "".join(lines).encode())
    return sha256_file(path)


def read(evaluation: Path) -> list[Entry]:
    """Return the answers that belong to an evaluation.

    Raises NoAnswers where there are none, as of an evaluation by an older version or without
    benchmarks, and where they are another evaluation's.
    """
    from pydantic import TypeAdapter, ValidationError

    path = place(evaluation)
    try:
        told = parse_object(evaluation.read_bytes()).get("answers")
        expected = told.get("sha256") if isinstance(told, dict) else None
        if not expected:
            raise NoAnswers(evaluation, "no problems were answered in it, or an older version did")
        if sha256_file(path) != expected:
            raise NoAnswers(path, f"it is not the file that {evaluation.name} was written with")
        lines = map(parse_object, path.read_bytes().splitlines())
        return list(map(TypeAdapter(Entry).validate_python, lines))
    except ValidationError as error:  # a ValueError too, of many lines
        first = error.errors(include_url=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise NoAnswers(path, f"it cannot be read ({why})") from error
    except (OSError, ValueError) as error:
        raise NoAnswers(path, f"it cannot be read ({error})") from error


def passed(found: Sequence[JudgedAnswer]) -> int:
    """Return how many answers passed."""
    return sum(each["verdict"] == Verdict.PASSED for each in found)


def by_interest(entries: Iterable[Entry]) -> list[Entry]:
    """Sort problems: what the adapter lost comes first, then what it failed, gained and passed."""

    def rank(each: Entry) -> tuple[int, str]:
        base, adapter = passed(each["base"]), passed(each["adapter"])
        failed = adapter < len(each["adapter"])
        order = 0 if adapter < base else 1 if failed and adapter == base else 2 if failed else 3
        return (order + (order == 3 and adapter == base), each["problem"])

    return sorted(entries, key=rank)


def summary(found: Sequence[JudgedAnswer]) -> str:
    """Return the verdicts of a problem's samples: `passed`, or `2 of 5 passed`."""
    if len({each["verdict"] for each in found}) == 1:
        return found[0]["verdict"]
    return f"{passed(found)} of {len(found)} passed"


def show(evaluation: Path, problem: str, against: str) -> None:
    """Print every problem with its verdicts, or the answers to one. Raises UnknownProblem."""
    entries = read(evaluation)
    if not problem:
        for each in by_interest(entries):
            output.print(
                f"{each['problem']}  {against}: {summary(each['base'])}"
                f"  adapter: {summary(each['adapter'])}"
            )
        return
    chosen = [each for each in entries if each["problem"] == problem]
    chosen = chosen or [each for each in entries if problem in each["problem"]]
    if not chosen:
        raise UnknownProblem(problem, place(evaluation))
    for told in chosen:
        output.print(f"{told['problem']}\n\nasked:\n{told['prompt']}")
        for name, found in ((against, told["base"]), ("adapter", told["adapter"])):
            for number, one in enumerate(found, 1):
                which = f", answer {number} of {len(found)}" if len(found) > 1 else ""
                output.print(f"\n{name}{which}: {one['verdict']}\n{one['answer']}")
                if one["detail"]:
                    output.print(f"\nsaid:\n{one['detail']}")
        output.print()
