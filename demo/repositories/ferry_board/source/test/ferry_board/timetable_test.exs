defmodule FerryBoard.TimetableTest do
  use ExUnit.Case, async: true

  alias FerryBoard.Timetable

  doctest FerryBoard.Timetable

  test "a ferry that leaves this minute has not left" do
    timetable = Timetable.new([{~T[10:00:00], "Mill"}])
    assert [{~T[10:00:00], "Mill", 0}] = Timetable.after_time(timetable, ~T[10:00:00], %{})
    assert [] = Timetable.after_time(timetable, ~T[10:00:01], %{})
  end

  test "a late ferry comes behind one that leaves before it" do
    timetable = Timetable.new([{~T[10:00:00], "Mill"}, {~T[10:20:00], "Old Town"}])
    departures = Timetable.after_time(timetable, ~T[09:00:00], %{~T[10:00:00] => 25})
    assert Enum.map(departures, &elem(&1, 1)) == ["Old Town", "Mill"]
  end

  test "the last departure of a day does not run into the next one" do
    assert Timetable.every(60, ~T[22:30:00], ~T[23:59:00], "Mill") ==
             [{~T[22:30:00], "Mill"}, {~T[23:30:00], "Mill"}]
  end
end
