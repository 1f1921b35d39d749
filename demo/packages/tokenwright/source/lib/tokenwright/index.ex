defmodule Tokenwright.Index do
  @moduledoc """
  An inverted index: which documents hold which words.

  Ranks by the sum of tf-idf weights, so that rare words count more than common ones.
  """

  defstruct postings: %{}, lengths: %{}

  @type id :: term()
  @type t :: %__MODULE__{
          postings: %{optional(String.t()) => %{optional(id()) => pos_integer()}},
          lengths: %{optional(id()) => pos_integer()}
        }

  @doc "Returns an empty index."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc """
  Adds a document.
  """
  @spec add(t(), id(), String.t()) :: t()
  def add(index, id, text) do
    counts = Tokenwright.frequencies(text)

    postings =
      Enum.reduce(counts, index.postings, fn {word, count}, postings ->
        Map.update(postings, word, %{id => count}, &Map.put(&1, id, count))
      end)

    length = counts |> Map.values() |> Enum.sum() |> max(1)
    %{index | postings: postings, lengths: Map.put(index.lengths, id, length)}
  end

  @doc """
  Returns the documents that hold a word of the query, the best first.

      iex> index = Tokenwright.Index.new()
      iex> index = Tokenwright.Index.add(index, 1, "a red bird sat on a red roof")
      iex> index = Tokenwright.Index.add(index, 2, "a bird sang")
      iex> Tokenwright.Index.search(index, "red bird") |> Enum.map(&elem(&1, 0))
      [1, 2]
  """
  @spec search(t(), String.t()) :: [{id(), score :: float()}]
  def search(index, query) do
    query
    |> Tokenwright.frequencies()
    |> Map.keys()
    |> Enum.flat_map(&weights(index, &1))
    |> Enum.reduce(%{}, fn {id, weight}, sums -> Map.update(sums, id, weight, &(&1 + weight)) end)
    |> Enum.sort_by(fn {id, score} -> {-score, id} end)
  end

  defp weights(index, word) do
    posting = Map.get(index.postings, word, %{})
    rarity = :math.log(1 + map_size(index.lengths) / max(map_size(posting), 1))
    for {id, count} <- posting, do: {id, count / index.lengths[id] * rarity}
  end
end
