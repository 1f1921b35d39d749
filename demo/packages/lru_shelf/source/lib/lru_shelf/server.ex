defmodule LruShelf.Server do
  @moduledoc """
  A cache in a process, with times to live.

      {:ok, cache} = LruShelf.Server.start_link(capacity: 1_000, ttl: :timer.minutes(5))
      LruShelf.Server.fetch(cache, "page:1", fn -> render(1) end)

  `fetch/3` runs the function in the caller and not in the server, so a slow one keeps
  nobody else waiting. Two callers may then compute the same value; the later one wins.
  """

  use GenServer

  @type option :: {:capacity, pos_integer()} | {:ttl, timeout()} | GenServer.option()

  @doc """
  Starts a cache; `:name` and the like go to the process, the rest to the cache.
  """
  @spec start_link([option()]) :: GenServer.on_start()
  def start_link(options) do
    {cache, process} = Keyword.split(options, [:capacity, :ttl])
    GenServer.start_link(__MODULE__, cache, process)
  end

  @doc """
  Returns the value under `key`, computing and storing it when it is not there.
  """
  @spec fetch(GenServer.server(), term(), (() -> value)) :: value when value: term()
  def fetch(server, key, compute) do
    case GenServer.call(server, {:get, key}) do
      {:ok, value} ->
        value

      :error ->
        value = compute.()
        :ok = put(server, key, value)
        value
    end
  end

  @doc "Stores `value` under `key`."
  @spec put(GenServer.server(), term(), term()) :: :ok
  def put(server, key, value), do: GenServer.call(server, {:put, key, value})

  @doc "Removes `key` without waiting for the answer."
  @spec forget(GenServer.server(), term()) :: :ok
  def forget(server, key), do: GenServer.cast(server, {:delete, key})

  @doc """
  Counts hits and misses since the start.
  """
  @spec stats(GenServer.server()) :: %{hits: non_neg_integer(), misses: non_neg_integer()}
  def stats(server), do: GenServer.call(server, :stats)

  @impl GenServer
  def init(options) do
    shelf = LruShelf.new(Keyword.get(options, :capacity, 100))
    ttl = Keyword.get(options, :ttl, :infinity)
    {:ok, %{shelf: shelf, ttl: ttl, hits: 0, misses: 0}}
  end

  @impl GenServer
  def handle_call({:get, key}, _from, state) do
    case LruShelf.get(state.shelf, key) do
      {{value, deadline}, shelf} ->
        if fresh?(deadline),
          do: {:reply, {:ok, value}, %{state | shelf: shelf, hits: state.hits + 1}},
          else: {:reply, :error, miss(%{state | shelf: LruShelf.delete(shelf, key)})}

      {nil, _shelf} ->
        {:reply, :error, miss(state)}
    end
  end

  def handle_call({:put, key, value}, _from, state) do
    shelf = LruShelf.put(state.shelf, key, {value, deadline(state.ttl)})
    {:reply, :ok, %{state | shelf: shelf}}
  end

  def handle_call(:stats, _from, state), do: {:reply, Map.take(state, [:hits, :misses]), state}

  @impl GenServer
  def handle_cast({:delete, key}, state) do
    {:noreply, update_in(state.shelf, &LruShelf.delete(&1, key))}
  end

  defp miss(state), do: %{state | misses: state.misses + 1}

  defp deadline(:infinity), do: :infinity
  defp deadline(ttl), do: System.monotonic_time(:millisecond) + ttl

  defp fresh?(:infinity), do: true
  defp fresh?(deadline), do: System.monotonic_time(:millisecond) < deadline
end
