defmodule Tokenwright do
  @moduledoc """
  Splits text into pieces that programs can count.

  Three levels build on each other: `sentences/1`, `words/1`, and subwords through a
  vocabulary that `Tokenwright.Pairs` learns from examples.
  """

  @abbreviations MapSet.new(~w(Dr. Mr. Mrs. Prof. St. e.g. i.e. etc. vs. No.))

  @type token :: {:word | :number | :mark, String.t()}

  @doc """
  Splits text into words, numbers and marks.

  Apostrophes and hyphens inside a word belong to it.

      iex> Tokenwright.words("It's 9.5 km, isn't it?")
      [word: "It's", number: "9.5", word: "km", mark: ",", word: "isn't", word: "it", mark: "?"]
  """
  @spec words(String.t()) :: [token()]
  def words(text) do
    ~r/(?<number>\d+(?:[.,]\d+)*)|(?<word>\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}+)*)|(?<mark>[^\s])/u
    |> Regex.scan(text, capture: :all_names)
    |> Enum.map(&classify/1)
  end

  @doc """
  Splits text into sentences.

  A full stop ends a sentence unless it belongs to a known abbreviation or an initial.

      iex> Tokenwright.sentences("Dr. Ada called. Was it late? No!")
      ["Dr. Ada called.", "Was it late?", "No!"]
      iex> Tokenwright.sentences("J. S. Bach wrote it.")
      ["J. S. Bach wrote it."]
  """
  @spec sentences(String.t()) :: [String.t()]
  def sentences(text) do
    text
    |> String.split()
    |> Enum.chunk_while([], &collect/2, &rest/1)
    |> Enum.map(fn words -> words |> Enum.reverse() |> Enum.join(" ") end)
  end

  @doc """
  Counts how often each word occurs, without regard to case.

      iex> Tokenwright.frequencies("The cat and the hat")
      %{"and" => 1, "cat" => 1, "hat" => 1, "the" => 2}
  """
  @spec frequencies(String.t()) :: %{optional(String.t()) => pos_integer()}
  def frequencies(text) do
    for {:word, word} <- words(text), reduce: %{} do
      counts -> Map.update(counts, String.downcase(word), 1, &(&1 + 1))
    end
  end

  @doc """
  Returns runs of `size` neighbouring elements.

      iex> Tokenwright.ngrams(~w(a b c d), 3)
      [["a", "b", "c"], ["b", "c", "d"]]
  """
  @spec ngrams([element], pos_integer()) :: [[element]] when element: term()
  def ngrams(elements, size), do: Enum.chunk_every(elements, size, 1, :discard)

  # The names come in alphabetical order: mark, number, word.
  defp classify([mark, "", ""]), do: {:mark, mark}
  defp classify(["", number, ""]), do: {:number, number}
  defp classify(["", "", word]), do: {:word, word}

  defp collect(word, words) do
    if ends_sentence?(word), do: {:cont, [word | words], []}, else: {:cont, [word | words]}
  end

  defp rest([]), do: {:cont, []}
  defp rest(words), do: {:cont, words, []}

  defp ends_sentence?(word) do
    String.ends_with?(word, ["!", "?", ~s(."), "."]) and not abbreviation?(word)
  end

  defp abbreviation?(<<_letter::utf8, ".">>), do: true
  defp abbreviation?(word), do: MapSet.member?(@abbreviations, word)
end
