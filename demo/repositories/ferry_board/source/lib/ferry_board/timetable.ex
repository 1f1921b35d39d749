defmodule FerryBoard.Timetable do
  @moduledoc """
  Departures of a day as a list of times and destinations, sorted by time.
  """

  @type departure :: {Time.t(), destination :: String.t(), delay :: non_neg_integer()}
  @type t :: [{Time.t(), String.t()}]

  @doc """
  Returns a timetable from entries in any order.

      iex> FerryBoard.Timetable.new([{~T[09:30:00], "Lighthouse"}, {~T[08:00:00], "Old Town"}])
      [{~T[08:00:00], "Old Town"}, {~T[09:30:00], "Lighthouse"}]
  """
  @spec new([{Time.t(), String.t()}]) :: t()
  def new(entries), do: Enum.sort_by(entries, &elem(&1, 0), Time)

  @doc """
  Returns the departures at or after a time of the day that have not left, delays taken into account.

  A departure that is late is still there until it has left, so it may come before earlier ones
  in the schedule.

      iex> table = FerryBoard.Timetable.new([{~T[08:00:00], "Old Town"}, {~T[08:20:00], "Mill"}])
      iex> FerryBoard.Timetable.after_time(table, ~T[08:05:00], %{~T[08:00:00] => 10})
      [{~T[08:00:00], "Old Town", 10}, {~T[08:20:00], "Mill", 0}]
      iex> FerryBoard.Timetable.after_time(table, ~T[08:15:00], %{~T[08:00:00] => 10})
      [{~T[08:20:00], "Mill", 0}]
  """
  @spec after_time(t(), Time.t(), %{Time.t() => non_neg_integer()}) :: [departure()]
  def after_time(timetable, now, delays) do
    timetable
    |> Enum.map(fn {time, destination} -> {time, destination, Map.get(delays, time, 0)} end)
    |> Enum.reject(fn departure -> Time.compare(leaves(departure), now) == :lt end)
    |> Enum.sort_by(&leaves/1, Time)
  end

  @doc """
  Returns a timetable with a departure every `minutes` between two times of the day.

      iex> FerryBoard.Timetable.every(40, ~T[07:00:00], ~T[08:30:00], "Mill")
      [{~T[07:00:00], "Mill"}, {~T[07:40:00], "Mill"}, {~T[08:20:00], "Mill"}]
  """
  @spec every(pos_integer(), Time.t(), Time.t(), String.t()) :: t()
  def every(minutes, first, last, destination) do
    first
    |> Stream.iterate(&Time.add(&1, minutes * 60))
    |> Enum.take_while(&(Time.compare(&1, last) != :gt and Time.compare(&1, first) != :lt))
    |> Enum.map(&{&1, destination})
  end

  @doc """
  Returns the timetable that a pier has on every day of the week.
  """
  @spec daily(atom()) :: t()
  def daily(:lighthouse), do: every(60, ~T[08:15:00], ~T[17:15:00], "North Quay")
  def daily(:old_town), do: every(20, ~T[06:10:00], ~T[21:50:00], "North Quay")

  def daily(:north_quay) do
    new(
      every(60, ~T[07:45:00], ~T[16:45:00], "Lighthouse") ++
        every(20, ~T[06:00:00], ~T[21:40:00], "Old Town")
    )
  end

  defp leaves({time, _destination, delay}), do: Time.add(time, delay * 60)
end
