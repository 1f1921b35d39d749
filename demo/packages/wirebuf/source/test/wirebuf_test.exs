defmodule WirebufTest do
  use ExUnit.Case, async: true

  alias Wirebuf.{Frames, Varint}

  doctest Wirebuf.Varint
  doctest Wirebuf.Frames

  test "numbers of all sizes survive" do
    for power <- 0..63, number <- [Integer.pow(2, power) - 1, Integer.pow(2, power)] do
      assert Varint.decode(Varint.encode(number)) == {:ok, number, ""}
    end
  end

  test "negative numbers survive" do
    for number <- -300..300, do: assert(number |> Varint.zigzag() |> Varint.unzigzag() == number)
  end

  test "a length without end is refused" do
    assert Varint.decode(:binary.copy(<<0xFF>>, 11)) == {:error, :too_long}
    assert Frames.split(Varint.encode(1_000_000_000)) == {:error, :too_long}
  end
end
