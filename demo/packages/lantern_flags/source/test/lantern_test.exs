defmodule LanternTest do
  use ExUnit.Case, async: true

  alias Lantern.{Board, Flag, Rule}

  doctest Lantern.Flag
  doctest Lantern.Rule

  test "the first rule with an opinion decides" do
    flag = Flag.new(:beta, rules: [{:never, [7]}, {:only, [7, 8]}])
    refute Flag.on?(flag, %{id: 7})
    assert Flag.on?(flag, %{id: 8})
    assert Flag.explain(flag, %{id: 9}) == {false, :default}
  end

  test "who was in at ten percent still is at twenty" do
    for id <- 1..500, Rule.decide({:percentage, 10}, :beta, %{id: id}) do
      assert Rule.decide({:percentage, 20}, :beta, %{id: id})
    end
  end

  test "watchers hear of changes" do
    board = start_supervised!({Board, name: :test_board, flags: [Flag.new(:beta)]})
    :ok = Board.watch(board)
    refute Board.on?(:test_board, :beta, %{id: 1})
    :ok = Board.put(board, Flag.new(:beta, default: true))
    assert_received {:lantern, :beta}
    assert Board.on?(:test_board, :beta, %{id: 1})
  end
end
