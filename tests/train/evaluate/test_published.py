"""Benchmarks that others publish, in their formats, with contents of our own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.decontamination.benchmarks import MalformedBenchmark, NoBenchmark
from sandbox import Sandbox
from tests.sandbox.machine import executed
from train.evaluate.judge import Verdict, judge
from train.evaluate.problems import Problem
from train.evaluate.published import read_exercism, read_mceval, read_multipl_e

TRIPLE = {
    "name": "Ours_1_triple",
    "language": "elixir",
    "prompt": "# Triples a number.\n\ndefmodule HumanEval do\n  def candidate(n), do: triple(n)\n"
    "  def triple(n) do\n    ",
    "doctests": "transform",
    "tests": "ExUnit.start()\ndefmodule HumanEvalTest do\n  use ExUnit.Case, async: true\n"
    "  test 'triple' do\n    assert 6 == HumanEval.candidate(2)\n  end\nend\n",
    "stop_tokens": ["\ndefmodule", "\ndefp", "\ndef ", "\n#", "\n\n"],
}
NEGATE = {
    "task_id": "Elixir/1",
    "prompt": "defmodule Signs do\ndef negate(n) do\n# Changes the sign\n# >>> negate(1)\n# -1",
    "canonical_solution": "flip(n)\nend\n\ndefp flip(n), do: -n\nend",
    "test": "ExUnit.start()\ndefmodule SignsTest do\nuse ExUnit.Case\n"
    'test "it" do\nassert Signs.negate(4) == -4\nend\nend',
    "entry_point": "negate",
    "level": "easy",
}


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_multipl_e_is_read_from_json_lines_and_from_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines(TRIPLE, {**TRIPLE, "language": "lua"}))
    other = {key: value for key, value in TRIPLE.items() if key != "language"}
    pq.write_table(pa.Table.from_pylist([{**other, "name": "two"}]), tmp_path / "b.parquet")
    problems = list(read_multipl_e(tmp_path))
    assert [each.identity for each in problems] == ["multipl-e/Ours_1_triple", "multipl-e/two"]
    assert problems[0].prompt.text == TRIPLE["prompt"]
    assert problems[0].prompt.stop == ("\ndefmodule", "\ndefp", "\ndef ", "\n#", "\n\n")
    assert problems[0].reference is None


@executed
@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("3 * n\n  end\nend\n\nHumanEval.triple(:cut_off)", Verdict.PASSED),
        ("n\n  end\nend", Verdict.FAILED),
        ("3 * n\n  end", Verdict.COMPILE_ERROR),
        ("", Verdict.COMPILE_ERROR),
    ],
)
def test_multipl_e_is_executed(
    sandbox: Sandbox, tmp_path: Path, completion: str, verdict: Verdict
) -> None:
    (tmp_path / "a.jsonl").write_text(lines(TRIPLE))
    (problem,) = read_multipl_e(tmp_path / "a.jsonl")
    judgement = judge(problem, completion, sandbox)
    assert judgement.verdict is verdict, judgement.detail


def test_mceval_gives_its_canonical_solution(tmp_path: Path) -> None:
    (tmp_path / "Elixir.jsonl").write_text(lines(NEGATE, {**NEGATE, "task_id": "Lua/1"}))
    (problem,) = read_mceval(tmp_path)
    assert problem.identity == "mceval/Elixir/1"
    assert problem.prompt.text.endswith("# -1\n")
    assert problem.reference == NEGATE["canonical_solution"]


@executed
def test_mceval_is_executed(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Elixir.jsonl").write_text(lines(NEGATE))
    (problem,) = read_mceval(tmp_path)
    assert judge(problem, problem.reference or "", sandbox).verdict is Verdict.PASSED
    assert judge(problem, "n\nend\nend", sandbox).verdict is Verdict.FAILED
    assert judge(problem, "", sandbox).verdict is Verdict.COMPILE_ERROR


def exercise(root: Path, name: str, files: dict[str, str], kind: str = "practice") -> None:
    for path, text in files.items():
        (root / "exercises" / kind / name / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "exercises" / kind / name / path).write_text(text)


def config(**files: list[str]) -> str:
    return json.dumps({"authors": [], "files": files, "blurb": "."})


READER = {
    ".meta/config.json": config(
        solution=["lib/reader.ex"], test=["test/reader_test.exs"], example=[".meta/example.ex"]
    ),
    ".meta/example.ex": 'defmodule Reader do\n  def read, do: File.read!("assets/a.txt")\nend\n',
    ".docs/instructions.md": "# Instructions\n\nRead the file.\n",
    ".docs/instructions.append.md": "Do not write it.\n",
    "lib/reader.ex": "defmodule Reader do\n  def read do\n  end\nend\n",
    "assets/a.txt": "hello",
    "mix.exs": 'defmodule M do\n  def project do\n    [elixir: "~> 1.10"]\n  end\nend\n',
    "test/test_helper.exs": "ExUnit.start(exclude: :pending)\n",
    "test/reader_test.exs": "defmodule ReaderTest do\n  use ExUnit.Case\n  @tag :pending\n"
    '  test "a", do: assert(Reader.read() == "hello")\nend\n',
}


def test_an_exercise_is_asked_with_its_instructions_and_its_stub(tmp_path: Path) -> None:
    exercise(tmp_path, "reader", READER)
    two = config(solution=["lib/a.ex", "lib/b.ex"], test=[], example=[])
    exercise(tmp_path, "of-two-files", {".meta/config.json": two, "lib/a.ex": "", "lib/b.ex": ""})
    (problem,) = read_exercism(tmp_path)
    assert problem.identity == "exercism/reader"
    assert problem.prompt.question == (
        "# Instructions\n\nRead the file.\n\nDo not write it.\n\n"
        "Complete the following file, `lib/reader.ex`, and answer with the whole of it in one "
        "fenced block of code.\n\n"
        "```elixir\ndefmodule Reader do\n  def read do\n  end\nend\n```\n"
    )
    assert (problem.path, problem.requires) == ("lib/reader.ex", "~> 1.10")
    assert problem.assets == {"assets/a.txt": b"hello"}


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../secret", "lib/../../../secret", 7])
@pytest.mark.parametrize("part", ["solution", "test", "example"])
def test_an_exercise_names_no_file_of_others(tmp_path: Path, part: str, name: object) -> None:
    files: dict[str, list[Any]] = {"solution": ["a"], "test": ["b"], "example": ["c"]}
    files[part] = [name]
    exercise(tmp_path, "reader", {".meta/config.json": json.dumps({"files": files})})
    with pytest.raises(MalformedBenchmark, match="is no path"):
        list(read_exercism(tmp_path))


def test_exercises_of_both_kinds_are_asked(tmp_path: Path) -> None:
    exercise(tmp_path, "reader", READER)
    exemplar = {**READER, ".meta/exemplar.ex": READER[".meta/example.ex"]}
    exemplar[".meta/config.json"] = READER[".meta/config.json"].replace("example", "exemplar")
    exercise(tmp_path, "lasagna", exemplar, kind="concept")
    found = {each.identity: each.reference for each in read_exercism(tmp_path)}
    assert found == dict.fromkeys(
        ["exercism/reader", "exercism/lasagna"], READER[".meta/example.ex"]
    )


@executed
def test_an_exercise_is_executed_with_its_pending_tests(sandbox: Sandbox, tmp_path: Path) -> None:
    exercise(tmp_path, "reader", READER)
    (problem,) = read_exercism(tmp_path)
    answer = f"Here it is:\n\n```elixir\n{problem.reference}```\n"
    assert judge(problem, answer, sandbox).verdict is Verdict.PASSED
    stub = "```elixir\n" + READER["lib/reader.ex"] + "```"
    assert judge(problem, stub, sandbox).verdict is Verdict.FAILED


@pytest.mark.parametrize("load", [read_multipl_e, read_mceval, read_exercism])
def test_an_empty_folder_holds_no_benchmark(
    load: Callable[[Path], Iterator[Problem]], tmp_path: Path
) -> None:
    with pytest.raises(NoBenchmark, match=r"no benchmark here\. Expected"):
        list(load(tmp_path))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"name": "a"', "line 1 is not JSON"),
        ("\n[1]\n", "line 2 is not an object"),
        (lines({**TRIPLE, "tests": None}), "line 1 has no text in its field 'tests'"),
        (
            lines({**TRIPLE, "stop_tokens": None}),
            "line 1 has no list of texts in its field 'stop_tokens'",
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(MalformedBenchmark, match=complaint):
        list(read_multipl_e(tmp_path))


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(MalformedBenchmark, match=r"a\.parquet"):
        list(read_multipl_e(tmp_path))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".meta/config.json", "{"),
        (".meta/config.json", '{"files": {"solution": []}}'),
        (".meta/config.json", '{"files": []}'),
    ],
)
def test_a_damaged_exercise_is_named(tmp_path: Path, path: str, content: str) -> None:
    exercise(tmp_path, "reader", {**READER, path: content})
    with pytest.raises(MalformedBenchmark, match="reader"):
        list(read_exercism(tmp_path))


def test_an_exercise_whose_files_are_gone_is_named(tmp_path: Path) -> None:
    exercise(tmp_path, "reader", READER)
    (tmp_path / "exercises/practice/reader/.meta/example.ex").unlink()
    with pytest.raises(MalformedBenchmark, match=r"example\.ex: cannot be read"):
        list(read_exercism(tmp_path))
