defmodule Drossel.Sweeper do
  @moduledoc """
  Forgets buckets that are full again.

  Wakes up at a fixed interval. A sweep that fails takes only this process down; its
  supervisor starts it again, and the buckets live on in the table.
  """

  use GenServer, restart: :permanent

  require Logger

  alias Drossel.{Bucket, Clock, Limits, Store}

  @doc """
  Starts the sweeper; `:every` is the interval in milliseconds, or `:infinity` for never.
  """
  def start_link(options) do
    GenServer.start_link(__MODULE__, options, name: __MODULE__)
  end

  @doc "Sweeps at once and tells how many buckets were forgotten."
  @spec sweep() :: non_neg_integer()
  def sweep, do: GenServer.call(__MODULE__, :sweep)

  @impl true
  def init(options) do
    {:ok, %{every: Keyword.get(options, :every, 60_000)}, {:continue, :schedule}}
  end

  @impl true
  def handle_continue(:schedule, %{every: :infinity} = state), do: {:noreply, state}

  def handle_continue(:schedule, %{every: every} = state) do
    Process.send_after(self(), :sweep, every)
    {:noreply, state}
  end

  @impl true
  def handle_call(:sweep, _from, state), do: {:reply, forget_full_buckets(), state}

  @impl true
  def handle_info(:sweep, state) do
    count = forget_full_buckets()
    if count > 0, do: Logger.debug("drossel forgot #{count} full buckets")
    {:noreply, state, {:continue, :schedule}}
  end

  defp forget_full_buckets do
    now = Clock.now()
    Store.sweep(fn {name, _subject}, bucket -> Bucket.full?(bucket, Limits.fetch!(name), now) end)
  end
end
