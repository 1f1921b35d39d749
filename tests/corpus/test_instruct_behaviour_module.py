import time
from typing import Any

import pytest

from corpus.instruct import InstructConfig
from corpus.instruct.behaviour_module import PHRASES, rows
from tests.corpus.test_instruct import material

PURPOSE = "Counts the visitors of the shop, so that the owner knows when to call for help."
COUNTER = f'''defmodule Shop.Counter do
  @moduledoc """
  {PURPOSE}

  ## Example

      {{:ok, counter}} = Shop.Counter.start_link([])
  """

  use GenServer

  @doc "Starts a counter."
  def start_link(options), do: GenServer.start_link(__MODULE__, 0, options)

  @impl true
  def init(count), do: {{:ok, count}}

  @impl true
  def handle_cast(:enter, count), do: {{:noreply, count + 1}}
  def handle_cast(:leave, count), do: {{:noreply, max(count - 1, 0)}}

  defp help(count), do: count > 10
end
'''


def made_from(source: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows(*material(source), InstructConfig()).to_pylist()
    return found


def test_the_question_holds_the_purpose_and_the_answer_all_but_the_moduledoc() -> None:
    row = made_from(COUNTER)[0]
    task, rest = row["messages"][0]["content"].split("\n\n", 1)
    names = {"module": "Shop.Counter", "behaviour": "the behaviour `GenServer`"}
    assert task in [phrase.format(**names) for phrase in PHRASES]
    assert rest == (
        f"Purpose:\n\n{PURPOSE}\n\n## Example\n\n"
        "    {:ok, counter} = Shop.Counter.start_link([])\n\n"
        "Callbacks: `init/1`, `handle_cast/2`\n\nPublic functions: `start_link/1`"
    )
    answer = row["messages"][1]["content"]
    assert answer.startswith(
        '```elixir\ndefmodule Shop.Counter do\n  use GenServer\n\n  @doc "Starts a counter."\n'
    )
    assert answer.endswith("  defp help(count), do: count > 10\nend\n```")
    assert PURPOSE not in answer


def test_a_behaviour_that_is_declared_counts_like_one_that_is_used() -> None:
    source = COUNTER.replace("use GenServer", "@behaviour :gen_server\n  @behaviour Plug")
    assert "the behaviour `:gen_server`" in made_from(source)[0]["messages"][0]["content"]


HIDDEN = COUNTER[: COUNTER.index('"""')] + "false\n" + COUNTER[COUNTER.index("  use GenServer") :]


@pytest.mark.parametrize(
    "source",
    [
        COUNTER.replace("use GenServer", "@behaviour Plug"),
        COUNTER.replace("use GenServer", "use Agent"),
        COUNTER.replace("init(", "initialise(").replace("handle_cast(", "handle("),
        HIDDEN,
        HIDDEN.replace("false", 'File.read!("README.md")'),
        HIDDEN.replace("false", '"Counts."'),
        HIDDEN.replace("false", f'"{PURPOSE * 100}"'),
        COUNTER.replace("10", "10 + 0" * 4000),
    ],
    ids=[
        "no OTP",
        "no behaviour",
        "no callback",
        "hidden",
        "computed",
        "a title",
        "a book",
        "too long",
    ],
)
def test_a_task_needs_a_behaviour_of_otp_a_purpose_and_callbacks(source: str) -> None:
    assert made_from(source) == []


def test_a_module_of_a_few_lines_is_a_stub() -> None:
    source = f'''defmodule Shop.Supervisor do
  @moduledoc "{PURPOSE}"
  use Supervisor
  def init(_), do: Supervisor.init([], strategy: :one_for_one)
end
'''
    assert made_from(source) == []


def test_a_module_is_cut_out_of_a_file_with_others() -> None:
    source = f"# Copyright\n\ndefmodule Shop.Item do\n  defstruct [:id]\nend\n\n{COUNTER}\n# end\n"
    assert [row["messages"][1] for row in made_from(source)] == [
        row["messages"][1] for row in made_from(COUNTER)
    ]


def test_a_nested_module_keeps_its_moduledoc_and_is_no_answer_itself() -> None:
    inner = (
        '  defmodule Visitor do\n    @moduledoc "One who came in."\n    defstruct [:id]\n  end\n\n'
    )
    source = COUNTER.replace("  @moduledoc", f"{inner}  @moduledoc", 1)
    answer = made_from(source)[0]["messages"][1]["content"]
    assert '    @moduledoc "One who came in."\n' in answer
    assert PURPOSE not in answer
    wrapped = "defmodule Outer do\n" + COUNTER + "end\n"
    assert made_from(wrapped) == []


def test_a_moduledoc_that_shows_the_module_is_no_question() -> None:
    code = COUNTER[COUNTER.index("  @doc") : COUNTER.index("  defp")].replace("\n  ", "\n      ")
    assert made_from(COUNTER.replace("## Example\n", f"## Source\n\n    {code}\n")) == []


def test_a_module_needs_only_what_stands_around_it() -> None:
    source = """alias Shop.Price

defmodule Shop.Cart do
  @moduledoc "Keeps what a visitor wants to buy, from the first visit until the order is paid."
  use GenServer
  alias Shop.Item
  @limit 100
  defstruct [:items]

  @impl true
  def init(items), do: {:ok, Map.new(items, &{&1.id, Item.new(&1, @limit)})}

  @impl true
  def handle_call(:sum, _from, items) do
    {:reply, Price.sum(prices(items)), %__MODULE__{items: items}}
  end

  defp prices(items), do: Enum.map(items, fn {_, item} -> item.price end)
end
"""
    (row,) = rows(*material(source), InstructConfig()).to_pylist()
    assert row["subject"] == "Shop.Cart"
    assert row["needs"] == [{"kind": "alias", "name": "Price"}]


def test_the_functions_of_another_module_of_the_same_name_are_not_named() -> None:
    one = """  defmodule Shop.Cart do
    @moduledoc "Keeps what a visitor wants to buy, from the first visit until the order is paid."
    use GenServer

    @impl true
    def init(items), do: {:ok, Map.new(items, fn item -> {item.id, item} end)}

    def only_here(items), do: Enum.map(items, fn {_, item} -> item.price * item.count end)
  end
"""
    source = f"if x do\n{one}else\n{one.replace('only_here', 'only_there')}end\n"
    first, second = rows(*material(source), InstructConfig()).to_pylist()
    assert "only_there" not in first["messages"][0]["content"]
    assert "only_here" not in second["messages"][0]["content"]


def test_thousands_of_modules_of_one_name_take_seconds() -> None:
    module = (
        'defmodule Till do\n  @moduledoc "Keeps the money that customers pay."\n  use GenServer\n'
        "  def init(state), do: {:ok, state}\nend\n"
    )
    started = time.process_time()
    assert made_from(module * 3000) == []
    assert time.process_time() - started < 10  # it was minutes
