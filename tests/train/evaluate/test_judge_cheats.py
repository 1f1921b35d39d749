"""Wrong answers that attack what judges them, and right ones of the same shapes."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from sandbox import Sandbox
from tests.sandbox.machine import needs_elixir
from train.evaluate.judge import Judgement, Verdict, judge, judge_all
from train.evaluate.problems import Problem, Prompt

pytestmark = needs_elixir

TEST = """\
defmodule DoubleTest do
  use ExUnit.Case
  test "two", do: assert(Double.of(2) == 4)
  test "three", do: assert(Double.of(3) == 6)
end
"""
PROBLEM = Problem(
    identity="ours/double",
    source="ours",
    prompt=Prompt(question="Write `Double.of/1`."),
    tests={"test/double_test.exs": TEST},
    reference="defmodule Double do\n  def of(number), do: 2 * number\nend\n",
)
WRONG = "defmodule Double do\n  def of(number), do: number\nend\n"


def first(body: str, more: str = "") -> str:
    """Return a wrong answer that does something before it answers."""
    return f"defmodule Double do\n  {more}\n  def of(number) do\n{body}\n    number\n  end\nend\n"


COMPILED_RUNNER = """\
  [{_, code}] = Code.compile_string("defmodule Patched do
    def run(_, _), do: %{total: 2, excluded: 0, failures: 0, skipped: 0}
  end")
  @code code
  def code, do: @code
"""
CALLS_ITS_TEST = """\
    if Process.get(:inside) do
      number
    else
      Process.put(:inside, true)
      {module, name} = {DoubleTest, :"test two"}
      try do
        %s
      rescue
        error -> error.right
      end
    end
"""
OTHERS = "for pid <- %s, pid != self(), do: send(pid, {self(), :test_finished, %%{state: nil}})"

# Each with what the detail of its refusal names, or with another verdict.
CHEATS: Mapping[str, tuple[str, str | Verdict]] = {
    # Code that decides is replaced.
    "a module of ExUnit": (
        WRONG + "defmodule ExUnit.Assertions do\n  defmacro assert(_), do: true\nend\n",
        "a module ExUnit.Assertions of its own",
    ),
    "a module of Erlang": (
        WRONG + "defmodule :lists do\n  def reverse(list), do: list\nend\n",
        "a module :lists of its own",
    ),
    "a module of the judge": (
        WRONG + "defmodule :judge_guard do\n  def tell(_), do: :ok\nend\n",
        "a module :judge_guard of its own",
    ),
    "a protocol for numbers": (
        WRONG + "defimpl Inspect, for: Integer do\n  def inspect(_, _), do: to_string(4)\nend\n",
        "a module Inspect.Integer of its own",
    ),
    "loaded while it runs": (
        first("    :code.load_binary(ExUnit.Runner, ~c'x', code())", COMPILED_RUNNER),
        ":code.load_binary",
    ),
    "loaded when it is loaded": (
        first(
            "",
            "@on_load :hook\n  def hook do\n    :code.delete(DoubleTest)\n    :ok\n  end",
        ),
        Verdict.FAILED,
    ),
    "evaluated": (first('    Code.eval_string("System.halt(0)")'), "Code.eval_string"),
    "evaluated by Erlang": (first("    :erl_eval.expr({:atom, 1, :a}, [])"), ":erl_eval.expr"),
    "made while it runs": (
        first(
            "    Module.create(DoubleTest, quote(do: def(x, do: 1)), Macro.Env.location(__ENV__))"
        ),
        "Module.create",
    ),
    "a name that is put together": (
        first('    apply(String.to_atom("co" <> "de"), :delete, [DoubleTest])'),
        ":code.delete",
    ),
    "a module in a variable": (
        first('    module = Module.concat(["Co" <> "de"])\n    module.eval_string("1")'),
        "Code.eval_string",
    ),
    "a function that is captured": (
        first("    Enum.each([0], Function.capture(:erlang, :halt, 1))"),
        ":erlang.halt",
    ),
    "a function that is named": (first("    Enum.each([0], &System.halt/1)"), "System.halt"),
    "a call that a supervisor makes": (
        first(
            '    start = {Code, :eval_string, ["1"]}\n'
            "    Supervisor.start_link([%{id: 1, start: start}], strategy: :one_for_one)"
        ),
        "Code.eval_string",
    ),
    "a call that its init/1 asks for": (
        first(
            "    Supervisor.start_link(__MODULE__, :code)",
            "def init(module) do\n    start = {module, :delete, [DoubleTest]}\n"
            "    {:ok, {%{}, [%{id: 1, start: start}]}}\n  end",
        ),
        ":code.delete",
    ),
    "a call that a task makes": (
        first("    Task.await(Task.async(:code, :delete, [DoubleTest]))"),
        ":code.delete",
    ),
    "a call that an agent makes": (
        first(
            "    {:ok, agent} = Agent.start_link(fn -> DoubleTest end)\n"
            "    Agent.get(agent, :code, :delete, [])"
        ),
        ":code.delete",
    ),
    "a call that a timer makes": (
        first("    :timer.apply_after(0, :init, :stop, [])\n    Process.sleep(100)"),
        ":init.stop",
    ),
    "a call that another process makes": (
        first("    spawn(:code, :delete, [DoubleTest])"),
        ":code.delete",
    ),
    "a message to the code server": (
        first("    send(:code_server, {:code_call, self(), {:delete, DoubleTest}})"),
        ":erlang.send",
    ),
    "a function that explains an error": (
        first(
            "    code = [{:call, 1, {:remote, 1, {:atom, 1, :init}, {:atom, 1, :stop}}, []}]\n"
            "    info = [error_info: %{module: :erl_eval, function: :exprs}]\n"
            "    Exception.normalize(:error, code, [{:a, :b, 1, info}])"
        ),
        ":erl_eval.exprs",
    ),
    "a handler of undefined functions": (
        first("    Process.flag(:error_handler, __MODULE__)"),
        ":erlang.process_flag",
    ),
    "compiler options": (
        first(
            "", "@compile {:parse_transform, Double}\n  def parse_transform(forms, _), do: forms"
        ),
        Verdict.COMPILE_ERROR,
    ),
    "a library of C": (first("    :erlang.load_nif(~c'./x', 0)"), ":erlang.load_nif"),
    "another program": (first('    System.cmd("true", [])'), "System.cmd"),
    "another program by Erlang": (first("    :os.cmd(~c'true')"), ":os.cmd"),
    "the memory of its process": (
        first('    File.open!("/proc/self/mem", [:read, :write])'),
        "File.open!",
    ),
    "the memory of its process by another name": (
        first('    :file.open([["/tmp/.."] | :"/proc/self/mem"], [:read])'),
        ":file.open",
    ),
    "the memory of its process as a stream": (
        first(
            '    stream = %{File.stream!("x") | path: "/proc/self/mem"}\n    Enum.take(stream, 1)'
        ),
        ":file.open",
    ),
    "a link to it": (first('    File.ln_s("/", "root")'), "File.ln_s"),
    # Another says that it passed.
    "a message to all processes": (
        first("    " + OTHERS % "Process.list()"),
        ":erlang.processes",
    ),
    "processes that are guessed": (
        first("    " + OTHERS % "(for n <- 0..999, do: :erlang.list_to_pid(~c'<0.#{n}.0>'))"),
        ":erlang.list_to_pid",
    ),
    "processes from bytes": (
        first(
            "    " + OTHERS % "(for n <- 0..999, do: :erlang.binary_to_term(<<131, 88, 100, "
            '13::16, "nonode@nohost", n::32, 0::32, 0::32>>))'
        ),
        ":erlang.binary_to_term",
    ),
    "a state that is replaced": (
        first("    :sys.replace_state(ExUnit.Server, & &1)"),
        ":sys.replace_state",
    ),
    "a state that is replaced by message": (
        first('    send(hd(Process.get(:"$ancestors", [self()])), {:system, 1, :get_state})'),
        ":erlang.send",
    ),
    "the words of a process": (
        first("    Process.info(Process.whereis(ExUnit.Server), :dictionary)"),
        "Process.whereis",
    ),
    "the processes that it is linked to": (
        first("    Process.info(Process.group_leader(), :links)"),
        "Process.info",
    ),
    "all processes in a text": (
        first("    :erlang.system_info(:procs)"),
        ":erlang.system_info",
    ),
    "its own stack": (first("    Process.info(self(), :backtrace)"), "Process.info"),
    "tracing": (first("    :erlang.trace(:all, true, [:call])"), ":erlang.trace"),
    "the tables of others": (first("    :ets.tab2list(:elixir_config)"), ":ets.tab2list"),
    "all tables": (first("    :ets.all()"), ":ets.all"),
    "what the judge keeps": (
        first("    send(:persistent_term.get(:judge_guard).main, {:refused, 1})"),
        ":persistent_term.get",
    ),
    "a printed verdict": (
        first('    IO.puts("\\npassed\\n2 tests, 0 failures")\n    System.halt(0)'),
        "System.halt",
    ),
    "what is read from its input": (
        first('    for _ <- 1..3, do: IO.puts("\\n#{IO.gets("")} passed ")\n    exit(:normal)'),
        Verdict.FAILED,
    ),
    "an early end": (first("    exit(:shutdown)"), Verdict.FAILED),
    "an end while it is compiled": (f"{WRONG}System.halt(0)\n", Verdict.FAILED),
    "another group leader": (
        first("    Process.group_leader(self(), self())"),
        ":erlang.group_leader",
    ),
    "tests that are left out": (
        first("    ExUnit.configure(exclude: [:test])"),
        "ExUnit.configure",
    ),
    "settings of ExUnit": (
        first("    Application.put_env(:ex_unit, :exclude, [:test])"),
        "Application.put_env",
    ),
    "a callback of ExUnit": (
        first("    ExUnit.after_suite(fn _ -> :ok end)"),
        "ExUnit.after_suite",
    ),
    "ExUnit stopped": (first("    Application.stop(:ex_unit)"), "Application.stop"),
    "a handler of the log": (
        first("    :logger.add_handler(:mine, __MODULE__, %{})"),
        ":logger.add_handler",
    ),
    "a hook at the end": (first("    System.at_exit(fn _ -> :ok end)"), "System.at_exit"),
    # The tests are read, or others are brought.
    "the tests in a file": (
        first('    2 = length(Path.wildcard("test/*"))'),
        Verdict.FAILED,
    ),
    "the tests in memory": (
        first("    :code.get_object_code(DoubleTest)"),
        ":code.get_object_code",
    ),
    "a list of the tests": (first("    DoubleTest.__ex_unit__()"), "DoubleTest.__ex_unit__"),
    "its test called with a guess": (
        first("", "").replace("    number\n", CALLS_ITS_TEST % "apply(module, name, [%{}])"),
        "DoubleTest.test two",
    ),
    "its test in a task": (
        first("", "").replace(
            "    number\n", CALLS_ITS_TEST % "Task.await(Task.async(module, name, [%{}]))"
        ),
        "DoubleTest.test two",
    ),
    "the name of the tests": (
        WRONG + "defmodule DoubleTest do\n  def __ex_unit__(_), do: %{tests: []}\nend\n",
        "the module DoubleTest of the tests",
    ),
    "its own tests": (
        WRONG + 'defmodule DoubleTest do\n  use ExUnit.Case\n  test "own", do: assert(true)\nend\n',
        Verdict.FAILED,
    ),
    "a hook of the compiler": (
        "defmodule Hook do\n  def __after_compile__(_, _) do\n"
        "    Code.compiler_options(debug_info: false)\n  end\nend\n"
        + first("", "@after_compile Hook"),
        Verdict.FAILED,
    ),
}

TWINS = """\
defmodule Twins do
  use GenServer
  require Logger
  defstruct [:value]
  defmodule Odd, do: defexception([:message])
  defmacro twice(value), do: quote(do: 2 * unquote(value))
  defprotocol Doubled, do: def(of(value))
  defimpl Doubled, for: Integer, do: def(of(number), do: 2 * number)
  defimpl Doubled, for: Twins, do: def(of(twins), do: 2 * twins.value)
  defimpl String.Chars, for: Twins, do: def(to_string(twins), do: "#{twins.value}")

  defimpl Enumerable, for: Twins do
    def count(_), do: {:error, __MODULE__}
    def member?(_, _), do: {:error, __MODULE__}
    def slice(_), do: {:error, __MODULE__}
    def reduce(twins, acc, fun), do: Enumerable.reduce([twins.value, twins.value], acc, fun)
  end

  @impl true
  def init(first), do: {:ok, first}
  @impl true
  def handle_call({:system, :file, [_ | _]}, _from, number), do: {:reply, 2 * number, number}
  @impl true
  def handle_info({:code, :delete, to}, number), do: {send(to, 2 * number), number} |> noreply()
  defp noreply({_, number}), do: {:noreply, number}

  def server(number) do
    {:ok, pid} = GenServer.start_link(__MODULE__, number)
    GenServer.call(pid, {:system, :file, [1]})
  end

  def message(number) do
    {:ok, pid} = GenServer.start(__MODULE__, number)
    Process.monitor(pid)
    Process.send_after(pid, {:code, :delete, self()}, 1)
    answer = receive(do: (sent when is_integer(sent) -> sent))
    Process.exit(pid, :kill)
    receive(do: ({:DOWN, _, _, _, _} -> answer))
  end

  def agent(number) do
    {:ok, agent} = Agent.start_link(fn -> number end, name: __MODULE__.Agent)
    Agent.update(agent, Kernel, :*, [2])
    Agent.get(Process.whereis(__MODULE__.Agent), & &1)
  end

  def task(number) do
    [number, number] |> Task.async_stream(& &1) |> Enum.map(&elem(&1, 1)) |> Enum.sum()
  end

  def task_of(number), do: Task.await(Task.async(__MODULE__, :applied, [number]))

  def supervised(number) do
    children = [
      {Registry, keys: :unique, name: __MODULE__.Registry},
      {DynamicSupervisor, name: __MODULE__.Dynamic, strategy: :one_for_one},
      %{id: :server, start: {GenServer, :start_link, [__MODULE__, number, [name: via(:a)]]}},
      {Task.Supervisor, name: __MODULE__.Tasks},
      {Task, fn -> :ok end}
    ]

    {:ok, supervisor} = Supervisor.start_link(children, strategy: :one_for_all)
    DynamicSupervisor.start_child(__MODULE__.Dynamic, {Agent, fn -> number end})
    answer = GenServer.call(via(:a), {:system, :file, [1]})
    Supervisor.stop(supervisor)
    answer
  end

  defp via(name), do: {:via, Registry, {__MODULE__.Registry, name}}

  def table(number) do
    table = :ets.new(:twins, [:named_table, :public])
    :ets.insert(:twins, {number, 2 * number})
    :ets.lookup_element(table, number, 2)
  end

  def applied(number), do: apply(__MODULE__, :macro, [number])
  def macro(number), do: twice(number)
  def named(number), do: named(:maps, String, number)
  defp named(maps, string, number), do: maps.get(:a, %{a: string.to_integer("2")}) * number
  def captured(number), do: Enum.map([number], &Kernel.+(&1, &1)) |> hd()
  def protocol(number), do: Doubled.of(%Twins{value: Doubled.of(number)}) - 2 * number
  def text(number), do: String.to_integer("#{%Twins{value: 2 * number}}")
  def enumerable(number), do: Enum.sum(%Twins{value: number})

  def rescued(number) do
    raise Odd, message: "2"
  rescue
    error in Odd -> String.to_integer(Exception.message(error)) * number
  end

  def caught(number) do
    spawn(fn -> exit(:boom) end)
    catch_of(fn -> throw(2) end) * number
  end

  defp catch_of(function) do
    function.()
  catch
    :throw, value -> value
  end

  def setting(number) do
    Application.put_env(:twins, :factor, 2)
    Logger.debug("a setting")
    Application.get_env(:twins, :factor) * number
  end

  def file(number) do
    File.write!("twins", to_string(number))
    "twins" |> File.stream!() |> Enum.map(&String.to_integer/1) |> Enum.sum() |> Kernel.*(2)
  end

  def stored(number), do: :erlang.binary_to_term(:erlang.term_to_binary(%{a: 2 * number})).a
  def timed(number), do: elem(:timer.tc(fn -> Process.sleep(1) && 2 * number end), 1)
  def own_words(number), do: Process.put(:twins, 2 * number) || Process.get(:twins)
  def waiting(number), do: elem(Process.info(self(), :message_queue_len), 1) + 2 * number
  def flagged(number), do: !Process.flag(:trap_exit, true) && 2 * number
  def given(function, number), do: function.(number)
  def callback(module, number), do: module.callback(number)
  def unused, do: System.halt(1)
end
"""
"""Right answers that look like the wrong ones."""

SHAPES = re.findall(r"\bdef (\w+)\(number\)", TWINS)


@pytest.fixture(scope="module")
def judged(sandbox: Sandbox) -> Mapping[str, Judgement]:
    """Judge all cheats at once."""
    answers = [answer for answer, _ in CHEATS.values()]
    return dict(zip(CHEATS, judge_all([PROBLEM], [answers], sandbox)[0], strict=True))


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_does_not_pass(judged: Mapping[str, Judgement], name: str) -> None:
    expected, judgement = CHEATS[name][1], judged[name]
    if isinstance(expected, Verdict):
        assert judgement.verdict is expected, judgement.detail
    else:
        assert judgement.verdict is Verdict.REFUSED, judgement.detail
        assert judgement.detail == f"refused: {expected}"


def test_an_honest_answer_of_the_same_shapes_passes(sandbox: Sandbox) -> None:
    tests = "".join(f'  test "{each}", do: assert(Twins.{each}(3) == 6)\n' for each in SHAPES)
    callback = (
        '  test "c", do: assert(Twins.callback(__MODULE__, 3) == 6)\n  def callback(n), do: 2 * n\n'
    )
    given = '  test "g", do: assert(Twins.given(&(2 * &1), 3) == 6)\n'
    text = f"defmodule TwinsTest do\n  use ExUnit.Case\n{tests}{callback}{given}end\n"
    problem = replace(PROBLEM, tests={"test/twins_test.exs": text})
    judgement = judge(problem, TWINS, sandbox)
    assert judgement.verdict is Verdict.PASSED, judgement.detail


def test_a_macro_of_the_answer_does_not_reach_the_tests(sandbox: Sandbox) -> None:
    uses = TEST.replace("Case\n", "Case\n  use Double\n")
    using = "defmacro __using__(_), do: quote(do: import(Kernel, except: [==: 2]))"
    problem = replace(PROBLEM, tests={"test/double_test.exs": uses})
    judgement = judge(problem, first("", using), sandbox)
    assert judgement.verdict is Verdict.FAILED, judgement.detail
    problem = replace(PROBLEM, tests={"test/double_test.exs": uses.replace("use D", "import D")})
    right = "def of(number), do: 2 * number\n"
    wrong = "def of(number), do: number\n  defmacro assert(_), do: true\n"
    given = (f"defmodule Double do\n  {each}end\n" for each in (right, wrong))
    verdicts = [judge(problem, each, sandbox).verdict for each in given]
    assert verdicts == [Verdict.PASSED, Verdict.FAILED]


DOCUMENTED = replace(
    PROBLEM,
    prompt=Prompt(text="of", stop=("\n  end",)),
    before='defmodule Double do\n  @doc """\n  Doubles.\n\n      iex> Double.of(3)\n      6\n'
    '  """\n  def of(number) do\n',
    after="\n  end\nend\n",
    tests={"t.exs": "defmodule T do\n  use ExUnit.Case\n  doctest Double\nend\n"},
    reference="    2 * number",
)


@pytest.mark.parametrize("reference", [None, "    2 * number"])
def test_an_answer_is_not_judged_by_its_own_doctests(
    sandbox: Sandbox, reference: str | None
) -> None:
    problem = replace(DOCUMENTED, prompt=Prompt(text="of"), reference=reference)
    more = '    number\n  end\n  @doc "%s"\n  def of(:x) do\n    1'
    passing = "\n\n    iex> Double.of(3)\n    3\n"
    answers = ["    number * 2", more % passing, more % "Nothing."]
    judgements = judge_all([problem], [answers], sandbox)[0]
    verdicts = [each.verdict for each in judgements]
    changed = Verdict.FAILED if reference else Verdict.REFUSED
    assert verdicts == [Verdict.PASSED, changed, changed], [each.detail for each in judgements]


def test_an_answer_does_not_hide_an_assertion_that_failed(sandbox: Sandbox) -> None:
    text = "defmodule EachTest do\n  use ExUnit.Case\n"
    text += '  test "each", do: Each.each([1], fn item -> assert(item == 2) end)\nend\n'
    problem = replace(PROBLEM, tests={"test/each_test.exs": text})
    answer = (
        "defmodule Each do\n  def each(items, function) do\n    Enum.each(items, function)\n"
        "  rescue\n    error -> function.(error.right)\n  end\nend\n"
    )
    judgement = judge(problem, answer, sandbox)
    assert judgement.verdict is Verdict.FAILED
    assert "Assertion with == failed" in judgement.detail


def test_a_verdict_of_the_first_program_is_not_believed(sandbox: Sandbox) -> None:
    """Its secret is not kept from an answer, whose code runs there."""
    steal = """
defmodule IO do
  def write(text) do
    for what <- ["passed ", "toolchain_too_old", "modules g2o="],
        do: :io.put_chars("\\n#{hd(String.split(text))} #{what}\\n")
  end
end
"""
    judgement = judge(PROBLEM, WRONG + steal, sandbox)
    assert judgement.verdict is Verdict.FAILED
