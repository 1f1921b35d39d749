defmodule MeasuredTest do
  use ExUnit.Case, async: true

  import Measured.Si

  doctest Measured
  doctest Measured.Dimension

  test "adding keeps the unit of the first" do
    assert to_string(Measured.add(metre(1), centimetre(50))) == "1.5 m"
  end

  test "different dimensions do not mix" do
    assert_raise Measured.DimensionError, "s and m measure different things", fn ->
      Measured.add(metre(1), second(1))
    end
  end

  test "a derived unit equals its definition" do
    force =
      Measured.divide(
        Measured.multiply(kilogram(2), metre(3)),
        Measured.multiply(second(1), second(1))
      )

    assert Measured.compare(force, newton(6)) == :eq
  end

  test "units are found by their symbols" do
    assert Measured.Si.by_symbol("km") == {:ok, kilometre()}
    assert Measured.Si.by_symbol("parsec") == :error
  end
end
