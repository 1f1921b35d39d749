defmodule Station.Archive do
  @moduledoc """
  Keeps the readings of the last days in an ordered table.
  """

  use GenServer

  alias Station.Reading

  @table __MODULE__
  @keep_days 7

  @doc "Starts the owner of the table."
  def start_link(options), do: GenServer.start_link(__MODULE__, options, name: __MODULE__)

  @doc "Adds a reading."
  @spec add(Reading.t()) :: :ok
  def add(%Reading{} = reading) do
    true =
      :ets.insert(@table, {{reading.place, DateTime.to_unix(reading.at, :microsecond)}, reading})

    :ok
  end

  @doc """
  Returns the readings of a place since `from`, oldest first.
  """
  @spec since(atom(), DateTime.t()) :: [Reading.t()]
  def since(place, from) do
    earliest = DateTime.to_unix(from, :microsecond)

    :ets.select(@table, [
      {{{place, :"$1"}, :"$2"}, [{:>=, :"$1", earliest}], [:"$2"]}
    ])
  end

  @impl true
  def init(_options) do
    :ets.new(@table, [:named_table, :ordered_set, :public, write_concurrency: true])
    {:ok, _timer} = :timer.send_interval(:timer.hours(1), :prune)
    {:ok, nil}
  end

  @impl true
  def handle_info(:prune, state) do
    limit =
      DateTime.utc_now() |> DateTime.add(-@keep_days * 86_400) |> DateTime.to_unix(:microsecond)

    :ets.select_delete(@table, [{{{:_, :"$1"}, :_}, [{:<, :"$1", limit}], [true]}])
    {:noreply, state}
  end
end
