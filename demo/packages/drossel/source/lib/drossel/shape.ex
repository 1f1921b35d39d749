defmodule Drossel.Bucket.Shape do
  @moduledoc """
  What all buckets of one limit have in common.
  """

  @enforce_keys [:capacity]
  defstruct [:capacity, refill: 1, every: 1_000]

  @type t :: %__MODULE__{
          capacity: pos_integer(),
          refill: pos_integer(),
          every: pos_integer()
        }

  @doc """
  Builds a shape from options, refusing numbers that make no bucket.

      iex> Drossel.Bucket.Shape.new(capacity: 5)
      %Drossel.Bucket.Shape{capacity: 5, refill: 1, every: 1000}

      iex> Drossel.Bucket.Shape.new(capacity: 0)
      ** (ArgumentError) :capacity must be a positive integer, got: 0
  """
  @spec new(keyword()) :: t()
  def new(options) do
    shape = struct!(__MODULE__, options)

    for key <- [:capacity, :refill, :every] do
      check!(key, Map.fetch!(shape, key))
    end

    shape
  end

  defp check!(_key, value) when is_integer(value) and value > 0, do: :ok

  defp check!(key, value) do
    raise ArgumentError, "#{inspect(key)} must be a positive integer, got: #{inspect(value)}"
  end
end
