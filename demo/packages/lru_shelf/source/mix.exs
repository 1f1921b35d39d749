defmodule LruShelf.MixProject do
  use Mix.Project

  def project do
    [
      app: :lru_shelf,
      version: "0.4.1",
      elixir: "~> 1.14",
      deps: [],
      package: package(),
      test_coverage: [summary: [threshold: 90]]
    ]
  end

  defp package do
    [
      description: "A bounded cache that forgets what was used least recently",
      licenses: ["MIT"],
      links: %{"Source" => "https://example.org/lru_shelf"},
      files: ~w(lib mix.exs README.md LICENSE)
    ]
  end
end
