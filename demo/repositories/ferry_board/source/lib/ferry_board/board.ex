defmodule FerryBoard.Board do
  @moduledoc """
  A process that holds the timetable of one pier, and the delays that were reported today.

  Delays are forgotten when the board restarts; captains report them again.
  """

  use GenServer

  alias FerryBoard.Timetable

  defstruct [:pier, :timetable, delays: %{}]

  @doc """
  Starts the board of a pier; needs `:pier` and `:timetable`.
  """
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    pier = Keyword.fetch!(options, :pier)
    timetable = Keyword.fetch!(options, :timetable)
    board = %__MODULE__{pier: pier, timetable: timetable}
    GenServer.start_link(__MODULE__, board, name: via(pier))
  end

  @doc false
  def child_spec(options) do
    %{id: {__MODULE__, Keyword.fetch!(options, :pier)}, start: {__MODULE__, :start_link, [options]}}
  end

  @doc """
  Returns the next departures from a pier.
  """
  @spec next(atom(), Time.t(), pos_integer()) :: [Timetable.departure()]
  def next(pier, now, count), do: GenServer.call(via(pier), {:next, now, count})

  @doc """
  Notes that a departure is late.
  """
  @spec delay(atom(), Time.t(), non_neg_integer()) :: :ok
  def delay(pier, scheduled, minutes), do: GenServer.cast(via(pier), {:delay, scheduled, minutes})

  @impl GenServer
  def init(board), do: {:ok, board}

  @impl GenServer
  def handle_call({:next, now, count}, _from, board) do
    departures = Timetable.after_time(board.timetable, now, board.delays)
    {:reply, Enum.take(departures, count), board}
  end

  @impl GenServer
  def handle_cast({:delay, scheduled, minutes}, board) do
    {:noreply, %{board | delays: Map.put(board.delays, scheduled, minutes)}}
  end

  defp via(pier), do: {:via, Registry, {FerryBoard.Registry, pier}}
end
