"""Problems cut from a release: what is asked, and that it is decided for real."""

from pathlib import Path
from typing import Any

import pytest

from corpus.release import Release
from corpus.rows import ClauseRow
from sandbox import Sandbox
from tests.releases import behaviour, document, function, module, write_release
from tests.sandbox.machine import executed
from train.evaluate.held_out import BODY, cut, cut_callbacks, cut_doctests
from train.evaluate.judge import calibrate, judge, judge_all
from train.evaluate.problems import Problem

LENGTHS = '''\
defmodule Yard.Lengths do
  @moduledoc "Länge in Zoll."

  @doc """
      iex> Yard.Lengths.inches(2)
      24
  """
  def inches(feet) do
    feet * Yard.Units.factor()
  end

  @doc """
      iex> feet(30)
      2
  """
  def feet(inches), do: div(inches, Yard.Units.factor())

  @doc """
      iex> Yard.Lengths.sum([])
      0
  """
  def sum([]), do: 0
  def sum([first | rest]), do: first + sum(rest)
end
'''
UNITS = "defmodule Yard.Units do\n  def factor, do: 12\nend\n"
FOREIGN = "defmodule Yard.Web do\n  use Phoenix.Controller\nend\n"
STORE = """\
defmodule Yard.Store do
  use GenServer

  @impl true
  def init(goods), do: {:ok, goods}

  @impl true
  def handle_call(:all, _from, goods) do
    {:reply, goods, goods}
  end

  @impl true
  def handle_cast({:add, good}, goods), do: {:noreply, [good | goods]}
  def handle_cast(:clear, _goods), do: {:noreply, []}

  def start_link(goods), do: GenServer.start_link(__MODULE__, goods)
end
"""


def clause(text: str, opening: str, closing: str) -> dict[str, Any]:
    """Return the clause that goes from one text to the end of another."""
    start = text.index(opening)
    end = text.index(closing, start) + len(closing)
    return {
        "start_line": text[:start].count("\n") + 1,
        "end_line": text[:end].count("\n") + 1,
        "start_byte": len(text[:start].encode()),
        "end_byte": len(text[:end].encode()),
        "guard": None,
    }


def span(text: str, opening: str, closing: str) -> ClauseRow:
    found = clause(text, opening, closing)
    first, last = found["start_byte"], found["end_byte"]
    return ClauseRow(start_line=1, end_line=1, start_byte=first, end_byte=last, guard=None)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    lengths = document("yard", "lib/lengths.ex", LENGTHS, "test", modules=[module("Yard.Lengths")])
    units = document("yard", "lib/units.ex", UNITS, "test", modules=[module("Yard.Units")])
    web = document("yard", "lib/web.ex", FOREIGN, "test", modules=[module("Yard.Web")])
    served = module("Yard.Store", behaviours=[behaviour("GenServer")])
    store = document("yard", "lib/store.ex", STORE, "test", modules=[served])
    inches = clause(LENGTHS, "def inches", "\n  end")
    feet = clause(LENGTHS, "def feet", "factor())")
    sums = [clause(LENGTHS, "def sum([])", ": 0"), clause(LENGTHS, "def sum([f", "sum(rest)")]
    casts = [
        clause(STORE, "def handle_cast({", "goods]}"),
        clause(STORE, "def handle_cast(:c", "[]}"),
    ]
    call = clause(STORE, "def handle_call", "\n  end")
    init = clause(STORE, "def init", "goods}")
    name = "Yard.Lengths"
    functions = [
        function(lengths, name, "inches", 1, clauses=[inches], doc=doc("inches")),
        function(lengths, name, "feet", 1, clauses=[feet], doc=doc("feet")),
        function(lengths, name, "sum", 1, clauses=sums, doc=doc("sum")),
        function(store, "Yard.Store", "init", 1, clauses=[init], impl="true"),
        function(store, "Yard.Store", "handle_call", 3, clauses=[call]),
        function(store, "Yard.Store", "handle_cast", 2, clauses=casts, impl="true"),
        function(
            store,
            "Yard.Store",
            "start_link",
            1,
            clauses=[clause(STORE, "def start_link", "goods)")],
        ),
    ]
    return write_release(tmp_path / "release", [lengths, units, web, store], functions)


def doc(name: str) -> str:
    """Return the text of a function's documentation."""
    example = LENGTHS.split(f"{name}(")[1]
    before = LENGTHS.split(f"{name}(")[0].rpartition("    iex> ")[2]
    return f"    iex> {before}{name}({example.splitlines()[0]}\n"


def test_a_doctest_problem_ends_where_the_body_begins(release: Release) -> None:
    feet, inches = cut_doctests(release)
    assert inches.identity == "doctest/yard-1.0.0/lib/lengths.ex:Yard.Lengths.inches/1"
    assert inches.prompt.text.endswith('24\n  """\n  def inches(feet) do\n')
    assert inches.prompt.stop == ("\n  end",)
    assert inches.reference == "    feet * Yard.Units.factor()"
    assert inches.program(inches.reference) == LENGTHS
    assert feet.prompt.text.endswith("def feet(inches), do:")
    assert feet.reference == " div(inches, Yard.Units.factor())"
    assert feet.prompt.stop == ("\n",)
    assert feet.program(feet.reference + "\n\n  def more, do: 1") == LENGTHS


def test_only_files_that_are_named_are_compiled_with_it(release: Release) -> None:
    for problem in cut_doctests(release):
        assert problem.files == {"lib/units.ex": UNITS}


def test_examples_without_the_modules_name_have_it_imported(release: Release) -> None:
    feet, inches = cut_doctests(release)
    assert 'doctest Yard.Lengths, only: ["feet": 1], import: true\n' in text_of(feet)
    assert 'doctest Yard.Lengths, only: ["inches": 1]\n' in text_of(inches)


def text_of(problem: Problem) -> str:
    (text,) = problem.tests.values()
    return text


def test_a_callback_problem_ends_behind_the_callbacks_name(release: Release) -> None:
    call, init = cut_callbacks(release)
    assert call.identity == "callback/yard-1.0.0/lib/store.ex:Yard.Store.handle_call/3"
    assert call.prompt.text.endswith("@impl true\n  def handle_call(")
    assert call.reference == ":all, _from, goods) do\n    {:reply, goods, goods}"
    assert call.program(call.reference) == STORE
    assert init.prompt.text.endswith("@impl true\n  def init(")
    assert init.reference == "goods), do: {:ok, goods}"


def test_two_versions_of_a_package_are_not_mixed(tmp_path: Path) -> None:
    text = "defmodule Twice do\n  def init(one) do\n    {:ok, one}\n  end\nend\n"
    init = clause(text, "def init", "\n  end")
    documents = [
        document(
            "twice", "lib/twice.ex", text, "test", version=version, document_id=version,
            archive_sha256=version[0] * 64,
            modules=[module("Twice", behaviours=[behaviour("GenServer")])],
        )
        for version in ("1.0.0", "2.0.0")
    ]  # fmt: skip
    functions = [function(each, "Twice", "init", 1, clauses=[init]) for each in documents]
    release = write_release(tmp_path / "release", documents, functions)
    assert [(each.identity, dict(each.files)) for each in cut_callbacks(release)] == [
        ("callback/twice-1.0.0/lib/twice.ex:Twice.init/1", {}),
        ("callback/twice-2.0.0/lib/twice.ex:Twice.init/1", {}),
    ]


def test_nothing_is_asked_of_what_was_trained_on(release: Release) -> None:
    assert cut_doctests(release, splits=("train", "validation")) == []
    assert cut_callbacks(release, splits=("train", "validation")) == []


def test_so_many_problems_are_drawn_and_always_the_same(release: Release) -> None:
    (drawn,) = cut_callbacks(release, most=1)
    assert drawn == cut_callbacks(release, most=1)[0]


@executed
def test_references_score_100_percent_and_empty_answers_0(
    release: Release, sandbox: Sandbox
) -> None:
    problems = [*cut_doctests(release), *cut_callbacks(release)]
    assert calibrate(problems, sandbox, workers=2) == (problems, {})
    answers = [[each.reference or "", ""] for each in problems]
    judged = judge_all(problems, answers, sandbox, workers=2)
    assert {each.package for each in problems} == {"yard"}
    for samples in judged:
        assert [each.verdict == "passed" for each in samples] == [True, False]


@executed
def test_a_callback_that_is_inherited_is_not_written(release: Release, sandbox: Sandbox) -> None:
    _, init = cut_callbacks(release)
    other = "goods, _), do: goods"
    judged = judge(init, other, sandbox)
    assert judged.verdict == "failed", judged.detail
    guarded = "goods) when is_list(goods), do: {:ok, goods}"
    assert judge(init, guarded, sandbox).verdict == "passed"


@pytest.mark.parametrize(
    "source",
    [
        "def f(x) do x end",
        "def f(x),\n    do: x",
        "def f(x), do: if(x,\n    do: 1)",
        "def f(x) do\n\n  end",
        "def f(x) do\n    x\n      end",
    ],
)
def test_what_is_not_laid_out_as_usual_is_not_cut(source: str) -> None:
    text = f"defmodule A do\n  {source}\nend\n"
    assert cut(text, span(text, source, source), BODY) is None


def test_a_function_behind_other_text_on_its_line_is_not_cut() -> None:
    text = "defmodule A, do: (def f(x), do: x)\n"
    assert cut(text, span(text, "def f", "do: x"), BODY) is None
