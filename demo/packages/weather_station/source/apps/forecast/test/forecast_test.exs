defmodule ForecastTest do
  use ExUnit.Case, async: true

  doctest Forecast
  doctest Forecast.Smoothing

  test "a single value continues as it is" do
    assert Forecast.continue([4.0], 3) == [4.0, 4.0, 4.0]
  end

  test "a cautious trend follows a jump slowly" do
    bold = Forecast.continue([0.0, 0.0, 0.0, 10.0], 1, beta: 0.9)
    cautious = Forecast.continue([0.0, 0.0, 0.0, 10.0], 1, beta: 0.1)
    assert cautious < bold
  end
end
