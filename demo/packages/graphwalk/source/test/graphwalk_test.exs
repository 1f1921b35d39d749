defmodule GraphwalkTest do
  use ExUnit.Case, async: true

  doctest Graphwalk
  doctest Graphwalk.Path
  doctest Graphwalk.Order
  doctest Graphwalk.Components

  test "all shortest paths agree on random graphs" do
    :rand.seed(:exsss, {1, 2, 3})

    for _ <- 1..30 do
      edges = for _ <- 1..25, do: {:rand.uniform(10), :rand.uniform(10), :rand.uniform(9)}
      graph = Graphwalk.new([{1, 1, 0} | edges])
      {:ok, distances} = Graphwalk.Path.bellman_ford(graph, 1)

      for to <- Graphwalk.vertices(graph) do
        case Graphwalk.Path.lightest(graph, 1, to) do
          {:ok, distance, _path} -> assert distances[to] == distance
          :error -> refute is_map_key(distances, to)
        end
      end
    end
  end

  test "a graph without edges is in order" do
    assert Graphwalk.new() |> Graphwalk.add(:only) |> Graphwalk.Order.topological() ==
             {:ok, [:only]}
  end
end
