defmodule Graphwalk.Components do
  @moduledoc """
  Groups of nodes that hang together.
  """

  @doc """
  Returns the strongly connected components, by Kosaraju's two passes.

      iex> graph = Graphwalk.new([{1, 2}, {2, 3}, {3, 1}, {3, 4}])
      iex> graph |> Graphwalk.Components.strong() |> Enum.sort()
      [[1, 2, 3], [4]]
  """
  @spec strong(Graphwalk.t()) :: [[Graphwalk.vertex()]]
  def strong(graph) do
    {_seen, finished} =
      Enum.reduce(Graphwalk.vertices(graph), {MapSet.new(), []}, &depth_first(&1, &2, graph))

    {_seen, components} =
      Enum.reduce(finished, {MapSet.new(), []}, &collect(&1, &2, Graphwalk.reverse(graph)))

    components
  end

  defp collect(vertex, {seen, components}, graph) do
    case depth_first(vertex, {seen, []}, graph) do
      {seen, []} -> {seen, components}
      {seen, component} -> {seen, [Enum.sort(component) | components]}
    end
  end

  # The list holds nodes in the order of their finishing, the last one first.
  defp depth_first(vertex, {seen, finished}, graph) do
    if vertex in seen do
      {seen, finished}
    else
      {seen, finished} =
        graph
        |> Graphwalk.successors(vertex)
        |> Enum.reduce({MapSet.put(seen, vertex), finished}, fn {next, _weight}, state ->
          depth_first(next, state, graph)
        end)

      {seen, [vertex | finished]}
    end
  end
end
