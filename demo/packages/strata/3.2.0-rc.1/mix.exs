defmodule Strata.MixProject do
  use Mix.Project

  def project do
    [
      app: :strata,
      version: "3.2.0-rc.1",
      elixir: "~> 1.14",
      consolidate_protocols: Mix.env() != :test,
      description: "Schemas, changesets, queries and migrations over any store",
      package: package(),
      dialyzer: [flags: [:unmatched_returns, :error_handling]]
    ]
  end

  def application, do: [extra_applications: []]

  defp package do
    [
      licenses: ["Apache-2.0"],
      links: %{"Source" => "https://example.org/strata"},
      files: ["lib", "priv", "mix.exs", "LICENSE", "README.md"]
    ]
  end
end
