defmodule Turnstile.Diagram do
  @moduledoc """
  Draws declarations in the language of Graphviz and of Mermaid.
  """

  @doc """
  Writes a declaration for `dot`.
  """
  @spec dot(module()) :: String.t()
  def dot(module) do
    edges =
      for {from, event, to} <- module.transitions(),
          do: ~s(  #{from} -> #{to} [label="#{event}"];\n)

    "digraph {\n  start [shape=point];\n  start -> #{module.initial()};\n#{edges}}\n"
  end

  @doc """
  Writes a declaration for Mermaid; final states lead to its end mark.
  """
  @spec mermaid(module()) :: String.t()
  def mermaid(module) do
    sources = for {from, _event, _to} <- module.transitions(), uniq: true, do: from
    edges = for {from, event, to} <- module.transitions(), do: "  #{from} --> #{to}: #{event}\n"
    ends = for state <- module.states(), state not in sources, do: "  #{state} --> [*]\n"
    "stateDiagram-v2\n  [*] --> #{module.initial()}\n#{edges}#{ends}"
  end
end
