defmodule FerryBoard do
  @moduledoc """
  The next departures of every pier of a ferry line.

  A board belongs to one pier. It knows the timetable of its pier and the delays that captains
  report, and puts both together when it is asked.
  """

  alias FerryBoard.{Board, Timetable}

  @type pier :: atom()

  @doc """
  Returns the next `count` departures from a pier after a time of the day, delays included.

  The result is empty when the last ferry has left.
  """
  @spec next(pier(), Time.t(), pos_integer()) :: [Timetable.departure()]
  def next(pier, now, count \\ 3), do: Board.next(pier, now, count)

  @doc """
  Tells the board of a pier that a departure is late by so many minutes.

  A second report for the same departure takes the place of the first.
  """
  @spec delay(pier(), Time.t(), non_neg_integer()) :: :ok
  def delay(pier, scheduled, minutes), do: Board.delay(pier, scheduled, minutes)
end
