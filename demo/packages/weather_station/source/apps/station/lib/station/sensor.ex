defmodule Station.Sensor do
  @moduledoc """
  Asks a probe for its readings at a steady pace and hands them to the archive.

  A probe that does not answer in time makes the process crash on purpose: after a
  restart the connection is opened anew, which cures most things that can go wrong with
  a cable.
  """

  use GenServer

  alias Station.{Archive, Reading}

  @typedoc "A function that answers degrees Celsius and relative humidity."
  @type probe :: (() -> {:ok, float(), float()} | {:error, term()})

  @doc """
  Starts a sensor at `:place` that measures each `:every` milliseconds with `:probe`.
  """
  def start_link(options) do
    GenServer.start_link(__MODULE__, options, name: via(Keyword.fetch!(options, :place)))
  end

  @doc "Measures at once, besides the steady pace."
  @spec measure(atom()) :: Reading.t()
  def measure(place), do: GenServer.call(via(place), :measure)

  @impl GenServer
  def init(options) do
    state = %{
      place: options[:place],
      every: Keyword.get(options, :every, 60_000),
      probe: Keyword.get(options, :probe, fn -> {:ok, 20.0, 50.0} end)
    }

    {:ok, state, {:continue, :measure}}
  end

  @impl GenServer
  def handle_continue(:measure, state), do: handle_info(:measure, state)

  @impl GenServer
  def handle_call(:measure, _from, state), do: {:reply, read(state), state}

  @impl GenServer
  def handle_info(:measure, state) do
    read(state)
    Process.send_after(self(), :measure, state.every)
    {:noreply, state}
  end

  defp read(state) do
    {:ok, celsius, humidity} = state.probe.()
    reading = Reading.new(state.place, celsius, humidity)
    :ok = Archive.add(reading)
    reading
  end

  defp via(place), do: {:via, Registry, {Station.Sensors, place}}
end
