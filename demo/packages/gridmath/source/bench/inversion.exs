# Run with: mix run bench/inversion.exs
#
# Inverts Hilbert matrices, which floating arithmetic gets wrong from about size 12 on.
alias Gridmath.{Elimination, Matrix, Ratio}

hilbert = fn size ->
  Matrix.new(for row <- 1..size, do: for(column <- 1..size, do: Ratio.new(1, row + column - 1)))
end

for size <- [4, 8, 16, 32] do
  matrix = hilbert.(size)
  {microseconds, {:ok, inverse}} = :timer.tc(fn -> Elimination.invert(matrix) end)
  exact = Matrix.multiply(matrix, inverse) == Matrix.identity(size)
  IO.puts("#{String.pad_leading("#{size}", 3)}  #{div(microseconds, 1000)} ms  exact: #{exact}")
end
