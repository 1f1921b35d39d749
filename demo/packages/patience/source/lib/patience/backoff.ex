defmodule Patience.Backoff do
  @moduledoc """
  How long to wait before the next attempt.
  """

  @doc """
  Returns the upper bound of the pause after attempt `number`, in milliseconds.

      iex> Enum.map(1..5, &Patience.Backoff.bound(&1, base: 100, limit: 1_000))
      [100, 200, 400, 800, 1000]
  """
  @spec bound(pos_integer(), keyword()) :: pos_integer()
  def bound(number, options \\ []) do
    base = Keyword.get(options, :base, 50)
    limit = Keyword.get(options, :limit, 30_000)
    min(base * Integer.pow(2, min(number - 1, 30)), limit)
  end

  @doc """
  Draws the pause after attempt `number`: anything from nothing to the bound.
  """
  @spec pause(pos_integer(), keyword()) :: non_neg_integer()
  def pause(number, options \\ []), do: :rand.uniform(bound(number, options) + 1) - 1

  @doc """
  Returns an endless stream of bounds, to be taken from and summed.

      iex> [base: 1] |> Patience.Backoff.bounds() |> Enum.take(6) |> Enum.sum()
      63
  """
  @spec bounds(keyword()) :: Enumerable.t()
  def bounds(options \\ []), do: Stream.iterate(1, &(&1 + 1)) |> Stream.map(&bound(&1, options))
end
