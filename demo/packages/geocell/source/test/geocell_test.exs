defmodule GeocellTest do
  use ExUnit.Case, async: true

  doctest Geocell
  doctest Geocell.Box
  doctest Geocell.Distance

  test "a point lies in the box of its hash" do
    for _ <- 1..200 do
      {latitude, longitude} = point = {:rand.uniform() * 180 - 90, :rand.uniform() * 360 - 180}
      {:ok, box} = point |> Geocell.encode(7) |> Geocell.decode()
      {south, north} = box.latitude
      {west, east} = box.longitude
      assert south <= latitude and latitude <= north
      assert west <= longitude and longitude <= east
    end
  end

  test "neighbours across the date line exist" do
    assert "8" <> _ = {0.1, -179.99} |> Geocell.encode(3)
    west = Geocell.encode({0.1, -179.99}, 3)
    assert Enum.any?(Geocell.neighbours(west), &String.starts_with?(&1, "x"))
  end

  test "no distance is negative and none exceeds half the globe" do
    assert Geocell.Distance.metres({10.0, 10.0}, {10.0, 10.0}) == 0.0
    assert_in_delta Geocell.Distance.metres({0.0, 0.0}, {0.0, 180.0}), 20_015_115, 1
  end
end
