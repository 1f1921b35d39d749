defmodule WirecodeTest do
  use ExUnit.Case, async: true

  doctest Wirecode
  doctest Wirecode.Reader

  defmodule Point do
    @derive {Wirecode, only: [:x, :y]}
    defstruct [:x, :y, :cached]
  end

  defp encoded(term), do: term |> Wirecode.encode() |> IO.iodata_to_binary()

  test "what is written can be read" do
    for term <- [0, -17, 1.5, "", "später", [], [nil, true, false], %{"a" => [%{}]}] do
      assert Wirecode.Reader.decode(encoded(term)) == {:ok, term, ""}
    end
  end

  test "equal maps are written equally" do
    assert encoded(%{b: 1, a: 2}) == "m2:1:ai2;1:bi1;"
  end

  test "a derived struct writes the chosen fields" do
    assert encoded(%Point{x: 1, y: 2, cached: 3}) == "m2:1:xi1;1:yi2;"
  end

  test "dates are written as ISO 8601" do
    assert encoded(~D[2024-05-01]) == "10:2024-05-01"
  end

  test "what cannot be written says how to change that" do
    assert_raise Protocol.UndefinedError, ~r/@derive/, fn -> encoded(self()) end
  end

  test "hostile nesting is refused" do
    assert Wirecode.Reader.decode(String.duplicate("l1:", 1000)) == {:error, :nested_too_deeply}
  end

  test "sizes agree with what is written" do
    for term <- ["", "abc", 0, -120, ["a", [1, 2, 3]]] do
      assert Wirecode.Size.bytes(term) == byte_size(encoded(term))
    end
  end
end
