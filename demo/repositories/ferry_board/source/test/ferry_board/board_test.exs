defmodule FerryBoard.BoardTest do
  use ExUnit.Case, async: true

  alias FerryBoard.{Board, Timetable}

  setup do
    start_supervised!({Registry, keys: :unique, name: FerryBoard.Registry})
    timetable = Timetable.every(30, ~T[08:00:00], ~T[10:00:00], "Mill")
    start_supervised!({Board, pier: :weir, timetable: timetable})
    :ok
  end

  test "it shows as many departures as are asked for" do
    assert [{~T[08:30:00], "Mill", 0}, {~T[09:00:00], "Mill", 0}] =
             FerryBoard.next(:weir, ~T[08:10:00], 2)
  end

  test "a later report of a delay counts" do
    FerryBoard.delay(:weir, ~T[09:00:00], 40)
    FerryBoard.delay(:weir, ~T[09:00:00], 5)
    assert [{~T[09:00:00], "Mill", 5} | _] = FerryBoard.next(:weir, ~T[08:45:00])
  end

  test "the board is empty when the last ferry has left" do
    assert FerryBoard.next(:weir, ~T[22:00:00]) == []
  end
end
