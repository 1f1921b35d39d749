"""What each of the smaller kinds asks and answers, on one module."""

from corpus.instruct.registry import KINDS
from tests.corpus.test_instruct import answer, left_out, material, question, rows_of

TILL = """defmodule Shop.Till do
  use GenServer

  def pay(till, amount), do: GenServer.call(till, {:pay, amount})
  def close(till), do: GenServer.cast(till, :close)

  @impl true
  def init(opening), do: {:ok, %{sum: opening, open: true}}

  @impl true
  def handle_call({:pay, amount}, _from, %{open: true} = state) do
    {:reply, :ok, %{state | sum: state.sum + amount}}
  end

  def handle_call({:pay, _amount}, _from, state), do: {:reply, {:error, :closed}, state}

  @impl true
  def handle_cast(:close, state), do: {:noreply, %{state | open: false}}
end
"""


def test_every_kind_is_documented_and_has_several_phrases() -> None:
    for kind in KINDS:
        assert kind.given
        assert kind.answer
        assert len(set(kind.phrases)) >= 2


def test_a_callback_is_asked_for_in_the_rest_of_its_module() -> None:
    rows = {row["subject"]: row for row in rows_of("callback_completion", material(TILL))}
    row = rows["Shop.Till.handle_call/3"]
    assert (
        answer(row)
        == """@impl true
def handle_call({:pay, amount}, _from, %{open: true} = state) do
  {:reply, :ok, %{state | sum: state.sum + amount}}
end

def handle_call({:pay, _amount}, _from, state), do: {:reply, {:error, :closed}, state}"""
    )
    shown = question(row).partition("```elixir\n")[2]
    start, end = (
        TILL.index("  @impl true\n  def handle_call"),
        TILL.index("  @impl true\n  def handle_cast"),
    )
    assert shown == f"{TILL[:start]}  # handle_call/3 goes here\n\n{TILL[end:]}```"


def test_the_server_side_is_asked_for_with_the_messages_of_the_client_side() -> None:
    (row,) = rows_of("message_protocol", material(TILL))
    assert "Messages:\n\n- call `{:pay, _}`\n- cast `:close`\n\n```elixir\n" in question(row)
    assert "  # handle_call/3, handle_cast/2 go here\n" in question(row)
    assert question(row).count("@impl") == 1
    assert answer(row).count("@impl true\ndef handle_c") == 2
    assert answer(row).count("def handle_call") == 2


def documented(documentation: str, code: str) -> str:
    return f'defmodule Shop do\n  @doc """\n  {documentation}\n  """\n  {code}\nend\n'


def test_documentation_is_asked_for_with_what_the_function_reaches() -> None:
    text = (
        "Returns the price of all `items` in cents, or `:empty` if there are none of them. "
        "Items that cost nothing are not counted."
    )
    code = """@spec total([map()]) :: integer() | :empty
  def total([]), do: :empty
  def total(items), do: items |> Enum.filter(&paid?/1) |> Enum.map(& &1.price) |> Enum.sum()
  defp paid?(item), do: item.price > 0"""
    (row,) = rows_of("function_to_documentation", material(documented(text, code)))
    assert answer(row) == f'@doc """\n{text}\n"""'
    assert question(row).endswith("""```elixir
@spec total([map()]) :: integer() | :empty
def total([]), do: :empty
def total(items), do: items |> Enum.filter(&paid?/1) |> Enum.map(& &1.price) |> Enum.sum()

defp paid?(item), do: item.price > 0
```""")
    unseen = documented(text.replace(":empty", ":nothing"), code)
    assert rows_of("function_to_documentation", material(unseen)) == []
    assert left_out("function_to_documentation", unseen) == {"tells_unseen": 1}


def test_a_specification_is_asked_for_with_the_types_that_it_uses() -> None:
    source = """defmodule Shop do
  @type item :: %{price: pos_integer()}
  @type unused :: 1
  @spec total([item()], :net | :gross) :: {:ok, integer()}
  def total(items, :net), do: {:ok, items |> Enum.map(& &1.price) |> Enum.sum()}
  def total(items, :gross), do: {:ok, div(119 * sum(items), 100)}
  defp sum(items), do: items |> Enum.map(& &1.price) |> Enum.sum()
end
"""
    (row,) = rows_of("typespecs", material(source))
    assert answer(row) == "@spec total([item()], :net | :gross) :: {:ok, integer()}"
    assert "  @type item :: %{price: pos_integer()}\n" in question(row)
    assert "unused" not in question(row)
    unseen = source.replace("{:ok, integer()}", "{:ok, integer()} | {:error, :broke}")
    assert left_out("typespecs", unseen) == {"tells_unseen": 1}
    assert left_out("typespecs", source.replace("[item()]", "any()")) == {"trivial": 1}


EXAMPLES = """Splits a text.

      iex> parts = Shop.split("a b")
      iex> length(parts)
      2

      iex> Shop.split("a b",
      ...>   " ")
      ["a", "b"]

      iex> Shop.split(nil)
      ** (ArgumentError) no "text"
"""


def test_examples_become_assertions() -> None:
    source = documented(EXAMPLES, "def split(text, by \\\\ nil), do: String.split(text, by || [])")
    (row,) = rows_of("doctest_to_assertion", material(source))
    assert (
        answer(row)
        == """test "split/2" do
  parts = Shop.split("a b")
  assert length(parts) == 2
  assert (Shop.split("a b",
    " ")) == ["a", "b"]
  assert_raise ArgumentError, "no \\"text\\"", fn ->
    Shop.split(nil)
  end
end"""
    )
    assert row["verification"] == "parsed"
    for value in ("#PID<0.1.0>", "[...]"):
        unwritten = source.replace('["a", "b"]', value)
        assert left_out("doctest_to_assertion", unwritten) == {"not_provable": 1}
    local = source.replace("Shop.split(nil)", "split(nil)")
    assert left_out("doctest_to_assertion", local) == {"unresolved": 1}


def test_a_filled_hole_gives_the_module_again_byte_by_byte() -> None:
    rows = rows_of("fill_in_the_middle", material(TILL + "# the end\n"))
    assert len(rows) == 2
    for row in rows:
        shown = question(row).partition("```elixir\n")[2].removesuffix("\n```")
        (line,) = (each for each in shown.split("\n") if each.strip() == "# FILL IN")
        assert shown.replace(line, answer(row)) == TILL.removesuffix("\n")
        assert answer(row).startswith("  ")
