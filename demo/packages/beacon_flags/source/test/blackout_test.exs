defmodule Beacon.BlackoutTest do
  use ExUnit.Case, async: true

  alias Beacon.{Board, Flag}

  test "after a blackout no flag is on" do
    board = start_supervised!({Board, name: :blackout, flags: [Flag.new(:beta, default: true)]})
    assert Board.on?(:blackout, :beta, %{id: 1})
    assert Board.blackout(board) == :ok
    refute Board.on?(:blackout, :beta, %{id: 1})
  end
end
