defmodule Drossel.Store do
  @moduledoc """
  Owns the table of buckets.

  Reads go straight to ETS. Updates of one subject are serialised by a small pool of
  servers, chosen by the hash of the key, so that two requests of the same subject never
  spend the same token while different subjects rarely wait for each other.
  """

  use GenServer

  alias Drossel.Bucket

  @table __MODULE__
  @lanes 8

  @doc """
  Starts the server of one lane; the lane is a number from 0.
  """
  @spec start_link(non_neg_integer()) :: GenServer.on_start()
  def start_link(lane), do: GenServer.start_link(__MODULE__, lane, name: lane_name(lane))

  @doc """
  Describes the child, one for each lane.
  """
  def child_spec(lane) do
    %{id: {__MODULE__, lane}, start: {__MODULE__, :start_link, [lane]}}
  end

  @doc "Lists the lanes that have to be started."
  @spec lanes() :: Range.t()
  def lanes, do: 0..(@lanes - 1)

  @doc """
  Creates the table; called once, by the process that shall own it.
  """
  @spec create_table() :: :ok
  def create_table do
    :ets.new(@table, [:named_table, :public, :set, read_concurrency: true])
    :ok
  end

  @doc """
  Returns the bucket under `key`, or nil.
  """
  @spec get(term()) :: Bucket.t() | nil
  def get(key) do
    case :ets.lookup(@table, key) do
      [{^key, bucket}] -> bucket
      [] -> nil
    end
  end

  @doc """
  Applies `change` to the bucket under `key` (a full one if there is none) and stores the result.
  """
  @spec update(term(), Bucket.Shape.t(), (Bucket.t() -> {answer, Bucket.t()})) :: answer
        when answer: term()
  def update(key, shape, change) do
    key |> lane() |> lane_name() |> GenServer.call({:update, key, shape, change})
  end

  @doc "Removes the bucket under `key`."
  @spec delete(term()) :: :ok
  def delete(key) do
    :ets.delete(@table, key)
    :ok
  end

  @doc """
  Removes every bucket for which `forget?` answers true, and tells how many there were.
  """
  @spec sweep((term(), Bucket.t() -> boolean())) :: non_neg_integer()
  def sweep(forget?) do
    forgotten = for {key, bucket} <- :ets.tab2list(@table), forget?.(key, bucket), do: key
    Enum.each(forgotten, &delete/1)
    length(forgotten)
  end

  @impl GenServer
  def init(lane), do: {:ok, lane}

  @impl GenServer
  def handle_call({:update, key, shape, change}, _from, lane) do
    bucket = get(key) || Bucket.full(shape, Drossel.Clock.now())
    {answer, bucket} = change.(bucket)
    :ets.insert(@table, {key, bucket})
    {:reply, answer, lane}
  end

  defp lane(key), do: :erlang.phash2(key, @lanes)

  defp lane_name(lane), do: :"#{__MODULE__}.#{lane}"
end
