defmodule Gridmath.Matrix do
  @moduledoc """
  Dense matrices as tuples of row tuples.

  Elements are all floats or all `Gridmath.Ratio`; integers become ratios, so that the
  inverse of an integer matrix is exact.
  """

  alias Gridmath.{Number, Ratio}

  @enforce_keys [:rows, :columns, :data]
  defstruct [:rows, :columns, :data]

  @type element :: float() | Ratio.t()
  @type t :: %__MODULE__{rows: pos_integer(), columns: pos_integer(), data: tuple()}

  @doc """
  Builds a matrix from a list of rows.

      iex> Gridmath.Matrix.new([[1, 2], [3]])
      ** (ArgumentError) rows of different lengths: 2, 1
  """
  @spec new([[number() | Ratio.t()]]) :: t()
  def new([first | _] = rows) do
    lengths = rows |> Enum.map(&length/1) |> Enum.uniq()

    if length(lengths) > 1 do
      raise ArgumentError, "rows of different lengths: #{Enum.join(lengths, ", ")}"
    end

    data = for row <- rows, do: row |> Enum.map(&element/1) |> List.to_tuple()
    %__MODULE__{rows: length(rows), columns: length(first), data: List.to_tuple(data)}
  end

  @doc """
  Returns the identity of a size.
  """
  @spec identity(pos_integer()) :: t()
  def identity(size) do
    new(for row <- 1..size, do: for(column <- 1..size, do: if(row == column, do: 1, else: 0)))
  end

  @doc """
  Returns the element at a row and a column, both counted from 0.
  """
  @spec at(t(), non_neg_integer(), non_neg_integer()) :: element()
  def at(%__MODULE__{data: data}, row, column), do: data |> elem(row) |> elem(column)

  @doc """
  Returns the rows as lists.
  """
  @spec to_rows(t()) :: [[element()]]
  def to_rows(%__MODULE__{data: data}), do: data |> Tuple.to_list() |> Enum.map(&Tuple.to_list/1)

  @doc """
  Exchanges rows and columns.

      iex> m = Gridmath.Matrix.new([[1, 2, 3], [4, 5, 6]])
      iex> Gridmath.Matrix.transpose(m) == Gridmath.Matrix.new([[1, 4], [2, 5], [3, 6]])
      true
  """
  @spec transpose(t()) :: t()
  def transpose(matrix), do: matrix |> to_rows() |> Enum.zip_with(& &1) |> new()

  @doc """
  Adds two matrices of the same shape.
  """
  @spec add(t(), t()) :: t()
  def add(%{rows: rows, columns: columns} = a, %{rows: rows, columns: columns} = b) do
    [to_rows(a), to_rows(b)]
    |> Enum.zip_with(fn [left, right] -> Enum.zip_with(left, right, &Number.add/2) end)
    |> new()
  end

  @doc """
  Multiplies two matrices; the columns of the first must be as many as the rows of the second.

      iex> a = Gridmath.Matrix.new([[1, 2], [3, 4]])
      iex> Gridmath.Matrix.multiply(a, Gridmath.Matrix.identity(2)) == a
      true
  """
  @spec multiply(t(), t()) :: t()
  def multiply(%{columns: inner} = a, %{rows: inner} = b) do
    columns = b |> transpose() |> to_rows()
    new(for row <- to_rows(a), do: for(column <- columns, do: dot(row, column)))
  end

  @doc """
  Raises a square matrix to a power by repeated squaring.

      iex> fibonacci = Gridmath.Matrix.new([[1, 1], [1, 0]])
      iex> fibonacci |> Gridmath.Matrix.power(30) |> Gridmath.Matrix.at(0, 1)
      %Gridmath.Ratio{num: 832_040, den: 1}
  """
  @spec power(t(), non_neg_integer()) :: t()
  def power(%{rows: size, columns: size}, 0), do: identity(size)
  def power(%{rows: size, columns: size} = matrix, 1), do: matrix

  def power(matrix, exponent) when rem(exponent, 2) == 0 do
    half = power(matrix, div(exponent, 2))
    multiply(half, half)
  end

  def power(matrix, exponent), do: multiply(matrix, power(matrix, exponent - 1))

  @doc """
  Returns the sum of the elements on the diagonal.
  """
  @spec trace(t()) :: element()
  def trace(%{rows: size, columns: size} = matrix) do
    0..(size - 1) |> Enum.map(&at(matrix, &1, &1)) |> Enum.reduce(&Number.add/2)
  end

  defp dot(row, column) do
    row |> Enum.zip_with(column, &Number.multiply/2) |> Enum.reduce(&Number.add/2)
  end

  defp element(integer) when is_integer(integer), do: Ratio.new(integer)
  defp element(other), do: other
end
