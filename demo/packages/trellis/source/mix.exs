defmodule Trellis.MixProject do
  use Mix.Project

  def project do
    [
      app: :trellis,
      version: "0.9.3",
      elixir: "~> 1.14",
      compilers: Mix.compilers(),
      deps: [{:herald, "~> 2.0", optional: true}],
      description: "Routes, plugs, controllers and templates in a few hundred lines",
      package: [
        maintainers: ["The Elixir Corpus demo authors"],
        licenses: ["MIT"],
        links: %{
          "Source" => "https://example.org/trellis",
          "Guides" => "https://example.org/trellis/guides"
        },
        files: ~w(lib priv example mix.exs README.md LICENSE)
      ]
    ]
  end

  def application, do: [extra_applications: [:eex, :logger]]
end
