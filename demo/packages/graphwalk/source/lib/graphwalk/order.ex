defmodule Graphwalk.Order do
  @moduledoc """
  Orders in which every node comes before its successors.
  """

  @doc """
  Sorts topologically, or lists the nodes that a cycle keeps from their place.

      iex> Graphwalk.Order.topological(Graphwalk.new([{:socks, :shoes}, {:trousers, :shoes}]))
      {:ok, [:socks, :trousers, :shoes]}
      iex> Graphwalk.Order.topological(Graphwalk.new([{1, 2}, {2, 3}, {3, 2}]))
      {:cycle, [2, 3]}
  """
  @spec topological(Graphwalk.t()) :: {:ok, [Graphwalk.vertex()]} | {:cycle, [Graphwalk.vertex()]}
  def topological(graph) do
    incoming = count_incoming(graph)
    {free, _blocked} = Enum.split_with(Graphwalk.vertices(graph), &(incoming[&1] == 0))
    release(free, incoming, graph, [])
  end

  defp release([], incoming, _graph, order) do
    case for {vertex, count} <- incoming, count > 0, do: vertex do
      [] -> {:ok, Enum.reverse(order)}
      left -> {:cycle, Enum.sort(left)}
    end
  end

  defp release([vertex | free], incoming, graph, order) do
    successors = for {next, _weight} <- Graphwalk.successors(graph, vertex), do: next

    incoming =
      Enum.reduce(successors, incoming, fn next, counts ->
        Map.update!(counts, next, &(&1 - 1))
      end)

    released = Enum.filter(successors, &(incoming[&1] == 0))
    release(free ++ released, incoming, graph, [vertex | order])
  end

  defp count_incoming(graph) do
    zero = Map.new(Graphwalk.vertices(graph), &{&1, 0})

    for from <- Graphwalk.vertices(graph),
        {to, _weight} <- Graphwalk.successors(graph, from),
        reduce: zero do
      counts -> Map.update!(counts, to, &(&1 + 1))
    end
  end
end
