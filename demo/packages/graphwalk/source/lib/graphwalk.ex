defmodule Graphwalk do
  @moduledoc """
  Directed graphs with weighted edges.

      iex> graph = Graphwalk.new([{:a, :b, 3}, {:b, :c, 4}, {:a, :c, 9}])
      iex> Graphwalk.successors(graph, :a)
      [b: 3, c: 9]

  Nodes are any terms. Algorithms live in modules of their own: `Graphwalk.Path`,
  `Graphwalk.Order`, `Graphwalk.Components`.
  """

  defstruct edges: %{}

  @type vertex :: term()
  @type weight :: number()
  @type t :: %__MODULE__{edges: %{optional(vertex()) => %{optional(vertex()) => weight()}}}

  @doc """
  Builds a graph from edges `{from, to}` or `{from, to, weight}`; the weight is 1 otherwise.
  """
  @spec new([{vertex(), vertex()} | {vertex(), vertex(), weight()}]) :: t()
  def new(edges \\ []) do
    Enum.reduce(edges, %__MODULE__{}, fn
      {from, to}, graph -> connect(graph, from, to)
      {from, to, weight}, graph -> connect(graph, from, to, weight)
    end)
  end

  @doc """
  Adds a node without edges; one that is there already stays as it is.
  """
  @spec add(t(), vertex()) :: t()
  def add(%__MODULE__{edges: edges}, vertex),
    do: %__MODULE__{edges: Map.put_new(edges, vertex, %{})}

  @doc """
  Adds an edge, with its nodes where they are missing.
  """
  @spec connect(t(), vertex(), vertex(), weight()) :: t()
  def connect(graph, from, to, weight \\ 1) do
    graph = graph |> add(from) |> add(to)
    put_in(graph.edges[from][to], weight)
  end

  @doc "Lists the nodes, sorted."
  @spec vertices(t()) :: [vertex()]
  def vertices(%__MODULE__{edges: edges}), do: edges |> Map.keys() |> Enum.sort()

  @doc """
  Lists where edges from a node lead, with their weights.
  """
  @spec successors(t(), vertex()) :: [{vertex(), weight()}]
  def successors(%__MODULE__{edges: edges}, vertex) do
    edges |> Map.get(vertex, %{}) |> Enum.sort()
  end

  @doc """
  Turns all edges round.

      iex> [{1, 2}] |> Graphwalk.new() |> Graphwalk.reverse() |> Graphwalk.successors(2)
      [{1, 1}]
  """
  @spec reverse(t()) :: t()
  def reverse(graph) do
    for from <- vertices(graph),
        {to, weight} <- successors(graph, from),
        reduce: isolated(graph) do
      reversed -> connect(reversed, to, from, weight)
    end
  end

  defp isolated(graph), do: Enum.reduce(vertices(graph), new(), &add(&2, &1))
end
