defmodule GridmathTest do
  use ExUnit.Case, async: true

  alias Gridmath.{Elimination, Matrix, Ratio}

  doctest Gridmath.Ratio
  doctest Gridmath.Matrix
  doctest Gridmath.Elimination

  test "an inverse of whole numbers is exact" do
    matrix = Matrix.new([[2, 0, 1], [1, 3, 2], [1, 1, 4]])
    {:ok, inverse} = Elimination.invert(matrix)
    assert Matrix.multiply(matrix, inverse) == Matrix.identity(3)
  end

  test "rows are exchanged where a pivot is zero" do
    assert {:ok, [a, b]} = Elimination.solve(Matrix.new([[0, 1], [1, 0]]), [7, 9])
    assert {a, b} == {Ratio.new(9), Ratio.new(7)}
  end

  test "a singular matrix has no inverse and no volume" do
    matrix = Matrix.new([[1, 2], [2, 4]])
    assert Elimination.invert(matrix) == {:error, :singular}
    assert Elimination.determinant(matrix) == Ratio.new(0)
  end

  test "the sign of the determinant follows each exchange" do
    assert Elimination.determinant(Matrix.new([[0, 0, 1], [1, 0, 0], [0, 1, 0]])) == Ratio.new(1)
    assert Elimination.determinant(Matrix.new([[0, 1], [1, 0]])) == Ratio.new(-1)
  end

  test "a fraction is shown as one" do
    assert inspect(Ratio.new(2, 6)) == "#Ratio<1/3>"
  end
end
