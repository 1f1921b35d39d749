defmodule RoughEdges.MixProject do
  use Mix.Project

  def project do
    [
      app: :rough_edges,
      version: "0.1.0",
      description: "Odd bytes, broken syntax, and other people's code",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/rough_edges"}]
    ]
  end
end
