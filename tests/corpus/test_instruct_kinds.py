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
