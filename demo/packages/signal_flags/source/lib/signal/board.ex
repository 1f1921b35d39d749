defmodule Signal.Board do
  @moduledoc """
  Holds all flags of an application and tells others when one changes.

  Reading goes through `:persistent_term` and costs next to nothing; writing is rare and
  goes through this process, one change after the other.
  """

  use GenServer

  alias Signal.Flag

  @doc "Starts a board with its flags."
  def start_link(options) do
    GenServer.start_link(__MODULE__, options, name: Keyword.get(options, :name, __MODULE__))
  end

  @doc """
  Tells whether a flag is on for a subject; an unknown flag is off.
  """
  @spec on?(GenServer.name(), atom(), map()) :: boolean()
  def on?(board \\ __MODULE__, name, subject) do
    case :persistent_term.get({__MODULE__, board}, %{}) do
      %{^name => flag} -> Flag.on?(flag, subject)
      _unknown -> false
    end
  end

  @doc "Adds a flag or replaces the one of the same name."
  @spec put(GenServer.server(), Flag.t()) :: :ok
  def put(board \\ __MODULE__, %Flag{} = flag), do: GenServer.call(board, {:put, flag})

  @doc "Switches every flag off, whatever its rules say."
  @spec blackout(GenServer.server()) :: :ok
  def blackout(board \\ __MODULE__), do: GenServer.call(board, :blackout)

  @doc """
  Sends the calling process `{:signal, name}` whenever a flag changes.
  """
  @spec watch(GenServer.server()) :: :ok
  def watch(board \\ __MODULE__), do: GenServer.call(board, :watch)

  @impl true
  def init(options) do
    Process.flag(:trap_exit, true)
    key = {__MODULE__, Keyword.get(options, :name, __MODULE__)}
    flags = Map.new(Keyword.get(options, :flags, []), &{&1.name, &1})
    :persistent_term.put(key, flags)
    {:ok, %{key: key, watchers: %{}}}
  end

  @impl true
  def handle_call({:put, flag}, _from, state) do
    flags = :persistent_term.get(state.key)
    :persistent_term.put(state.key, Map.put(flags, flag.name, flag))
    for {_reference, pid} <- state.watchers, do: send(pid, {:signal, flag.name})
    {:reply, :ok, state}
  end

  def handle_call(:blackout, _from, state) do
    :persistent_term.put(state.key, %{})
    {:reply, :ok, state}
  end

  def handle_call(:watch, {pid, _tag}, state) do
    reference = Process.monitor(pid)
    {:reply, :ok, put_in(state.watchers[reference], pid)}
  end

  @impl true
  def handle_info({:DOWN, reference, :process, _pid, _reason}, state) do
    {_pid, state} = pop_in(state.watchers[reference])
    {:noreply, state}
  end

  def handle_info({:EXIT, _pid, _reason}, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state), do: :persistent_term.erase(state.key)
end
