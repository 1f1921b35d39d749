defmodule Gridmath.Elimination do
  @moduledoc """
  Gauss-Jordan elimination, and what follows from it.
  """

  alias Gridmath.{Matrix, Number, Ratio}

  @doc """
  Solves `a * x = b` for a column `b`, given and answered as a list.

      iex> a = Gridmath.Matrix.new([[2, 1], [1, 3]])
      iex> {:ok, [x, y]} = Gridmath.Elimination.solve(a, [3, 5])
      iex> {x, y}
      {%Gridmath.Ratio{num: 4, den: 5}, %Gridmath.Ratio{num: 7, den: 5}}
  """
  @spec solve(Matrix.t(), [number()]) :: {:ok, [Matrix.element()]} | {:error, :singular}
  def solve(%{rows: size, columns: size} = a, b) when length(b) == size do
    column = Matrix.new(Enum.map(b, &[&1]))

    with {:ok, rows} <- a |> augment(column) |> reduce(size) do
      {:ok, Enum.map(rows, &List.last/1)}
    end
  end

  @doc """
  Inverts a square matrix.
  """
  @spec invert(Matrix.t()) :: {:ok, Matrix.t()} | {:error, :singular}
  def invert(%{rows: size, columns: size} = matrix) do
    with {:ok, rows} <- matrix |> augment(Matrix.identity(size)) |> reduce(size) do
      {:ok, rows |> Enum.map(&Enum.drop(&1, size)) |> Matrix.new()}
    end
  end

  @doc """
  Computes the determinant by expansion along the pivots.

      iex> Gridmath.Elimination.determinant(Gridmath.Matrix.new([[1, 2], [3, 4]]))
      %Gridmath.Ratio{num: -2, den: 1}
  """
  @spec determinant(Matrix.t()) :: Matrix.element()
  def determinant(%{rows: size, columns: size} = matrix) do
    triangle(Matrix.to_rows(matrix), 0, Ratio.new(1))
  end

  defp triangle([], _column, product), do: product

  defp triangle(rows, column, product) do
    case pivot(rows, column) do
      nil ->
        Ratio.new(0)

      {index, row} ->
        value = Enum.at(row, column)
        rest = rows |> List.delete_at(index) |> Enum.map(&clear(&1, row, column))
        signed = if rem(index, 2) == 0, do: value, else: Number.negate(value)
        triangle(rest, column + 1, Number.multiply(product, signed))
    end
  end

  defp augment(left, right) do
    Enum.zip_with(Matrix.to_rows(left), Matrix.to_rows(right), &(&1 ++ &2))
  end

  defp reduce(rows, size) do
    Enum.reduce_while(0..(size - 1), {:ok, rows}, fn column, {:ok, rows} ->
      {done, open} = Enum.split(rows, column)

      case pivot(open, column) do
        nil -> {:halt, {:error, :singular}}
        {index, row} -> {:cont, {:ok, eliminate(done, List.delete_at(open, index), row, column)}}
      end
    end)
  end

  defp eliminate(done, open, row, column) do
    factor = row |> Enum.at(column) |> Number.invert()
    scaled = Enum.map(row, &Number.multiply(&1, factor))

    Enum.map(done, &clear(&1, scaled, column)) ++
      [scaled | Enum.map(open, &clear(&1, scaled, column))]
  end

  # Subtracts the pivot's row so often that the column of this row becomes zero.
  defp clear(row, pivot, column) do
    ratio = Number.multiply(Enum.at(row, column), Number.invert(Enum.at(pivot, column)))
    factor = Number.negate(ratio)
    Enum.zip_with(row, pivot, fn a, b -> Number.add(a, Number.multiply(b, factor)) end)
  end

  defp pivot(rows, column) do
    rows
    |> Enum.with_index(fn row, index -> {index, row} end)
    |> Enum.find(fn {_index, row} -> not Number.zero?(Enum.at(row, column)) end)
  end
end
