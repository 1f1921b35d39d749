defmodule Tokenwright.Pairs do
  @moduledoc """
  Byte-pair encoding: learns which neighbouring pieces to join, most frequent first.

  Learning is exact and simple rather than quick; it recounts pairs after each merge and
  is meant for vocabularies of a few thousand pieces.
  """

  @enforce_keys [:merges]
  defstruct [:merges]

  @type piece :: String.t()
  @type t :: %__MODULE__{merges: [{piece(), piece()}]}

  @end_of_word "·"

  @doc """
  Learns up to `count` merges from word frequencies.

  Ties go to the alphabetically smaller pair, so that equal input gives equal merges.

      iex> Tokenwright.Pairs.learn(%{"low" => 5, "lower" => 2}, 2).merges
      [{"l", "o"}, {"lo", "w"}]
  """
  @spec learn(%{optional(String.t()) => pos_integer()}, non_neg_integer()) :: t()
  def learn(frequencies, count) do
    words = for {word, frequency} <- frequencies, do: {split(word), frequency}
    %__MODULE__{merges: learn(words, count, [])}
  end

  defp learn(_words, 0, merges), do: Enum.reverse(merges)

  defp learn(words, count, merges) do
    case most_frequent(words) do
      nil ->
        Enum.reverse(merges)

      pair ->
        joined = for {pieces, frequency} <- words, do: {join(pieces, pair), frequency}
        learn(joined, count - 1, [pair | merges])
    end
  end

  @doc """
  Splits a word into learned pieces.

      iex> pairs = Tokenwright.Pairs.learn(%{"low" => 5, "lower" => 2}, 2)
      iex> Tokenwright.Pairs.encode(pairs, "slow")
      ["s", "low", "·"]
  """
  @spec encode(t(), String.t()) :: [piece()]
  def encode(%__MODULE__{merges: merges}, word) do
    Enum.reduce(merges, split(word), fn pair, pieces -> join(pieces, pair) end)
  end

  @doc """
  Puts pieces together again.

      iex> Tokenwright.Pairs.decode(["s", "low", "·", "down", "·"])
      "slow down"
  """
  @spec decode([piece()]) :: String.t()
  def decode(pieces) do
    pieces |> Enum.join() |> String.replace(@end_of_word, " ") |> String.trim_trailing()
  end

  defp split(word), do: String.graphemes(word) ++ [@end_of_word]

  defp most_frequent(words) do
    counts =
      for {pieces, frequency} <- words, [a, b] <- Tokenwright.ngrams(pieces, 2), reduce: %{} do
        counts -> Map.update(counts, {a, b}, frequency, &(&1 + frequency))
      end

    case Enum.filter(counts, fn {_pair, count} -> count > 1 end) do
      [] -> nil
      frequent -> frequent |> Enum.min_by(fn {pair, count} -> {-count, pair} end) |> elem(0)
    end
  end

  defp join([a, b | rest], {a, b} = pair), do: [a <> b | join(rest, pair)]
  defp join([piece | rest], pair), do: [piece | join(rest, pair)]
  defp join([], _pair), do: []
end
