defmodule Mergekind.Replica do
  @moduledoc """
  A process that holds a replica and gossips with its peers.

  Every `:every` milliseconds it sends its state to one peer, chosen at random. Lost
  messages do no harm, since the next ones say the same and more.
  """

  use GenServer

  @doc """
  Starts a replica.

  ## Options

    * `:data` - the data to start with, anything that implements `Mergekind`
    * `:every` - milliseconds between two messages (default 1000)
  """
  def start_link(options),
    do: GenServer.start_link(__MODULE__, options, Keyword.take(options, [:name]))

  @doc "Tells a replica of another one."
  @spec introduce(GenServer.server(), pid()) :: :ok
  def introduce(replica, peer), do: GenServer.cast(replica, {:peer, peer})

  @doc "Changes the data by a function."
  @spec update(GenServer.server(), (Mergekind.t() -> Mergekind.t())) :: :ok
  def update(replica, change), do: GenServer.call(replica, {:update, change})

  @doc "Returns what users of the data see."
  @spec value(GenServer.server()) :: term()
  def value(replica), do: GenServer.call(replica, :value)

  @impl true
  def init(options) do
    every = Keyword.get(options, :every, 1_000)
    Process.send_after(self(), :gossip, every)
    {:ok, %{data: Keyword.fetch!(options, :data), every: every, peers: []}}
  end

  @impl true
  def handle_call({:update, change}, _from, state),
    do: {:reply, :ok, update_in(state.data, change)}

  def handle_call(:value, _from, state), do: {:reply, Mergekind.value(state.data), state}

  @impl true
  def handle_cast({:peer, peer}, state),
    do: {:noreply, update_in(state.peers, &Enum.uniq([peer | &1]))}

  def handle_cast({:gossip, data}, state) do
    {:noreply, update_in(state.data, &Mergekind.merge(&1, data))}
  end

  @impl true
  def handle_info(:gossip, state) do
    unless state.peers == [], do: GenServer.cast(Enum.random(state.peers), {:gossip, state.data})
    Process.send_after(self(), :gossip, state.every)
    {:noreply, state}
  end
end
