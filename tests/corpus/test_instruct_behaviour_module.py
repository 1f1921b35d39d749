import time
from typing import Any

import pytest

from corpus.instruct.kinds.behaviour_module import PHRASES
from tests.corpus.test_instruct import answer, left_out, material, question, rows_of

KIND = "behaviour_module"
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
    return rows_of(KIND, material(source))


def test_the_question_has_the_skeleton_and_the_answer_the_module_without_documentation() -> None:
    (row,) = made_from(COUNTER)
    task, rest = question(row).split("\n\n", 1)
    names = {"module": "Shop.Counter", "behaviour": "the behaviour `GenServer`"}
    assert task in [phrase.format(**names) for phrase in PHRASES]
    assert (
        rest
        == f"""Purpose:

{PURPOSE}

## Example

    {{:ok, counter}} = Shop.Counter.start_link([])

Skeleton:

```elixir
defmodule Shop.Counter do
  use GenServer

  # Starts a counter.
  def start_link(options) do
    # ...
  end

  @impl true
  def init(count) do
    # ...
  end

  @impl true
  def handle_cast(:enter, count) do
    # ...
  end

  def handle_cast(:leave, count) do
    # ...
  end
end
```

Give the whole module, without its documentation."""
    )
    assert (
        answer(row)
        == """defmodule Shop.Counter do
  use GenServer

  def start_link(options), do: GenServer.start_link(__MODULE__, 0, options)

  @impl true
  def init(count), do: {:ok, count}

  @impl true
  def handle_cast(:enter, count), do: {:noreply, count + 1}
  def handle_cast(:leave, count), do: {:noreply, max(count - 1, 0)}

  defp help(count), do: count > 10
end"""
    )


def test_several_behaviours_are_all_named() -> None:
    source = COUNTER.replace("use GenServer", "@behaviour :gen_server\n  @behaviour Plug")
    assert "the behaviours `:gen_server` and `Plug`" in question(made_from(source)[0])


HIDDEN = COUNTER[: COUNTER.index('"""')] + "false\n" + COUNTER[COUNTER.index("  use GenServer") :]


@pytest.mark.parametrize(
    "source",
    [
        COUNTER.replace("use GenServer", "use Agent"),
        HIDDEN,
        HIDDEN.replace("false", 'File.read!("README.md")'),
        HIDDEN.replace("false", '"Counts."'),
        HIDDEN.replace("false", f'"{PURPOSE * 100}"'),
    ],
    ids=["no behaviour", "hidden", "computed", "a title", "a book"],
)
def test_a_task_needs_a_behaviour_and_a_purpose(source: str) -> None:
    assert (made_from(source), left_out(KIND, source)) == ([], {})


def test_a_module_that_is_too_long_is_left_out() -> None:
    source = COUNTER.replace("10", "10 + 0" * 4000)
    assert (made_from(source), left_out(KIND, source)) == ([], {"too_long": 1})


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
    assert [answer(row) for row in made_from(source)] == [answer(row) for row in made_from(COUNTER)]


def test_a_nested_module_is_part_of_an_answer_and_none_itself() -> None:
    inner = (
        '  defmodule Visitor do\n    @moduledoc "One who came in."\n    defstruct [:id]\n  end\n\n'
    )
    source = COUNTER.replace("  @moduledoc", f"{inner}  @moduledoc", 1)
    assert "  defmodule Visitor do\n    defstruct [:id]\n  end\n" in answer(made_from(source)[0])
    wrapped = "defmodule Outer do\n" + COUNTER + "end\n"
    assert made_from(wrapped) == []


def test_a_moduledoc_that_shows_the_module_is_no_question() -> None:
    code = COUNTER[COUNTER.index("  @doc") : COUNTER.index("  defp")].replace("\n  ", "\n      ")
    assert made_from(COUNTER.replace("## Example\n", f"## Source\n\n    {code}\n")) == []


def test_what_stands_before_a_module_is_part_of_its_answer() -> None:
    source = COUNTER.replace("count > 10", "Price.of(count) > 10")
    (row,) = made_from(f"alias Shop.Price\n\n{source}")
    assert row["subject"] == "Shop.Counter"
    assert answer(row).startswith("alias Shop.Price\n\ndefmodule Shop.Counter do\n")
    assert "```elixir\nalias Shop.Price\n\ndefmodule Shop.Counter do\n" in question(row)


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
    first, second = made_from(source)
    assert "only_there" not in question(first)
    assert "only_here" not in question(second)


def test_thousands_of_modules_of_one_name_take_seconds() -> None:
    module = (
        'defmodule Till do\n  @moduledoc "Keeps the money that customers pay."\n  use GenServer\n'
        "  def init(state), do: {:ok, state}\nend\n"
    )
    started = time.process_time()
    assert made_from(module * 3000) == []
    assert time.process_time() - started < 10  # it was minutes
