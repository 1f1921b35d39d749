defmodule Geocell.Mixfile do
  use Mix.Project

  def project do
    [
      app: :geocell,
      version: "0.9.0",
      elixir: "~> 1.4",
      build_embedded: Mix.env() == :prod,
      description: "Geohashes, neighbours and distances on the globe",
      package: [
        maintainers: ["The Elixir Corpus demo authors"],
        licenses: ["Apache 2"],
        links: %{"Source" => "https://example.org/geocell"}
      ]
    ]
  end
end
