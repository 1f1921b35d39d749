from typing import Any

import pytest

from corpus.instruct.configuration import DocumentationToFunction, InstructConfig
from corpus.instruct.kinds.documentation_to_function import PHRASES
from tests.corpus.test_instruct import answer, left_out, material, question, rows_of

DOCUMENTATION = "Returns the price of everything in the cart, in cents, without shipping."
BODY = "cart |> Map.values() |> Enum.map(&(&1.price * &1.count)) |> Enum.sum()"


def made_from(source: str, config: InstructConfig | None = None) -> list[dict[str, Any]]:
    return rows_of("documentation_to_function", material(source), config)


def answers(source: str) -> list[str]:
    return [row["messages"][2]["content"] for row in made_from(source)]


def shop(code: str, documentation: str = DOCUMENTATION) -> str:
    return f'defmodule Shop do\n  @doc """\n  {documentation}\n  """\n{code}end\n'


def test_the_question_holds_what_a_caller_knows_and_the_answer_all_clauses() -> None:
    source = '''defmodule Shop.Cart do
  @doc """
  Adds an item to the cart and returns the cart.

      iex> Shop.Cart.add(%{}, :tea)
      %{tea: 1}
  """
  @doc since: "1.2.0"
  @spec add(t, item, pos_integer) :: t
  def add(cart, item, count \\\\ 1)

  def add(cart, item, count) when is_map_key(cart, item) do
    Map.update!(cart, item, &(&1 + count))
  end

  # The first of its kind.
  def add(cart, item, count) do
    Map.put(cart, item, count)
  end

  defp check(item), do: item
end
'''
    row = made_from(source)[0]
    task, rest = question(row).split("\n\n", 1)
    names = {"noun": "function", "name": "add/3", "module": "Shop.Cart"}
    assert task in [phrase.format(**names) for phrase in PHRASES]
    assert rest == (
        "Module: `Shop.Cart`\nFunction: `add/3` (arguments with a default value: 1)\n\n"
        "Specification:\n\n```elixir\n@spec add(t, item, pos_integer) :: t\n```\n\n"
        "Documentation:\n\nAdds an item to the cart and returns the cart.\n\n"
        "    iex> Shop.Cart.add(%{}, :tea)\n    %{tea: 1}"
    )
    assert row["messages"][2]["content"] == (
        "```elixir\ndef add(cart, item, count \\\\ 1)\n\n"
        "def add(cart, item, count) when is_map_key(cart, item) do\n"
        "  Map.update!(cart, item, &(&1 + count))\nend\n\n"
        "# The first of its kind.\n"
        "def add(cart, item, count) do\n  Map.put(cart, item, count)\nend\n```"
    )


def test_a_macro_is_asked_for_as_a_macro() -> None:
    row = made_from(shop(f"  defmacro total(cart), do: quote(do: {BODY})\n"))[0]
    assert "Macro: `total/1`" in question(row)


@pytest.mark.parametrize(
    "code",
    [
        f"  defp total(cart), do: {BODY}\n",
        "  defdelegate total(cart), to: Shop.Cart.With.A.Long.Name, as: :a_total_of_some_kind\n",
        "  def total(cart), do: cart.total\n",
        "  def total(_cart), do: :erlang.nif_error(:the_native_library_was_not_loaded_yet)\n",
        '  def total(_cart), do: raise "not implemented, but it will be in the next version"\n',
        f"  def total(cart), do: [{BODY}, {'0, ' * 4000}1]\n",
        f"  @doc false\n  def total(cart), do: {BODY}\n",
    ],
)
def test_what_is_private_delegated_trivial_or_a_stub_is_left_out(code: str) -> None:
    assert made_from(shop(code)) == []


@pytest.mark.parametrize("documentation", ["", "The total.", "The total. " * 400])
def test_a_documentation_must_be_a_task(documentation: str) -> None:
    assert made_from(shop(f"  def total(cart), do: {BODY}\n", documentation)) == []


@pytest.mark.parametrize("value", ['File.read!("total.md")', '"Returns the " <> @noun', "@text"])
def test_a_documentation_that_only_running_can_tell_is_none(value: str) -> None:
    source = f"defmodule Shop do\n  @doc {value}\n  def total(cart), do: {BODY}\nend\n"
    config = InstructConfig(
        documentation_to_function=DocumentationToFunction(shortest_documentation=0)
    )
    assert made_from(source) == made_from(source, config) == []


def test_a_protocols_function_has_no_source() -> None:
    source = shop("  def total(cart_or_basket_or_anything_else_that_has_a_price_in_cents)\n")
    assert made_from(source.replace("defmodule", "defprotocol")) == []


def test_a_documentation_that_quotes_the_body_is_no_question() -> None:
    source = shop(
        f"  def total(cart), do: {BODY}\n", f"{DOCUMENTATION}\n\n  Equivalent to:\n\n      {BODY}"
    )
    assert made_from(source) == []


def test_attributes_between_clauses_are_not_part_of_the_answer() -> None:
    source = shop(f"  def total([]), do: 0\n  @impl true\n  def total(cart), do: {BODY}\n")
    assert answers(source) == [f"```elixir\ndef total([]), do: 0\ndef total(cart), do: {BODY}\n```"]


def test_line_ends_are_unix_whatever_the_file_has() -> None:
    source = shop(f"  def total(cart) do\n    {BODY}\n  end\n").replace("\n", "\r\n")
    row = made_from(source)[0]
    assert "\r" not in question(row)
    assert row["messages"][2]["content"] == f"```elixir\ndef total(cart) do\n  {BODY}\nend\n```"


def test_text_that_is_indented_less_than_the_code_keeps_its_place() -> None:
    source = shop(f'  def total(cart) do\n    IO.puts("one\ntwo é")\n    {BODY}\n  end\n')
    assert answers(source) == [
        f'```elixir\ndef total(cart) do\n  IO.puts("one\ntwo é")\n  {BODY}\nend\n```'
    ]


def test_the_lengths_are_configurable() -> None:
    source = shop("  def total(cart), do: cart.total\n", "The total.")
    config = InstructConfig(
        documentation_to_function=DocumentationToFunction(
            shortest_documentation=1, shortest_function=1
        )
    )
    assert len(made_from(source, config)) == 1


def test_phrases_vary() -> None:
    source = "".join(
        f'defmodule Shop{n} do\n  @doc "{DOCUMENTATION}"\n  def total(cart), do: {BODY}\nend\n'
        for n in range(40)
    )
    tasks = {question(row).split("`")[0] for row in made_from(source)}
    assert len(tasks) == len(PHRASES)


def test_a_function_that_its_module_fills_in_is_no_answer() -> None:
    filled = """  pairs = [name: 1, size: 2]
  def total(%Shop{unquote_splicing(pairs)} = shop) do
    shop |> Map.take(unquote(Keyword.keys(pairs))) |> Map.values() |> Enum.sum()
  end
"""
    assert answers(shop(filled)) == []
    whole = """  defmacro total(cart) do
    quote do
      unquote(cart) |> Map.values() |> Enum.map(&(&1.price * &1.count)) |> Enum.sum()
    end
  end
"""
    assert len(answers(shop(whole))) == 1


def test_a_function_of_def_and_defdelegate_is_answered_whole() -> None:
    code = f"  def total(cart) when is_map(cart) do\n    {BODY}\n  end\n"
    (found,) = answers(shop(f"{code}  defdelegate total(cart), to: Shop.Till\n"))
    assert found == (
        f"```elixir\ndef total(cart) when is_map(cart) do\n  {BODY}\nend\n"
        "defdelegate total(cart), to: Shop.Till\n```"
    )


def alternatives(first: str, second: str) -> str:
    def definition(told: str, body: str) -> str:
        return f"{told}    def total(cart) do\n      {body}\n    end\n"

    one, two = definition(first, BODY), definition(second, f"Till.sum(cart, {BODY})")
    return f"defmodule Shop do\n  if Code.ensure_loaded?(Till) do\n{one}  else\n{two}  end\nend\n"


DOC = f'    @doc "{DOCUMENTATION}"\n'


@pytest.mark.parametrize(
    ("first", "second", "told"), [(DOC, "", "do"), ("", DOC, "else"), (DOC, DOC, "do")]
)
def test_of_alternatives_the_first_documented_one_is_asked_for_under_its_condition(
    first: str, second: str, told: str
) -> None:
    (row,) = made_from(alternatives(first, second))
    assert f"Defined under: `if Code.ensure_loaded?(Till): {told}`" in question(row)
    assert answer(row).count("def total(cart) do") == 1
    assert ("Till.sum" in answer(row)) == (told == "else")


def test_what_is_defined_in_part_under_a_condition_is_not_asked_for() -> None:
    code = f"  def total(cart) do\n    {BODY}\n  end\n"
    extra = "  if debug? do\n    def total(:debug), do: 0\n  end\n"
    assert len(answers(shop(code))) == 1
    assert answers(shop(code + extra)) == []
    assert answers(shop(code + "  defoverridable total: 1\n  def total(c), do: super(c)\n")) == []


@pytest.mark.parametrize(
    ("template", "is_asked_for"),
    [
        # Alternatives: branches of one construct, however deep it lies.
        ("if a do\n {one}\nelse\n {two}\nend", True),
        ("unless a do\n {one}\nelse\n {two}\nend", True),
        ("case a do\n 1 -> {one}\n _ -> {two}\nend", True),
        ("cond do\n a -> {one}\n true -> {two}\nend", True),
        ("with 1 <- a do\n {one}\nelse\n _ -> {two}\nend", True),
        ("if a do\n {one}\nelse\n if b do\n {two}\n else\n {three}\n end\nend", True),
        ("if a do\n if b do\n {one}\n else\n {two}\n end\nend", True),
        # Parts of one function: both may be compiled, ...
        ("if a do\n {one}\nend\nif b do\n {two}\nend", False),
        ("if a do\n {one}\n if b do\n {two}\n end\nend", False),
        ("case a do\n 1 -> {one}\n _ -> 0\nend\ncase b do\n 1 -> {two}\nend", False),
        ("if a do\n {one}\nelse\n {two}\nend\nif b do\n {three}\nend", False),
        ("try do\n {one}\nrescue\n _ -> {two}\nend", False),
        # ... or the first is put aside.
        ("if a do\n {one}\n defoverridable total: 1\n {two}\nend", False),
    ],
)
def test_alternatives_exclude_each_other(template: str, is_asked_for: bool) -> None:
    def definition(number: int) -> str:
        documented = f'@doc "{DOCUMENTATION}"\n ' if number == 1 else ""
        return f"{documented}def total(cart) do\n {BODY} + {number}\n end"

    code = template.format(one=definition(1), two=definition(2), three=definition(3))
    found = answers(f"defmodule Shop do\n{code}\nend\n")
    assert len(found) == int(is_asked_for)
    assert all(each.count("def total") == 1 for each in found)


def test_what_an_answer_needs_is_in_it_or_in_the_question() -> None:
    source = f'''defmodule Shop do
  alias Shop.{{Price, Unused}}
  alias Shop.Item, as: Goods
  @rates %{{low: @low, high: 19}}
  @low 7
  @unused 8
  @rates %{{low: @low}}
  defstruct [:items, low: @low]
  @type currency :: :eur | Price.t()
  @type unused :: 1

  @doc "{DOCUMENTATION}"
  @spec total(%__MODULE__{{}}, currency) :: integer
  def total(%__MODULE__{{items: items}}, currency \\\\ :eur) do
    items |> Enum.map(&price/1) |> sum(@rates) |> Price.in(currency) |> shown()
  end

  @spec shown(integer) :: String.t()
  def shown(price) do
    {"to_string(price) <> " * 30}"EUR"
  end

  defp price(%Goods{{}} = item), do: rounded(item.price)
  defp rounded(price), do: trunc(price)
  defp sum(prices, rates, start \\\\ 0), do: Enum.sum(prices) * rates.low + start
  defp unused(x), do: x
end
'''
    (row,) = made_from(source)
    assert row["subject"] == "Shop.total/2"
    assert row["needs"] == []
    assert answer(row) == (
        "def total(%__MODULE__{items: items}, currency \\\\ :eur) do\n"
        "  items |> Enum.map(&price/1) |> sum(@rates) |> Price.in(currency) |> shown()\nend\n\n"
        "defp price(%Goods{} = item), do: rounded(item.price)\n\n"
        "defp rounded(price), do: trunc(price)\n\n"
        "defp sum(prices, rates, start \\\\ 0), do: Enum.sum(prices) * rates.low + start"
    )
    _, _, shown = question(row).partition("What there is of the module:\n\n")
    assert (
        shown
        == """```elixir
defmodule Shop do
  alias Shop.{Price, Unused}

  alias Shop.Item, as: Goods

  @rates %{low: @low, high: 19}

  @low 7

  @rates %{low: @low}

  defstruct [:items, low: @low]

  @type currency :: :eur | Price.t()

  # total/2 goes here

  @spec shown(integer) :: String.t()
  def shown(price) do
    # ...
  end
end
```"""
    )


def test_an_answer_that_stands_alone_is_shown_nothing() -> None:
    (row,) = made_from(shop(f"  def total(cart) do\n    {BODY}\n  end\n"))
    assert "What there is" not in question(row)


@pytest.mark.parametrize(
    ("around", "code"),
    [
        ("", "somewhere(cart)"),
        ("use GenServer", "somewhere(cart)"),
        ("", "cart + @nowhere"),
        ("", "%__MODULE__{cart: cart}"),
        ("for n <- [:gen], do: def(unquote(n)(x), do: x)", "gen(cart)"),
    ],
)
def test_a_name_that_nothing_explains_is_unresolved(around: str, code: str) -> None:
    source = shop(f"  def total(cart), do: {BODY} |> Kernel.+({code})\n").replace(
        "Shop do\n", f"Shop do\n  {around}\n"
    )
    assert made_from(source) == []
    assert left_out("documentation_to_function", source) == {"unresolved": 1}


@pytest.mark.parametrize("around", ["import Shop.Far", "import Shop.Far, only: [somewhere: 1]"])
def test_what_an_import_may_bring_is_explained_by_it(around: str) -> None:
    source = shop(f"  def total(cart), do: {BODY} |> somewhere()\n")
    (row,) = made_from(source.replace("Shop do\n", f"Shop do\n  {around}\n"))
    assert f"  {around}\n" in question(row)


def test_functions_of_other_modules_of_the_package_are_told() -> None:
    far = """defmodule Shop.Far do
  @doc "Rounds a price."
  @spec round(integer) :: integer
  def round(price), do: price
end
"""
    near = shop(f"  alias Shop.Far\n  def total(cart), do: {BODY} |> Far.round()\n")
    tables = material(near, far, archive_sha256="one")
    row = rows_of("documentation_to_function", tables)[0]
    assert question(row).endswith(
        "Other modules of the package have:\n\n"
        "- `Shop.Far.round/1` with `@spec round(integer) :: integer`: Rounds a price."
    )
