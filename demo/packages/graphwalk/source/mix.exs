defmodule Graphwalk.MixProject do
  use Mix.Project

  @project [
    app: :graphwalk,
    version: "0.6.2",
    elixir: "~> 1.14",
    description: "Directed graphs: paths, orders, components and flows",
    package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/graphwalk"}]
  ]

  def project, do: @project
end
