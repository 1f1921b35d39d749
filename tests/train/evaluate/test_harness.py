"""Tasks for the lm-evaluation-harness: what is in their files, and that the harness runs them."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.machine import executed
from train.evaluate.benchmarks import read_tasks
from train.evaluate.harness import judged, problem_of, row_of, until, write_tasks
from train.evaluate.problems import Problem, Prompt
from train.evaluate.text import HeldOutDocument

DOCUMENT = HeldOutDocument("ab", "quay", "elixir", "library", (), "defmodule A do\nend\n")
CUT = Problem(
    identity="doctest/x",
    source="doctest",
    prompt=Prompt(text="def a do", stop=("\n  end", "\nend")),
    before="def a do",
    after="\n  end\n",
    files={"lib/b.ex": "é"},
    assets={"a.bin": b"\x00\xff"},
    tests={"test/a.exs": "1"},
    requires="~> 1.14",
    package="quay",
)


class Loader(yaml.SafeLoader):
    """Reads the harness's tag as it does: as the name of a function."""


def call(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return f"call {loader.construct_scalar(node)}"


Loader.add_constructor("!function", call)


def settings(folder: Path, name: str) -> dict[str, Any]:
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader))  # a safe one


def test_a_folder_of_tasks_is_what_the_harness_reads(tmp_path: Path) -> None:
    folder = tmp_path / "tasks"
    problems = [*read_tasks(), CUT]
    names = write_tasks(folder, [DOCUMENT], problems, 64)
    assert names == ["elixir_otp", "elixir_doctest", "elixir_held_out"]
    assert settings(folder, "elixir_doctest") == {
        "task": "elixir_doctest",
        "custom_dataset": "call elixir_tasks.rows",
        "dataset_kwargs": {"task_file": "elixir_doctest.jsonl"},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{text}}",
        "doc_to_target": "",
        "process_results": "call elixir_tasks.judged",
        "metric_list": [{"metric": "pass@1", "aggregation": "mean", "higher_is_better": True}],
        "num_fewshot": 0,
        "generation_kwargs": {
            "until": ["\n  end", "\nend"],
            "max_gen_toks": 64,
            "do_sample": False,
        },
        "metadata": {"version": 1.0},
    }
    text = settings(folder, "elixir_held_out")
    assert (text["output_type"], text["doc_to_target"]) == ("loglikelihood_rolling", "{{text}}")
    (row,) = (folder / "elixir_held_out.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(row) == {"id": "ab", "text": DOCUMENT.text}
    assert "--apply_chat_template" in (folder / "elixir_otp.yaml").read_text(encoding="utf-8")
    assert (
        sorted(each.suffix for each in folder.iterdir()) == [".jsonl"] * 3 + [".py"] + [".yaml"] * 3
    )
    with pytest.raises(OSError, match="tasks"):
        write_tasks(folder, [], problems, 64)


def test_a_problem_is_the_same_behind_a_row() -> None:
    assert problem_of(json.loads(json.dumps(row_of(CUT)))) == CUT


def test_what_ends_only_some_answers_ends_none() -> None:
    other = Problem(
        identity="y", source="doctest", prompt=Prompt(text="b", stop=("\nend",)), tests={}
    )
    assert until([CUT, other]) == ["\nend"]


@executed
def test_a_reference_is_judged_right_and_an_empty_answer_wrong() -> None:
    task = next(read_tasks())
    assert judged(row_of(task), [f"```elixir\n{task.reference}```"]) == {"pass@1": 1.0}
    assert judged(row_of(task), [""]) == {"pass@1": 0.0}


@executed
@pytest.mark.skipif(find_spec("lm_eval") is None, reason="needs lm_eval")
def test_the_harness_runs_them(tmp_path: Path, tiny_model: Path) -> None:
    tasks = tmp_path / "tasks"
    names = write_tasks(tasks, [DOCUMENT], [*read_tasks(), CUT], 8)
    subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "--model", "hf", "--tasks", ",".join(names)),
            *("--model_args", f"pretrained={tiny_model}", "--device", "cpu", "--limit", "1"),
            *("--include_path", str(tasks), "--output_path", str(tmp_path / "out")),
        ],
        check=True,
        capture_output=True,
    )
    (found,) = (tmp_path / "out").rglob("*.json")
    results = json.loads(found.read_bytes())["results"]
    assert results["elixir_otp"]["pass@1,none"] == 0
    assert results["elixir_held_out"]["bits_per_byte,none"] > 0
    shutil.rmtree(tmp_path / "out")
