defmodule RoughEdges.Broken do
  def unfinished(a, b ->
    case a do
      {:ok, value -> value end
      [1, 2, | 3
    %{a: 1, b: => 2
  end)))

  defp ]wrong[ do
    fn x, y <- -> end end
  @spec spec(:: :: ::
  if true do else else do
    "an open string
