import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import Limits, Sandbox
from tests.sandbox.machine import needs_elixir
from train.evaluate.judge import LIMITS, NoToolchain, Verdict, judge, judge_all, toolchain
from train.evaluate.problems import Problem, Prompt
from train.evaluate.transcript import samples

pytestmark = needs_elixir

DOUBLE = """\
defmodule Double do
  @doc \"\"\"
  Doubles.

      iex> Double.of(3)
      6
  \"\"\"
  def of(number) do
"""
TEST = """\
ExUnit.start()

defmodule DoubleTest do
  use ExUnit.Case
  doctest Double
  test "two", do: assert(Double.of(2) == 4)
end
"""
PROBLEM = Problem(
    identity="ours/double",
    source="ours",
    prompt=Prompt(text=DOUBLE, stop=("\n  end",)),
    before=DOUBLE,
    after="\n  end\nend\n",
    tests={"test/double_test.exs": TEST},
    reference="    2 * number",
)


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("    2 * number", Verdict.PASSED),
        ("    number + number\n  end\n\n  def of(", Verdict.PASSED),
        ("    number", Verdict.FAILED),
        ("", Verdict.FAILED),
        ("    raise inspect(number)", Verdict.FAILED),
        ("    2 * nmber", Verdict.COMPILE_ERROR),
        ("    2 * (number", Verdict.COMPILE_ERROR),
        ("    Process.sleep(:infinity) && number", Verdict.TIMEOUT),
        ("    IO.puts(number) && of(number)", Verdict.LIMIT),
        ("    [number | List.wrap(of([number]))]", Verdict.LIMIT),
    ],
)
def test_a_completion_is_compiled_and_tested(
    sandbox: Sandbox, completion: str, verdict: Verdict
) -> None:
    wall = 6.0 if verdict is Verdict.TIMEOUT else LIMITS.wall
    limits = replace(LIMITS, wall=wall, memory=300 << 20)
    judgement = judge(PROBLEM, completion, sandbox, limits)
    assert judgement.verdict is verdict, judgement.detail
    assert judgement.problem == "ours/double"
    assert (judgement.detail == "") is (verdict is Verdict.PASSED)


def test_an_answer_that_computes_meets_its_limit_long_before_the_clock_does() -> None:
    assert LIMITS.wall >= 3 * LIMITS.cpu, "with two other programs a processor, the clock decides"


@pytest.mark.parametrize(
    ("cheat", "verdict"),
    [
        ("    exit(:normal)", Verdict.FAILED),
        ("    System.stop(0) && Process.sleep(5000)", Verdict.REFUSED),
        ('    IO.puts("passed") && System.halt(0)', Verdict.REFUSED),
    ],
)
def test_a_program_that_ends_early_has_not_passed(
    sandbox: Sandbox, cheat: str, verdict: Verdict
) -> None:
    assert judge(PROBLEM, cheat, sandbox).verdict is verdict


@pytest.mark.parametrize(
    "cheat",
    [
        'IO.puts("\\n#{String.trim(File.read!("/proc/self/fd/0"))} passed")\nSystem.halt(0)',
        'IO.puts("\\n#{IO.gets("")} passed")\nSystem.halt(0)',
        "ExUnit.configure(exclude: [:test], include: [mine: true])\n"
        "defmodule Mine do\n"
        "  use ExUnit.Case\n"
        "  @tag mine: true\n"
        '  test "mine", do: assert(true)\n'
        "end",
        "ExUnit.start()\nExUnit.configure(exclude: [:test])",
        "defmodule ExUnit do\n"
        "  def start(_ \\\\ []), do: :ok\n"
        "  def run, do: %{total: 1, excluded: 0, failures: 0, skipped: 0}\n"
        "end",
        "defmodule ExUnit.Runner do\n"
        "  def run(_, _), do: %{total: 1, excluded: 0, failures: 0, skipped: 0}\n"
        "end",
    ],
)
def test_what_runs_while_it_is_compiled_cannot_say_the_verdict(
    sandbox: Sandbox, cheat: str
) -> None:
    wrong = replace(PROBLEM, before=f"{cheat}\n{DOUBLE}")
    judgement = judge(wrong, "    number", sandbox)
    lost = (Verdict.FAILED, Verdict.REFUSED, Verdict.COMPILE_ERROR)
    assert judgement.verdict in lost, judgement.detail


@pytest.mark.parametrize("name", ["OwnTest", "DoubleTest"])
def test_tests_that_come_with_an_answer_do_not_count(sandbox: Sandbox, name: str) -> None:
    own = f'defmodule {name} do\n  use ExUnit.Case\n  test "own", do: assert(false)\nend\n'
    question = replace(PROBLEM, prompt=Prompt(question="Double."), before="", after="")
    module = f"{DOUBLE}    2 * number\n  end\nend\n"
    judgement = judge(question, f"```elixir\nExUnit.start()\n{module}{own}```\n", sandbox)
    assert judgement.verdict is Verdict.PASSED, judgement.detail
    assert judge(question, f"```elixir\n{own}```\n", sandbox).verdict is not Verdict.PASSED


@pytest.mark.parametrize(
    "first", ["Application.stop(:ex_unit)", 'File.cd!("lib")', "# half a pair: \ud800"]
)
def test_what_a_right_answer_does_first_does_not_matter(sandbox: Sandbox, first: str) -> None:
    right = replace(PROBLEM, before=f"{first}\n{DOUBLE}")
    judgement = judge(right, "    2 * number", sandbox)
    assert judgement.verdict is Verdict.PASSED, judgement.detail


def test_a_program_cannot_replace_its_tests(sandbox: Sandbox) -> None:
    write = 'File.write!("test/double_test.exs", "ExUnit.start()")'
    before = f"{write}\n{DOUBLE}"
    assert judge(replace(PROBLEM, before=before), "    2 * number", sandbox).verdict == "passed"
    assert judge(replace(PROBLEM, before=before), "    number", sandbox).verdict == "failed"


def test_tests_that_are_not_there_are_not_passed(sandbox: Sandbox) -> None:
    empty = replace(PROBLEM, tests={"test/double_test.exs": "ExUnit.start()"})
    assert judge(empty, "    2 * number", sandbox).verdict is Verdict.FAILED


def test_equal_answers_are_told_in_equal_words(sandbox: Sandbox) -> None:
    names = ["one", "two", "three", "four", "five", "six"]
    tests = "".join(f'  test "{name}", do: assert(Double.of(1) == 2)\n' for name in names)
    several = f"ExUnit.start()\ndefmodule DoubleTest do\n  use ExUnit.Case\n{tests}end\n"
    problem = replace(PROBLEM, tests={"test/double_test.exs": several})
    first, second = (
        samples(["    number"], [judge(problem, "    number", sandbox)]) for _ in range(2)
    )
    assert first == second
    assert re.findall(r"\d\) test (\w+)", first[0]["detail"]) == names


def test_a_problem_for_a_newer_elixir_is_not_failed(sandbox: Sandbox) -> None:
    later = replace(PROBLEM, requires="~> 99.0")
    assert judge(later, "    2 * number", sandbox).verdict is Verdict.TOOLCHAIN_TOO_OLD
    assert judge(later, "", sandbox).verdict is Verdict.TOOLCHAIN_TOO_OLD


def test_other_sources_and_assets_are_there(sandbox: Sandbox) -> None:
    problem = replace(
        PROBLEM,
        files={"lib/two.ex": "defmodule Two, do: def(value, do: 2)"},
        assets={"assets/one.bin": b"\xff\x01"},
    )
    body = '    <<0xFF, 1>> = File.read!("assets/one.bin")\n    Two.value() * number'
    judgement = judge(problem, body, sandbox)
    assert judgement.verdict is Verdict.PASSED, judgement.detail


def test_completions_are_judged_in_parallel_and_returned_in_order(sandbox: Sandbox) -> None:
    other = replace(PROBLEM, identity="ours/other")
    judgements = judge_all(
        [PROBLEM, other],
        [["    2 * number", "    number", "    2 * number"], ["    2 *", "    2 * number"]],
        sandbox,
        workers=3,
        limits=Limits(wall=30),
    )
    assert [[str(each.verdict) for each in given] for given in judgements] == [
        ["passed", "failed", "passed"],
        ["compile_error", "passed"],
    ]
    assert [{each.problem for each in given} for given in judgements] == [
        {"ours/double"},
        {"ours/other"},
    ]
    first, _, same = judgements[0]
    assert first is same, "equal ones are run once"


def test_an_interrupt_ends_the_programs_that_run(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    sleeps = [f"    Process.sleep(60_000) && {number}" for number in range(4)]
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(4.0, signal.pthread_kill, (main, signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        judge_all([PROBLEM], [sleeps], sandbox, workers=2)
    assert time.monotonic() - began < 20
    assert not capfd.readouterr().err


def test_the_version_of_elixir_is_known(sandbox: Sandbox) -> None:
    assert re.match(r"1\.\d+\.\d+", toolchain(sandbox)[0])


def test_without_elixir_nothing_is_judged() -> None:
    nowhere = Sandbox({"/usr/bin/elixir": Path("/dev/null")})
    with pytest.raises(NoToolchain, match="apt-get install elixir"):
        judge_all([PROBLEM], [["    2 * number"]], nowhere)
