defmodule Graphwalk.Path do
  @moduledoc """
  Shortest paths.
  """

  @doc """
  Finds a path with as few edges as possible, by breadth-first search.

      iex> graph = Graphwalk.new([{1, 2}, {2, 3}, {3, 4}, {1, 4}])
      iex> Graphwalk.Path.fewest_edges(graph, 1, 4)
      {:ok, [1, 4]}
      iex> Graphwalk.Path.fewest_edges(graph, 4, 1)
      :error
  """
  @spec fewest_edges(Graphwalk.t(), Graphwalk.vertex(), Graphwalk.vertex()) ::
          {:ok, [Graphwalk.vertex()]} | :error
  def fewest_edges(graph, from, to),
    do: breadth(:queue.from_list([from]), %{from => nil}, graph, to)

  defp breadth(queue, parents, graph, to) do
    case :queue.out(queue) do
      {:empty, _queue} ->
        :error

      {{:value, ^to}, _queue} ->
        {:ok, trace(parents, to, [])}

      {{:value, vertex}, queue} ->
        graph |> fresh(vertex, parents) |> visit(queue, parents, vertex, graph, to)
    end
  end

  defp fresh(graph, vertex, parents) do
    for {next, _weight} <- Graphwalk.successors(graph, vertex),
        not is_map_key(parents, next),
        do: next
  end

  defp visit(found, queue, parents, vertex, graph, to) do
    queue = Enum.reduce(found, queue, &:queue.in/2)
    breadth(queue, Map.merge(parents, Map.new(found, &{&1, vertex})), graph, to)
  end

  @doc """
  Finds the path with the smallest sum of weights, by Dijkstra's algorithm.

  Weights must not be negative; for those see `bellman_ford/2`.

      iex> graph = Graphwalk.new([{:a, :b, 3}, {:b, :c, 4}, {:a, :c, 9}])
      iex> Graphwalk.Path.lightest(graph, :a, :c)
      {:ok, 7, [:a, :b, :c]}
  """
  @spec lightest(Graphwalk.t(), Graphwalk.vertex(), Graphwalk.vertex()) ::
          {:ok, number(), [Graphwalk.vertex()]} | :error
  def lightest(graph, from, to), do: dijkstra(:gb_sets.singleton({0, from, nil}), %{}, graph, to)

  defp dijkstra(frontier, parents, graph, to) do
    if :gb_sets.is_empty(frontier) do
      :error
    else
      {{distance, vertex, parent}, frontier} = :gb_sets.take_smallest(frontier)
      settle(vertex, distance, parent, frontier, parents, graph, to)
    end
  end

  defp settle(vertex, _distance, _parent, frontier, parents, graph, to)
       when is_map_key(parents, vertex),
       do: dijkstra(frontier, parents, graph, to)

  defp settle(to, distance, parent, _frontier, parents, _graph, to) do
    {:ok, distance, trace(Map.put(parents, to, parent), to, [])}
  end

  defp settle(vertex, distance, parent, frontier, parents, graph, to) do
    graph
    |> Graphwalk.successors(vertex)
    |> Enum.reduce(frontier, fn {next, weight}, frontier ->
      :gb_sets.add_element({distance + weight, next, vertex}, frontier)
    end)
    |> dijkstra(Map.put(parents, vertex, parent), graph, to)
  end

  @doc """
  Returns the distances from a node to all that can be reached; weights may be negative.

      iex> graph = Graphwalk.new([{:a, :b, 4}, {:a, :c, 5}, {:c, :b, -3}])
      iex> Graphwalk.Path.bellman_ford(graph, :a)
      {:ok, %{a: 0, b: 2, c: 5}}
      iex> Graphwalk.Path.bellman_ford(Graphwalk.new([{1, 2, -1}, {2, 1, -1}]), 1)
      {:error, :negative_cycle}
  """
  @spec bellman_ford(Graphwalk.t(), Graphwalk.vertex()) ::
          {:ok, %{optional(Graphwalk.vertex()) => number()}} | {:error, :negative_cycle}
  def bellman_ford(graph, from) do
    relax(%{from => 0}, graph, length(Graphwalk.vertices(graph)))
  end

  defp relax(_distances, _graph, 0), do: {:error, :negative_cycle}

  defp relax(distances, graph, rounds) do
    relaxed =
      for {from, distance} <- distances,
          {to, weight} <- Graphwalk.successors(graph, from),
          reduce: distances do
        better -> Map.update(better, to, distance + weight, &min(&1, distance + weight))
      end

    if relaxed == distances, do: {:ok, distances}, else: relax(relaxed, graph, rounds - 1)
  end

  defp trace(_parents, nil, path), do: path
  defp trace(parents, vertex, path), do: trace(parents, parents[vertex], [vertex | path])
end
