defmodule Measured.Dimension do
  @moduledoc """
  The powers of the base dimensions that a quantity has: a speed is length to the power of
  one and time to the power of minus one.
  """

  @bases [:length, :mass, :time, :current, :temperature]

  @type base :: :length | :mass | :time | :current | :temperature
  @type t :: %{optional(base()) => integer()}

  @doc """
  Builds a dimension, leaving out powers of zero.

      iex> Measured.Dimension.new(length: 1, time: -1, mass: 0)
      %{length: 1, time: -1}
  """
  @spec new(keyword(integer())) :: t()
  def new(powers \\ []) do
    for {base, power} <- powers, power != 0, into: %{} do
      if base not in @bases, do: raise(ArgumentError, "no such dimension: #{inspect(base)}")
      {base, power}
    end
  end

  @doc """
  Adds the powers, as multiplication of quantities does.

      iex> Measured.Dimension.multiply(%{length: 1}, %{length: -1, time: 2})
      %{time: 2}
  """
  @spec multiply(t(), t()) :: t()
  def multiply(a, b) do
    a |> Map.merge(b, fn _base, x, y -> x + y end) |> Enum.to_list() |> new()
  end

  @doc """
  Multiplies all powers by a number.

      iex> Measured.Dimension.power(%{length: 1, time: -1}, 2)
      %{length: 2, time: -2}
  """
  @spec power(t(), integer()) :: t()
  def power(dimension, exponent),
    do: new(for {base, power} <- dimension, do: {base, power * exponent})
end
