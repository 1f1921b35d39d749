"""Smells, on code labelled by hand with what credo's documentation says of it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.elixir.smells import CHECKS, smells

LABELLED = {
    "Design.TagTODO": (
        ["# TODO: later", "x = 1 # todo later", "@a ~s(#)\n#TODO x"],
        ['"# TODO: no comment"', "# to do", "# nothing TODO", "# TODO"],
    ),
    "Design.TagFIXME": (["# FIXME: wrong"], ["# fixed", '~s"# FIXME x"']),
    "Readability.PredicateFunctionNames": (
        ["def is_valid(x), do: x", "defp is_valid?(x), do: x", "defmacro valid?(x), do: x"],
        ["def valid?(x), do: x", "defmacro is_valid(x), do: x", "@impl true\ndef is_ok(x), do: x"],
    ),
    "Readability.PreferImplicitTry": (
        ["def f do\n  try do\n    a()\n  rescue\n    _ -> 1\n  end\nend"],
        [
            "def f do\n  a()\nrescue\n  _ -> 1\nend",
            "def f do\n  x = 1\n  try do\n    a(x)\n  rescue\n    _ -> 1\n  end\nend",
        ],
    ),
    "Readability.SinglePipe": (
        ["x |> f()", "f(x |> g())", "a |> f(b |> g() |> h())"],
        ["x |> f() |> g()", "f(x)", "(a |> f()) |> g()", "@spec f(x) :: a | b"],
    ),
    "Readability.WithSingleClause": (
        ["with {:ok, a} <- f() do\n  a\nelse\n  _ -> 1\nend"],
        [
            "with {:ok, a} <- f() do\n  a\nend",
            "with {:ok, a} <- f(), {:ok, b} <- g(a) do\n  b\nelse\n  _ -> 1\nend",
        ],
    ),
    "Refactor.CondStatements": (
        ["cond do\n  a -> 1\n  true -> 2\nend", "cond do\n  a -> 1\n  _other -> 2\nend"],
        ["cond do\n  a -> 1\n  b -> 2\n  true -> 3\nend", "cond do\n  a -> 1\n  b -> 2\nend"],
    ),
    "Refactor.CyclomaticComplexity": (
        [
            "def f(a) do\n" + "  if a, do: 1\n" * 9 + "end",
            "def f(a) when " + " or ".join(["a"] * 10) + ", do: a",
            "def f(a) do\n  case a do\n" + "    1 -> 1\n" * 9 + "  end\nend",
        ],
        [
            "def f(a) do\n" + "  if a, do: 1\n" * 8 + "end",
            "defmacro __using__(a) do\n" + "  if a, do: 1\n" * 9 + "end",
            "if a, do: 1\n" * 12,
        ],
    ),
    "Refactor.FilterCount": (
        ["x |> Enum.filter(&a/1) |> Enum.count()", "Enum.count(Enum.filter(x, &a/1))"],
        ["Enum.count(x, &a/1)", "x |> Enum.filter(&a/1) |> Enum.map(&b/1)"],
    ),
    "Refactor.FilterFilter": (
        ["x |> Enum.filter(&a/1) |> Enum.filter(&b/1)"],
        ["x |> Enum.filter(&a/1) |> Enum.reject(&b/1)"],
    ),
    "Refactor.FunctionArity": (
        ["def f(a, b, c, d, e, f, g, h, i), do: a"],
        ["def f(a, b, c, d, e, f, g, h), do: a", "f(a, b, c, d, e, f, g, h, i)"],
    ),
    "Refactor.MapJoin": (
        [
            'x |> Enum.map(&a/1) |> Enum.join(", ")',
            'Enum.join(Enum.map(x, &a/1), ", ")',
            'Enum.map(x, &a/1) |> Enum.join(", ")',
            'Enum.join(x |> Enum.map(&a/1), ", ")',
        ],
        ['Enum.map_join(x, ", ", &a/1)', "x |> Enum.join() |> Enum.map(&a/1)"],
    ),
    "Refactor.MatchInCondition": (
        ["if {:ok, a} = f() do\n  a\nend", "if a && (b = f()) do\n  b\nend"],
        ["if a = f() do\n  a\nend", "if a == f() do\n  b = 1\nend", "unless a, do: b = 1"],
    ),
    "Refactor.NegatedConditionsInUnless": (
        ["unless !a, do: 1", "unless not a do\n  1\nend", "unless a not in b, do: 1"],
        ["unless a, do: 1", "unless nothing(a), do: 1", "if !a, do: 1"],
    ),
    "Refactor.NegatedConditionsWithElse": (
        ["if !a do\n  1\nelse\n  2\nend", "if(not a, do: 1, else: 2)", "if (!a), do: 1, else: 2"],
        ["if !a, do: 1", "if a do\n  1\nelse\n  2\nend", "if a != b, do: 1, else: 2"],
    ),
    "Refactor.Nesting": (
        [
            "def f(a) do\n  if a do\n    case a do\n      1 -> if a, do: 1\n    end\n  end\nend",
            "def f(a), do: Enum.map(a, fn x -> fn y -> fn z -> x + y + z end end end)",
        ],
        [
            "def f(a) do\n  if a do\n    case a do\n      1 -> 1\n    end\n  end\nend",
            "def f(a), do: for x <- a, do: if(x, do: if(x, do: 1))",
        ],
    ),
    "Refactor.RejectReject": (
        ["Enum.reject(x, &a/1) |> Enum.reject(&b/1)"],
        ["Enum.reject(x, &a/1) |> Enum.filter(&b/1)"],
    ),
    "Refactor.UnlessWithElse": (
        ["unless a do\n  1\nelse\n  2\nend", "unless a, do: 1, else: 2"],
        ["unless a, do: 1", "if a do\n  1\nelse\n  2\nend"],
    ),
    "Warning.ApplicationConfigInModuleAttribute": (
        ["@a Application.get_env(:a, :b)", "@a Application.fetch_env!(:a, :b)[:c]"],
        [
            "@a Application.compile_env(:a, :b)",
            "def f, do: Application.get_env(:a, :b)",
            '@doc "Application.get_env(:a, :b)"',
        ],
    ),
    "Warning.Dbg": (
        ["dbg(x)", "x |> dbg()", "Kernel.dbg(x)"],
        ["@dbg", "debug(x)", "A.dbg(x)", "def dbg(x), do: x", "dbg(a, b, c)"],
    ),
    "Warning.ExpensiveEmptyEnumCheck": (
        ["length(x) == 0", "0 === Enum.count(x)", "Enum.count(x, &a/1) == 0"],
        ["length(x) == 1", "x == []", "length(x) == length(y)", "0 == 0"],
    ),
    "Warning.IExPry": (["IEx.pry()", "require IEx\nIEx.pry"], ["IEx.start()", ":pry"]),
    "Warning.IoInspect": (
        ["IO.inspect(x)", "x |> IO.inspect()", "Enum.each(x, &IO.inspect/1)"],
        ["inspect(x)", "IO.puts(inspect(x))", "IO.inspect(pid, x, [])"],
    ),
    "Warning.RaiseInsideRescue": (
        [
            'try do\n  a()\nrescue\n  e -> raise "x"\nend',
            "def f do\n  a()\nrescue\n  e in E -> raise e\nend",
        ],
        [
            'def f do\n  raise "x"\nrescue\n  e -> reraise e, __STACKTRACE__\nend',
        ],
    ),
    "Warning.UnsafeToAtom": (
        [
            "String.to_atom(x)",
            "x |> List.to_atom()",
            "Module.concat(a, b)",
            ":erlang.binary_to_atom(x, :utf8)",
            "Jason.decode!(x, keys: :atoms)",
            "x |> String.to_atom",
            ':"a#{b}"',
            '["a#{b}": 1]',
        ],
        [
            "String.to_existing_atom(x)",
            "unquote(String.to_atom(x))",
            "@a String.to_atom(x)",
            "Jason.decode(x, keys: :atoms!)",
            ':"a b"',
            "&String.to_atom/1",
        ],
    ),
}


def test_every_check_is_labelled() -> None:
    assert sorted(LABELLED) == sorted(CHECKS) == list(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_finds_what_it_is_about_and_nothing_else(check: str) -> None:
    smelling, clean = LABELLED[check]
    assert [smells(code.encode()).get(check, 0) for code in smelling] == [1] * len(smelling)
    assert [smells(code.encode()).get(check, 0) for code in clean] == [0] * len(clean)


def test_smells_are_counted_in_the_order_of_the_checks() -> None:
    code = "# TODO: x\ndef f(x) do\n  IO.inspect(x)\n  IO.inspect(x)\n  x |> g()\nend\n"
    assert list(smells(code.encode()).items()) == [
        ("Design.TagTODO", 1),
        ("Readability.SinglePipe", 1),
        ("Warning.IoInspect", 2),
    ]
    assert smells(b"") == {}


def test_a_function_in_a_function_counts_for_both() -> None:
    inner = "def g(a) do\n" + "if a, do: 1\n" * 5 + "end\n"
    code = "defmacro f(a) do\n" + "if a, do: 1\n" * 4 + f"quote do\n{inner}end\nend\n"
    assert smells(code.encode()) == {"Refactor.CyclomaticComplexity": 1}


PIECES = (
    *("if ", "do\n", "end\n", "unless !a ", "|> ", "Enum.map(x)", "case x ", "->", "fn ", "("),
    *("def f", "@a ", "with ", "else\n", "rescue\n", "# TODO", '"', "cond ", "==", "0", ")"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60))
def test_any_text_is_counted(text: str) -> None:
    assert set(smells(text.encode("utf-8", "surrogatepass"))) <= set(CHECKS)


@pytest.mark.parametrize(
    "code", ["(" * 900 + ")" * 900, "if a do\n" * 3000, "x |> f() " * 1, "a |> " * 20_000 + "b"]
)
def test_deep_code_takes_time_that_grows_with_it(code: str) -> None:
    began = time.process_time()
    smells(code.encode())
    assert time.process_time() - began < 5
