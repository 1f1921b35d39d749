defmodule Measured do
  @moduledoc """
  Quantities: a number and a unit.

      iex> import Measured.Si
      iex> speed = Measured.divide(kilometre(90), hour(1))
      iex> Measured.amount(speed)
      25.0

  Adding metres to seconds raises `Measured.DimensionError`, as it should.
  """

  alias Measured.{Dimension, DimensionError, Unit}

  @enforce_keys [:amount, :unit]
  defstruct [:amount, :unit]

  @type t :: %__MODULE__{amount: number(), unit: Unit.t()}

  @doc "Builds a quantity."
  @spec new(number(), Unit.t()) :: t()
  def new(amount, %Unit{} = unit) when is_number(amount) do
    %__MODULE__{amount: amount, unit: unit}
  end

  @doc """
  Returns the number of coherent SI units.
  """
  @spec amount(t()) :: number()
  def amount(%__MODULE__{amount: amount, unit: unit}), do: amount * unit.factor

  @doc """
  Expresses a quantity in another unit of the same dimension.

      iex> Measured.to(Measured.Si.hour(1.5), Measured.Si.minute()).amount
      90.0
  """
  @spec to(t(), Unit.t()) :: t()
  def to(quantity, unit) do
    check!(quantity.unit, unit)
    new(amount(quantity) / unit.factor, unit)
  end

  @doc """
  Adds two quantities of the same dimension; the result has the unit of the first.
  """
  @spec add(t(), t()) :: t()
  def add(a, b), do: new(a.amount + to(b, a.unit).amount, a.unit)

  @doc """
  Multiplies two quantities, or a quantity by a number.

      iex> import Measured.Si
      iex> to_string(Measured.multiply(newton(3), metre(2)))
      "6 N·m"
  """
  @spec multiply(t(), t() | number()) :: t()
  def multiply(a, factor) when is_number(factor), do: %{a | amount: a.amount * factor}
  def multiply(a, b), do: new(a.amount * b.amount, combine(a.unit, b.unit, 1))

  @doc """
  Divides one quantity by another.
  """
  @spec divide(t(), t()) :: t()
  def divide(a, b), do: new(a.amount / b.amount, combine(a.unit, b.unit, -1))

  @doc """
  Compares two quantities of the same dimension, for `Enum.sort/2` and its like.

      iex> import Measured.Si
      iex> [hour(1), second(90), minute(2)] |> Enum.sort(Measured) |> Enum.map(&to_string/1)
      ["90 s", "2 min", "1 h"]
  """
  @spec compare(t(), t()) :: :lt | :eq | :gt
  def compare(a, b) do
    check!(a.unit, b.unit)

    # Compared with == and not by matching, because 6 and 6.0 are the same length.
    case {amount(a), amount(b)} do
      {x, y} when x == y -> :eq
      {x, y} when x < y -> :lt
      _greater -> :gt
    end
  end

  defp combine(a, b, sign) do
    %Unit{
      symbol: a.symbol <> if(sign == 1, do: "·", else: "/") <> b.symbol,
      factor: if(sign == 1, do: a.factor * b.factor, else: a.factor / b.factor),
      dimension: Dimension.multiply(a.dimension, Dimension.power(b.dimension, sign))
    }
  end

  defp check!(%Unit{dimension: same}, %Unit{dimension: same}), do: :ok
  defp check!(a, b), do: raise(DimensionError, left: a, right: b)
end

defmodule Measured.DimensionError do
  @moduledoc """
  Raised when quantities of different dimensions meet.
  """

  defexception [:left, :right]

  @impl true
  def message(%{left: left, right: right}) do
    "#{left.symbol} and #{right.symbol} measure different things"
  end
end

defimpl String.Chars, for: Measured do
  def to_string(quantity), do: "#{quantity.amount} #{quantity.unit.symbol}"
end
