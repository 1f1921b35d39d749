defmodule TokenwrightTest do
  use ExUnit.Case, async: true

  alias Tokenwright.{Index, Pairs}

  doctest Tokenwright
  doctest Tokenwright.Pairs
  doctest Tokenwright.Index

  test "letters of all scripts make words" do
    assert [word: "Größe", word: "naïve", word: "слово"] = Tokenwright.words("Größe naïve слово")
  end

  test "text without an end is still a sentence" do
    assert Tokenwright.sentences("One. And then") == ["One.", "And then"]
    assert Tokenwright.sentences("") == []
  end

  test "encoding and decoding are inverse" do
    pairs = Pairs.learn(Tokenwright.frequencies("she sells sea shells by the sea shore"), 20)

    for word <- ~w(she shells unknown é) do
      assert pairs |> Pairs.encode(word) |> Pairs.decode() == word
    end
  end

  test "a word in no document finds nothing" do
    assert Index.new() |> Index.add(1, "some text") |> Index.search("absent") == []
  end
end
