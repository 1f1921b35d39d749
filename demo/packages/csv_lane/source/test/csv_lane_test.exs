defmodule CsvLaneTest do
  use ExUnit.Case, async: true

  doctest CsvLane
  doctest CsvLane.Dialect

  test "chunks may be cut anywhere" do
    text = "name,quote\r\nAda,\"first, \"\"best\"\"\"\r\nZoë,\r\n"
    expected = [["name", "quote"], ["Ada", ~s(first, "best")], ["Zoë", ""]]
    bytes = for <<byte <- text>>, do: <<byte>>
    assert bytes |> CsvLane.decode() |> Enum.to_list() == expected
    assert CsvLane.parse(text) == expected
  end

  test "the last line needs no end" do
    assert CsvLane.parse("a,b\n1,2") == [["a", "b"], ["1", "2"]]
    assert CsvLane.parse("a,") == [["a", ""]]
  end

  test "a mark of byte order is no part of the first name" do
    assert CsvLane.parse("\uFEFFid\n7", headers: true) == [%{"id" => "7"}]
  end

  test "mistakes are found with their line" do
    assert_raise CsvLane.SyntaxError, "line 3: a quoted field is not closed", fn ->
      CsvLane.parse("a\n\"b\nc")
    end

    assert_raise CsvLane.SyntaxError, ~s(line 1: "x" after a closing quote), fn ->
      CsvLane.parse(~s("a"x))
    end
  end

  test "names that occur twice are refused" do
    assert_raise CsvLane.SyntaxError, ~r/two columns named "a"/, fn ->
      CsvLane.parse("a,b,a\n", headers: true)
    end
  end

  test "what is written can be read" do
    rows = [["plain", "with \"quotes\"", "two\nlines", "a,b", ""]]
    assert rows |> CsvLane.encode() |> CsvLane.decode() |> Enum.to_list() == rows
  end
end
