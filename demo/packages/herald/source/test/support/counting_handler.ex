defmodule Herald.Test.CountingHandler do
  @moduledoc false

  use Herald.Handler, topics: ["count.#"]

  @impl Herald.Handler
  def prepare(owner), do: {owner, 0}

  @impl Herald.Handler
  def handle_event("count.stop", _event, _state), do: :stop

  def handle_event(_topic, step, {owner, sum}) do
    send(owner, {:sum, sum + step})
    {:ok, {owner, sum + step}}
  end
end
