"""Our benchmarks as tasks of EleutherAI's lm-evaluation-harness, so that any model is scored.

    python -m train.evaluate RUN --lm-eval tasks --benchmark otp
    lm_eval --model hf --model_args pretrained=MODEL --include_path tasks --tasks elixir_otp

A folder of tasks holds for each a YAML file and its rows as JSON lines, and `elixir_tasks.py`, by
which the harness calls this module: answers are judged as by `train.evaluate`, in its sandbox, so
elixir-corpus has to be installed beside the harness. Held-out documents are scored by its rolling
log-likelihood, which foretells the first token of a document too, so its bits a byte are a little
above ours.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.atomic import whole_folder
from corpus.untrusted import parse_object
from sandbox import Sandbox
from train.evaluate.judge import Verdict, judge
from train.evaluate.problems import Problem, Prompt

if TYPE_CHECKING:
    from datasets import Dataset

    from train.evaluate.text import HeldOutDocument

SPLIT = "test"
METRIC = "pass@1"
MODULE = '''\
"""What the harness calls for these tasks. Written by `python -m train.evaluate --lm-eval`."""

from pathlib import Path

from train.evaluate import harness


def rows(task_file, **settings):
    return harness.rows(Path(__file__).parent / task_file)


def judged(row, answers):
    return harness.judged(row, answers)
'''
EXECUTED: Mapping[str, object] = {
    "output_type": "generate_until",
    "doc_to_text": "{{text}}",
    "doc_to_target": "",
    "process_results": "!function elixir_tasks.judged",
    "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
    "num_fewshot": 0,
}
SCORED: Mapping[str, object] = {
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{text}}",
    "metric_list": [{"metric": "bits_per_byte"}, {"metric": "byte_perplexity"}],
}
CHAT = "Questions: run it with --apply_chat_template for a model that has one."


def write_tasks(
    folder: Path,
    documents: Sequence["HeldOutDocument"],
    problems: Sequence[Problem],
    longest: int,
) -> list[str]:
    """Write a folder of tasks, whole or not at all, and return their names.

    `longest` is how many tokens an answer has at most. Raises OSError where a folder is there that
    holds something.
    """
    sources: dict[str, list[Problem]] = {}
    for problem in problems:
        sources.setdefault(problem.source, []).append(problem)
    names = []
    with whole_folder(folder) as inside:
        (inside / "elixir_tasks.py").write_text(MODULE, encoding="utf-8")
        for source, found in sources.items():
            name = f"elixir_{source.replace('-', '_')}"
            settings = {
                **EXECUTED,
                "generation_kwargs": {
                    "until": until(found),
                    "max_gen_toks": longest,
                    "do_sample": False,
                },
            }
            note = CHAT if any(each.prompt.question for each in found) else ""
            _write(inside, name, settings, map(row_of, found), note)
            names.append(name)
        if documents:
            texts = ({"id": each.document_id, "text": each.text} for each in documents)
            _write(inside, "elixir_held_out", SCORED, texts, "")
            names.append("elixir_held_out")
    return names


def _write(
    folder: Path,
    name: str,
    settings: Mapping[str, object],
    rows: Iterable[Mapping[str, object]],
    note: str,
) -> None:
    import yaml

    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    told = {
        "task": name,
        "custom_dataset": "!function elixir_tasks.rows",
        "dataset_kwargs": {"task_file": f"{name}.jsonl"},
        "test_split": SPLIT,
        **settings,
        "metadata": {"version": 1.0},
    }
    text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
    # The harness reads a call as a tag, which no plain value is written as.
    for call in ("rows", "judged"):
        text = text.replace(f"'!function elixir_tasks.{call}'", f"!function elixir_tasks.{call}")
    (folder / f"{name}.yaml").write_text(f"# {note}\n{text}" if note else text, encoding="utf-8")


def until(problems: Sequence[Problem]) -> list[str]:
    """Return what ends an answer to any of the problems; what ends only some would cut others.

    Each answer is cut at the stops of its own problem when it is judged.
    """
    common = set(problems[0].prompt.stop).intersection(*(each.prompt.stop for each in problems))
    return sorted(common)


def row_of(problem: Problem) -> dict[str, str]:
    """Return a problem as a row of a task; `text` is what the model is given."""
    told = asdict(problem)
    assets = {path: base64.b64encode(data).decode() for path, data in problem.assets.items()}
    text = problem.prompt.question or problem.prompt.text
    told["prompt"]["stop"] = list(problem.prompt.stop)
    return {"id": problem.identity, "text": text, "problem": json.dumps({**told, "assets": assets})}


def problem_of(row: Mapping[str, str]) -> Problem:
    """Return the problem of a row. Raises ValueError, KeyError or TypeError for no such row."""
    told = parse_object(row["problem"])
    prompt = told.pop("prompt")
    assets = {path: base64.b64decode(data) for path, data in told.pop("assets").items()}
    asked = Prompt(text=prompt["text"], question=prompt["question"], stop=tuple(prompt["stop"]))
    return Problem(prompt=asked, assets=assets, **told)


def rows(path: Path) -> dict[str, "Dataset"]:
    """Return the rows of a task as the harness holds data sets."""
    from datasets import Dataset

    found = [parse_object(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return {SPLIT: Dataset.from_list(found)}


def judged(row: Mapping[str, str], answers: Sequence[str]) -> dict[str, float]:
    """Return the metric of an answer, run in the sandbox. Raises SandboxUnavailable."""
    found = judge(problem_of(row), answers[0], _sandbox())
    return {METRIC: float(found.verdict is Verdict.PASSED)}


@cache
def _sandbox() -> Sandbox:
    return Sandbox()
