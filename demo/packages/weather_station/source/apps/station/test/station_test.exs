defmodule StationTest do
  use ExUnit.Case

  alias Station.{Archive, Reading, Sensor}

  doctest Station.Reading

  setup do
    start_supervised!({Registry, keys: :unique, name: Station.Sensors})
    start_supervised!(Archive)
    :ok
  end

  test "a sensor measures as soon as it starts" do
    start_supervised!({Sensor, place: :attic, probe: fn -> {:ok, 31.5, 40.0} end})
    assert %Reading{celsius: 31.5} = Sensor.measure(:attic)
    hour_ago = DateTime.add(DateTime.utc_now(), -3600)
    assert [%Reading{place: :attic} | _rest] = Archive.since(:attic, hour_ago)
  end

  test "places are kept apart" do
    :ok = Archive.add(Reading.new(:roof, 1.0, 80.0))
    assert Archive.since(:cellar, ~U[2000-01-01 00:00:00Z]) == []
  end

  test "damp heat feels hotter" do
    assert Reading.felt(Reading.new(:roof, 32.0, 70.0)) > 40
    assert Reading.felt(Reading.new(:roof, 12.0, 70.0)) == 12.0
  end
end
