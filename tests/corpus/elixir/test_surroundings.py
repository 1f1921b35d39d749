import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.elixir import Surroundings, extract

PRIVATE = {
    ("helper", 0): ("helper", 0),
    ("helper", 1): ("helper", 1),
    ("helper", 2): ("helper", 3),
    ("helper", 3): ("helper", 3),
    ("~>", 2): ("~>", 2),
    ("sigil_z", 2): ("sigil_z", 2),
    ("na\u00efve", 1): ("na\u00efve", 1),
}
BEFORE = """
alias Shop.{Cart, Price}
alias Shop.Long, as: Short
require Logger, as: L
import Bitwise
defmodule Shop.Till do
  import Ecto.Query, only: [from: 2]
  defmodule Drawer do
    def open(x), do: x
  end
  alias __MODULE__.Receipt
  alias Later, only: 1
  @rate 7
"""


def whole(source: bytes) -> Surroundings:
    return Surroundings(source, [(0, len(source))])


def needs(answer: str, before: str = BEFORE) -> list[str]:
    """What a function of Shop.Till takes, as words; the code before it is BEFORE."""
    source = f"{before}  {answer}\nend\n"
    start = len(f"{before}  ".encode())
    span = (start, start + len(answer.encode()))
    own = frozenset(PRIVATE) | {("f", 1), ("shown", 1)}
    found = Surroundings(source.encode(), [span]).needs([span], "Shop.Till", PRIVATE, own)
    return [f"{need.kind} {need.name}" for need in found]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("def f(x), do: helper(x)", ["private_function helper/1"]),
        ("def f(x), do: nai\u0308ve(x)", ["private_function na\u00efve/1"]),
        ("def f(x), do: [&nai\u0308ve/1, x]", ["private_function na\u00efve/1"]),
        ("def f(x), do: helper(x, 1)", ["private_function helper/3"]),
        ("def f(x), do: helper x, 1, 2", ["private_function helper/3"]),
        ("def f(x), do: helper(x, 1, 2, 3)", ["import Bitwise"]),
        ("def f(x), do: x |> helper()", ["private_function helper/1"]),
        ("def f(x), do: x |> g() |> helper(2)", ["private_function helper/3", "import Bitwise"]),
        ("def f(x), do: x |> helper", ["private_function helper/1"]),
        ("def f(x), do: x |> Enum.map(&helper/1)", ["private_function helper/1"]),
        ("def f(x), do: Enum.map(x, &(helper/1))", ["private_function helper/1"]),
        ("def f(x), do: Enum.map(x, &helper(&1, 2))", ["private_function helper/3"]),
        ("def f(x), do: Enum.map(x, &Other.helper/1)", []),
        ("def f(x), do: Other.helper(x)", []),
        ("def f(x), do: x.helper", []),
        ("def f(x) do\n helper do\n x\n end\nend", ["private_function helper/1"]),
        ("def f(x), do: helper()", ["private_function helper/0"]),
        ("def f(x), do: x + helper", ["private_function helper/0"]),
        ("def f(helper), do: helper", []),
        ("def f(x) do\n helper = x\n helper\nend", []),
        ("def f(x), do: Enum.map(x, fn helper -> helper end)", []),
        ("def f(x), do: (with {:ok, helper} <- x, do: helper)", []),
        ("def f(x), do: (case x do\n %{a: helper} when x -> helper\nend)", []),
        ("def f(x \\\\ helper(1)), do: x", ["private_function helper/1"]),
        ("def f(x) when helper(x), do: x", ["private_function helper/1"]),
        ("def f(x), do: x ~> 1", ["private_function ~>/2"]),
        ('def f(x), do: "a #{helper(x)}"', ["private_function helper/1"]),
        ("def f(x), do: [helper: 1]", []),
        ('def f(x), do: "helper(x)" # helper(x)', []),
        ("def f(x), do: f(x)", []),
        ("def f(x), do: shown(x)", []),
        ("def f(x), do: x * @rate", ["attribute rate"]),
        ("def f(x), do: @ rate", ["attribute rate"]),
        ("def f(x), do: @rate[x]", ["attribute rate"]),
        ("def f(@rate), do: 1", ["attribute rate"]),
        ("def f(x), do: Cart.total(x)", ["alias Cart"]),
        ("def f(x), do: Cart.Item.total(x)", ["alias Cart"]),
        ("def f(%Price{} = x), do: x", ["alias Price"]),
        ("def f(x), do: Short.f(x) + L.g(x)", ["alias L", "alias Short"]),
        ("def f(x), do: Receipt.print(x)", ["alias Receipt"]),
        ("def f(x), do: Later.f(x)", []),
        ("def f(x), do: Long.f(x)", []),
        ("def f(x), do: Elixir.Cart.f(x)", []),
        ("def f(x) do\n alias Other.Cart\n Cart.f(x)\nend", ["alias Cart"]),
        ("def f(x), do: &Cart.f/1", ["alias Cart"]),
        ("def f(x), do: (from y in x, select: y)", ["import Bitwise", "import Ecto.Query"]),
        ("def f(x), do: bsl(x, 1)", ["import Bitwise"]),
        ("def f(x), do: x &&& 1", ["import Bitwise"]),
        ("def f(x), do: ~H(a) <> x", ["import Bitwise"]),
        ("def f(x), do: [~w(a b), ~r/x/, ~D[2020-01-01], -x * 2 ** 3, not x, x |> then(& &1)]", []),
        (
            "def f(x), do: ~z(#{helper(x)})",
            ["private_function helper/1", "private_function sigil_z/2"],
        ),
        ("def f(x), do: (quote do: ~z(a) <> x)", []),
        ("def f(%Shop.Till{} = x), do: x", ["struct Shop.Till"]),
        ("def f(%Shop.Tiller{} = x), do: x", []),
        ("def f(x), do: Drawer.open(x)", ["alias Drawer"]),
        ("def f(x), do: Shop.Till.Drawer.open(x)", []),
        ("def f(x), do: from(x)", ["import Bitwise"]),
        ("def f(x), do: if(is_nil(x), do: to_string(x), else: inspect(x))", []),
        ("def f(x), do: %__MODULE__{x: x}", ["struct Shop.Till"]),
        ("def f(%__MODULE__{} = x), do: x", ["struct Shop.Till"]),
        ("defmacro f(x) do\n quote do: helper(Cart.f(unquote(x)), @rate)\nend", ["alias Cart"]),
        ("defmacro f(x), do: (quote do: unquote(helper(x)))", ["private_function helper/1"]),
    ],
)
def test_an_answer_needs_what_it_takes_from_the_code_around(
    answer: str, expected: list[str]
) -> None:
    assert needs(answer) == sorted(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("def f(x), do: excepted(x) &&& 1", []),
        ("def f(x), do: excepted(x, 1)", ["import Shop.Most"]),
        ("def f(x), do: excepted(other(x))", ["import Shop.Most"]),
    ],
)
def test_what_an_import_excepts_is_not_taken_from_it(answer: str, expected: list[str]) -> None:
    before = "defmodule Shop.Till do\n  import Shop.Most, except: [excepted: 1, &&&: 2]\n"
    assert needs(answer, before) == expected


def test_an_alias_holds_in_its_block_only() -> None:
    before = "defmodule Shop.Till do\n  def g do\n    alias Shop.Cart\n    Cart.f()\n  end\n"
    assert needs("def f(x), do: Cart.f(x)", before) == []


def test_an_alias_in_a_definition_of_one_line_ends_with_it() -> None:
    source = b"defmodule M do\ndef g, do: alias Shop.Cart\ndef f(x), do: Cart.f(x)\nend"
    spans = [(15, 41), (42, 66)]
    asked = Surroundings(source, spans)
    assert source[slice(*spans[1])] == b"def f(x), do: Cart.f(x)\n"
    assert asked.needs(spans[1:], "M", {}, frozenset()) == ()


@given(st.lists(st.sampled_from(
    ["def f(x) do\n", "end\n", "alias A.B\n", "B.c()", "@a", "helper", "quote do\n", "import C\n",
     "def f(x), do: B.x(y)\n", "def g, do: alias A.B\n", "defmodule B do\n", "if x do\n", "\n"]
), max_size=30), st.integers(0, 29), st.integers(0, 29))  # fmt: skip
def test_what_is_not_asked_about_changes_no_answer(pieces: list[str], one: int, other: int) -> None:
    source = "".join(pieces).encode()
    first, last = sorted((one, other))
    start, end = (len("".join(pieces[:place]).encode()) for place in (first, last))
    spans = [(start, end)]
    found = Surroundings(source, spans).needs(spans, "M", PRIVATE, frozenset())
    assert found == whole(source).needs(spans, "M", PRIVATE, frozenset())


def test_clauses_that_stand_apart_are_one_answer_and_what_stands_between_is_not() -> None:
    source = b"defmodule M do\ndef f(1), do: a(1)\n@x 1\nalias A.B\ndef f(2), do: B.b(@x)\nend"
    spans = [
        (clause.start_byte, clause.end_byte) for clause in extract(source).functions[0].clauses
    ]
    found = Surroundings(source, spans).needs(spans, "M", {}, frozenset({("a", 1)}))
    assert found == (("alias", "B"), ("attribute", "x"))


def test_an_attribute_that_the_answer_sets_is_not_needed() -> None:
    source = b"defmodule M do\n@x 1\ndef f, do: @x + @y\nend"
    found = whole(source).needs([(0, len(source))], "M", {}, frozenset())
    assert found == (("attribute", "y"),)


def test_types_are_no_calls() -> None:
    source = b"defmodule M do\n@spec f(helper()) :: Cart.t()\ndef f(x), do: x\nend"
    private = {("helper", 0): ("helper", 0)}
    assert whole(source).needs([(0, len(source))], "M", private, frozenset()) == ()


@given(st.lists(st.sampled_from(
    ["def f(x) do\n", "end\n", "alias A.B\n", "B.c()", "@a", " 1\n", "x |> ", "helper", "(", ")",
     "&", "quote do\n", "unquote(", "import C\n", "%__MODULE__{}", "\n", "fn x -> ", " = ", "/1"]
), max_size=30))  # fmt: skip
def test_anything_can_be_asked_about(pieces: list[str]) -> None:
    source = "".join(pieces).encode()
    for need in whole(source).needs([(0, len(source))], "M", PRIVATE, frozenset()):
        assert need.name.strip()
