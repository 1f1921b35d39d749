defmodule Gridmath.Ratio do
  @moduledoc """
  Exact fractions, always in lowest terms and with a positive denominator.
  """

  @enforce_keys [:num, :den]
  defstruct [:num, :den]

  @type t :: %__MODULE__{num: integer(), den: pos_integer()}

  @doc """
  Builds a fraction.

      iex> Gridmath.Ratio.new(6, -4)
      %Gridmath.Ratio{num: -3, den: 2}
      iex> Gridmath.Ratio.new(1, 0)
      ** (ArithmeticError) bad argument in arithmetic expression
  """
  @spec new(integer(), integer()) :: t()
  def new(num, den \\ 1)
  def new(_num, 0), do: raise(ArithmeticError)
  def new(num, den) when den < 0, do: new(-num, -den)

  def new(num, den) do
    divisor = Integer.gcd(num, den)
    %__MODULE__{num: div(num, divisor), den: div(den, divisor)}
  end
end

defprotocol Gridmath.Number do
  @moduledoc """
  Arithmetic on elements of a matrix; the right-hand side is always of the same type.
  """

  @doc "Adds."
  def add(a, b)

  @doc "Multiplies."
  def multiply(a, b)

  @doc "Returns the number with the opposite sign."
  def negate(a)

  @doc "Returns one over the number; raises ArithmeticError for zero."
  def invert(a)

  @doc "Tells whether the number is zero."
  def zero?(a)
end

defimpl Gridmath.Number, for: Gridmath.Ratio do
  alias Gridmath.Ratio

  def add(a, b), do: Ratio.new(a.num * b.den + b.num * a.den, a.den * b.den)
  def multiply(a, b), do: Ratio.new(a.num * b.num, a.den * b.den)
  def negate(a), do: %{a | num: -a.num}
  def invert(a), do: Ratio.new(a.den, a.num)
  def zero?(a), do: a.num == 0
end

defimpl Gridmath.Number, for: Float do
  @smallest 1.0e-12

  def add(a, b), do: a + b
  def multiply(a, b), do: a * b
  def negate(a), do: -a
  def invert(a), do: 1 / a
  def zero?(a), do: abs(a) < @smallest
end

defimpl Inspect, for: Gridmath.Ratio do
  def inspect(%{num: num, den: 1}, _options), do: "#Ratio<#{num}>"
  def inspect(%{num: num, den: den}, _options), do: "#Ratio<#{num}/#{den}>"
end
