"""Formats of benchmarks are recognised and read as published, and what is wrong is named."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.decontamination.benchmarks import (
    Fields,
    MalformedBenchmark,
    NoBenchmark,
    read_benchmarks,
)
from corpus.decontamination.matching import index_of
from tests.corpus.decontamination.problems import PROMPT, SOLUTION, TESTS, TOLLS, harbour, lines

FIELDS = Fields()
MULTIPL_E = {
    "name": "Ours_1_tolls",
    "language": "elixir",
    "prompt": "# Adds up tolls.\ndefmodule HumanEval do\n",
    "tests": TESTS,
    "stop_tokens": ["\ndef "],
}
MCEVAL = {
    "task_id": "Elixir/1",
    "prompt": "defmodule Tolls do",
    "canonical_solution": "end",
    "test": TESTS,
}
AUTO_CODE_BENCH = {
    "question": PROMPT,
    "canonical_solution": SOLUTION,
    "demo_test_func": "demo",
    "full_test_func": TESTS,
    "language": "elixir",
    "difficulty": "easy",
}
EVAL = """\
type: write_code_and_assert
messages:
  - type: user
    text: Write a function.
code: |
  defmodule Tolls do
  end
eval:
  assert:
    - name: correctness
      script: Tolls.total([]) == 0
    - name: idiomatic
      contains: Enum.sum
"""


def write(path: Path, *rows: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines(*rows))
    return str(path)


def read(*places: str, fields: Fields = FIELDS) -> dict[str, dict[str, list[tuple[str, str]]]]:
    return {
        each.name: {
            problem.name: [(passage.part, passage.text) for passage in problem.passages]
            for problem in each.problems
        }
        for each in read_benchmarks(places, fields)
    }


def test_rows_are_recognised_by_their_fields(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", MULTIPL_E, {**MULTIPL_E, "language": "lua"})
    two = write(tmp_path / "b.jsonl", MCEVAL, {**MCEVAL, "task_id": "Lua/1"})
    three = write(tmp_path / "c.jsonl", {**AUTO_CODE_BENCH, "language": "lua"}, AUTO_CODE_BENCH)
    assert read(one, two, three) == {
        "autocodebench": {
            "c:2": [
                *(("prompt", PROMPT), ("solution", SOLUTION)),
                *(("tests", "demo"), ("tests", TESTS)),
            ]
        },
        "mceval": {
            "Elixir/1": [
                ("prompt", "defmodule Tolls do"),
                ("solution", "defmodule Tolls do\nend"),
                ("tests", TESTS),
            ]
        },
        "multipl-e": {"Ours_1_tolls": [("prompt", str(MULTIPL_E["prompt"])), ("tests", TESTS)]},
    }


def test_a_folder_has_one_benchmark_with_the_variants_of_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "keep.jsonl", MULTIPL_E)
    other = {**MULTIPL_E, "prompt": "# Sums.\n"}
    pq.write_table(pa.Table.from_pylist([other]), tmp_path / "reworded.parquet")
    (problem,) = read(str(tmp_path))["multipl-e"].values()
    assert problem == [("prompt", MULTIPL_E["prompt"]), ("tests", TESTS), ("prompt", "# Sums.\n")]


def test_own_rows_have_named_fields(tmp_path: Path) -> None:
    own = write(tmp_path / "own.jsonl", {"q": PROMPT, "a": None}, {"q": "2", "a": "b", "key": 7})
    fields = Fields(name="key", prompt="q", solution="a")
    expected = {
        "own:1": [("prompt", PROMPT)],
        "7": [("prompt", "2"), ("solution", "b")],
    }
    assert read(own, fields=fields) == {"own": expected}
    assert read(f"exam={own}", fields=fields) == {"exam": expected}


def test_an_exercise_gives_instructions_stub_example_and_tests(tmp_path: Path) -> None:
    folder = tmp_path / "exercises/practice/tolls"
    config = {"files": {"solution": ["lib/t.ex"], "test": ["t.exs"], "example": ["e.ex"]}}
    write(folder / ".meta/config.json", config)
    for name, text in {".docs/instructions.md": "# Do", "lib/t.ex": "stub", "t.exs": "t"}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(MalformedBenchmark, match=r"tolls/e\.ex: cannot be read"):
        read(str(tmp_path))
    (folder / "e.ex").write_text("solved")
    parts = [("prompt", "# Do"), ("prompt", "stub"), ("solution", "solved"), ("tests", "t")]
    assert read(str(tmp_path)) == {"exercism": {"tolls": parts}}


def test_an_evaluation_of_ash_gives_messages_code_and_scripts(tmp_path: Path) -> None:
    (tmp_path / "evals/elixir").mkdir(parents=True)
    (tmp_path / "evals/elixir/sum.yml").write_text(EVAL)
    parts = [
        ("prompt", "Write a function."),
        ("prompt", "defmodule Tolls do\nend\n"),
        ("tests", "Tolls.total([]) == 0"),
    ]
    assert read(str(tmp_path)) == {"ash-evals": {"elixir/sum": parts}}


def test_the_digest_is_that_of_the_lines_of_sha256sum(tmp_path: Path) -> None:
    harbour(tmp_path / "b")
    write(tmp_path / "a/more.jsonl", {**TOLLS, "id": "more"})
    names = ["a/more.jsonl", "b/harbour.jsonl"]
    digests = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names}
    told = "".join(f"{digests[name]}  {name}\n" for name in names)
    (benchmark,) = read_benchmarks([f"harbour={tmp_path}"])
    assert benchmark.digest == hashlib.sha256(told.encode()).hexdigest()
    assert (benchmark.files, [each.name for each in benchmark.problems]) == (2, ["more", "tolls"])


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([MCEVAL, {**MCEVAL, "test": 3}], "line 2 has no text in its field 'test'"),
        ([{**MULTIPL_E, "prompt": None}], "line 1 has no text in its field 'prompt'"),
        ([{"task": "a", "text": "b"}], r"line 1 has the fields 'task', 'text', which is no known"),
        ([TOLLS, {"id": "a"}], "line 2 has no text in any of its fields prompt, solution, tests"),
        ([{**TOLLS, "id": ["a"]}], "line 1 has no text in its field 'id'"),
        ([{**TOLLS, "id": "a\x1b[2J"}], "cannot be a name"),
        ([{**TOLLS, "id": True}], "line 1 has no text in its field 'id'"),
        ([{**TOLLS, "solution": {}}], "line 1 has no text in its field 'solution'"),
        ([{**TOLLS, "prompt": "\ud800"}], "the prompt of 'tolls' is no text"),
        ([{**TOLLS, "tests": "a " * (2 << 20) + "a"}], "the tests of 'tolls' has 4194305 bytes"),
    ],
)
def test_a_wrong_row_is_named_with_its_field(
    tmp_path: Path, rows: list[dict[str, Any]], complaint: str
) -> None:
    place = write(tmp_path / "rows.jsonl", *rows)
    with pytest.raises(MalformedBenchmark, match=rf"rows\.jsonl.*{complaint}"):
        read(place)


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("rows.jsonl", b'{"prompt": "a"}\n{"prompt', "line 2 is not JSON"),
        ("rows.jsonl", b'{"prompt": "\xff"}', "line 1 is not JSON"),
        ("rows.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("rows.json", b'[{"prompt": "a"}]', "line 1 is not an object. A file of rows has one"),
        ("rows.parquet", b"PAR1", r"rows\.parquet: "),
        ("evals/a.yml", b"messages: [", "line 1 is not YAML"),
        ("evals/a.yml", b"messages: 2020-99-99", "is not YAML"),
        (
            "evals/a.yml",
            b"messages: [{text: [a]}]\neval: {assert: []}",
            "a message has no text in its field 'text'",
        ),
        ("evals/a.yml", b"messages: 3", "it has no list of messages in its field 'messages'"),
        ("evals/a.yml", b"messages: []", "it has no list of assertions in its field 'eval.assert'"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(
    tmp_path: Path, name: str, data: bytes, complaint: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(MalformedBenchmark, match=complaint):
        read(str(tmp_path))


def test_a_place_without_problems_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        NoBenchmark, match=r"no benchmark here\. Expected a \.jsonl or .parquet file"
    ):
        read(str(tmp_path / "empty"))
    with pytest.raises(NoBenchmark, match=r"no benchmark here\. Expected a local file or folder"):
        read(str(tmp_path / "nothing"))
    lua = write(tmp_path / "lua.jsonl", {**AUTO_CODE_BENCH, "language": "lua"})
    with pytest.raises(NoBenchmark, match="problems in Elixir or Erlang, and it has none"):
        read(lua)
    for place in ("", "name=", "x" * 5000):
        with pytest.raises(
            NoBenchmark, match=r"no benchmark here\. Expected a local file or folder"
        ):
            read(place)


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    text = lines(TOLLS, {**TOLLS, "id": "more", "language": None}).replace("\n", "\r\n")
    (tmp_path / "ours.jsonl").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (benchmark,) = read_benchmarks([str(tmp_path)])
    assert [each.name for each in benchmark.problems] == ["more", "tolls"]


def test_a_date_that_python_does_not_have_is_an_error(tmp_path: Path) -> None:
    when = pa.array([2**60], pa.timestamp("us"))
    pq.write_table(pa.table({"prompt": ["a"], "when": when}), tmp_path / "a.parquet")
    with pytest.raises(MalformedBenchmark, match=r"a\.parquet: date value out of range\. Fetch"):
        read(str(tmp_path))


def test_exercises_without_files_have_nothing_to_compare(tmp_path: Path) -> None:
    config = tmp_path / "exercises/practice/bob/.meta/config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"files": {"solution": [], "test": [], "example": []}}')
    benchmarks = read_benchmarks([str(tmp_path)])
    assert [each.name for each in benchmarks[0].problems] == ["bob"]
    assert index_of(benchmarks).num_rows == 0


def test_a_benchmark_whose_name_is_markup_needs_another_one(tmp_path: Path) -> None:
    place = write(tmp_path / "a|<b>.jsonl", TOLLS)
    with pytest.raises(MalformedBenchmark, match=r"'a\|<b>' cannot be the name of a benchmark"):
        read_benchmarks([place])
    (benchmark,) = read_benchmarks([f"ours={place}"])
    assert benchmark.name == "ours"
