defmodule FerryBoard.Crew.RotaTest do
  use ExUnit.Case, async: true

  doctest FerryBoard.Crew.Rota

  test "a crew that is larger than the fleet has a day off" do
    assert FerryBoard.Crew.Rota.assign(["Ada", "Ben", "Cem"], [:dawn]) == %{dawn: "Ada"}
  end
end
