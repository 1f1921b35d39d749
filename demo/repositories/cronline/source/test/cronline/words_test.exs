defmodule Cronline.WordsTest do
  use ExUnit.Case, async: true

  doctest Cronline.Words

  test "both day fields are told, since either is enough" do
    {:ok, expression} = Cronline.Expression.parse("15 6,18 1 * sun")

    assert Cronline.Words.describe(expression) ==
             "at minute 15 of hour 6 or 18 on day 1 of the month, or on Sunday"
  end
end
