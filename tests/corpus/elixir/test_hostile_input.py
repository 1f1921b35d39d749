import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.elixir import extract
from corpus.parsing import NestedTooDeeply

DEEP = 100_000
EMPTY = extract(b"")
PIECES = st.sampled_from(
    ["defmodule A do\n", "defmodule ", "def f(x) do\n", "def ", "defp g, do: 1\n", "end\n", "@doc ",
     '"""\n', "'", '"', "#{", "}", "~S|", "fn ", "-> ", "(", ")", "[", "]", "quote do\n",
     "alias A.B", ".{", "use A\n", "for: ", "defimpl P", ", ", "when ", "\\\\", "unquote(", "%{",
     "# c\n", "::", "@spec ", "@impl true\n", "@behaviour A\n", "as: ", "..", "//", "not in ",
     "do: ", "\n", "é", "\0", "\r\n", "@optional_callbacks ", "f: 1", "@callback ",
     "require A, as: B\n", "else\n",
     "__MODULE__", ":a", ':"b"', "defdelegate [", "defstruct [:a]\n", "defexception "]
)  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_give_an_extraction(source: bytes) -> None:
    assert extract(source).parse_errors >= 0


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=40))
def test_any_pieces_of_elixir_give_consistent_ranges(pieces: list[str]) -> None:
    source = "".join(pieces).encode()
    found = extract(source)
    modules = {module.name for module in found.modules}
    for function in found.functions:
        assert function.module in modules
        assert 0 <= function.defaults <= function.arity
        for clause in function.clauses:
            assert source[clause.start_byte : clause.end_byte].startswith(b"def")
            assert clause.start_line == source.count(b"\n", 0, clause.start_byte) + 1
    for start, end in found.doc_spans:
        assert source[start:end].startswith(b"@")


Shape = tuple[str, list["Shape"]]
SHAPES: st.SearchStrategy[Shape] = st.recursive(
    st.tuples(st.sampled_from(["A", "B.C", "D"]), st.just([])),
    lambda inner: st.tuples(st.sampled_from(["A", "B.C", "D"]), st.lists(inner, max_size=3)),
    max_leaves=12,
)


def written(shape: Shape) -> str:
    name, inside = shape
    return f"defmodule {name} do\n def f, do: 1\n{''.join(map(written, inside))}end\n"


def listed(shape: Shape, around: str = "") -> list[str]:
    name, inside = shape
    full = f"{around}.{name}" if around else name
    return [full, *(each for inner in inside for each in listed(inner, full))]


@given(SHAPES)
def test_nested_modules_are_listed_in_the_order_of_the_file(shape: Shape) -> None:
    found = extract(written(shape).encode())
    assert [module.name for module in found.modules] == listed(shape)
    assert [function.module for function in found.functions] == listed(shape)


@pytest.mark.parametrize("bracket", [b"[", b"(", b"{", b"%{", b"f(", b"[]["])
def test_brackets_nested_by_a_machine_are_refused_at_once(bracket: bytes) -> None:
    start = time.process_time()
    with pytest.raises(NestedTooDeeply, match="brackets stand open at once, 1000 are allowed"):
        extract(b"defmodule A do\n" + bracket * DEEP)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("block", [b"defmodule A do ", b"if x do ", b"def f do defmodule A do "])
def test_blocks_nested_by_a_machine_are_refused(block: bytes) -> None:
    source = b"defmodule A do " + block * 1000 + b"def f, do: 1 " + b"end " * 2001
    with pytest.raises(NestedTooDeeply, match="blocks nest more than 200 deep"):
        extract(source)


@pytest.mark.parametrize("piece", [b"1 + ", b"!", b"a |> ", b"f ", b"x = ", b"fn -> ", b"not "])
def test_other_depths_cost_neither_the_stack_nor_much_time(piece: bytes) -> None:
    start = time.process_time()
    extract(b"defmodule A do\n" + piece * 20_000 + b"def(f, do: 1)\nend")
    assert time.process_time() - start < 5


def test_many_brackets_side_by_side_are_fine() -> None:
    source = b"defmodule A do\n def f, do: [" + b"[1], " * 5000 + b"1]\nend"
    assert len(extract(source).functions) == 1


def test_targets_of_nested_implementations_do_not_multiply_without_end() -> None:
    targets = b"[" + b"A, " * 30 + b"A]"
    source = (b"defimpl P, for: " + targets + b" do ") * 8 + b"def f, do: 1 " + b"end " * 8
    with pytest.raises(NestedTooDeeply, match="more definitions than the file has bytes"):
        extract(source)


def test_names_longer_than_an_atom_do_not_exist() -> None:
    assert extract(b"defmodule A" + b"b" * 300 + b" do\nend").modules == ()


def test_nothing_gives_nothing() -> None:
    assert (EMPTY.parse_errors, EMPTY.modules, EMPTY.functions, EMPTY.doc_spans) == (0, (), (), ())
    assert extract(b" \n# only a comment\n") == EMPTY


def test_a_byte_order_mark_and_windows_line_ends_change_nothing_but_offsets() -> None:
    plain = b'defmodule A do\n  @doc "a"\n  def f, do: 1\nend\n'
    other = extract(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"))
    (function,) = other.functions
    assert (other.parse_errors, other.modules[0].name, other.modules[0].end_line) == (0, "A", 4)
    assert (function.name, function.doc, function.clauses[0].start_line) == ("f", "a", 3)


def test_nul_bytes_and_invalid_utf8_leave_the_rest_readable() -> None:
    found = extract(
        b'defmodule A do\n  @doc "\xff"\n  def f, do: "\0"\n  def g(\xff\xfe), do: 1\nend'
    )
    assert found.functions[0].doc == "\ufffd"
    assert "f" in [function.name for function in found.functions]


def test_errors_and_missing_pieces_are_counted() -> None:
    assert extract(b"defmodule A do\n def f(, do: 1\nend").parse_errors > 0
    assert extract(b"defmodule A do\n").parse_errors > 0
    assert extract(b"defmodule A do\nend").parse_errors == 0


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "defmodule A do\n"
            + "".join(f"def f{n}, do: quote(do: @behaviour(B))\n" for n in range(8000))
            + "end",
            id="macros",
        ),
        pytest.param(
            "defmodule A do\n  def f(x) do\n    quote do\n      use B, "
            + "[" * 40
            + "x" * 300_000
            + "]" * 40
            + "\n    end\n  end\nend",
            id="a long argument",
        ),
        pytest.param(
            "defimpl P, for: ["
            + ", ".join(f"T{n}" for n in range(300))
            + "] do\n  def f(x) do\n    quote do\n      @behaviour B\n"
            + "      GenServer.call(x, {:a, [1, 2, 3]})\n" * 2000
            + "    end\n  end\nend",
            id="macros for many targets",
        ),
        pytest.param(
            "defmodule A do\n  def init(x) do\n"
            + "    x = x ++ [Supervisor]\n" * 5000
            + "    Supervisor.init(x, strategy: :one_for_one)\n" * 200
            + "  end\nend",
            id="supervisors",
        ),
    ],
)
def test_macros_and_processes_take_linear_time(source: str) -> None:
    began = time.process_time()
    extract(source.encode())
    assert time.process_time() - began < 10
