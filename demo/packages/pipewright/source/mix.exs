defmodule Pipewright.MixProject do
  use Mix.Project

  def project do
    [
      app: :pipewright,
      version: "0.7.0",
      elixir: "~> 1.14",
      description: "Operators and macros for pipelines that may fail",
      package: %{licenses: ["ISC"], links: %{"Source" => "https://example.org/pipewright"}},
      xref: [exclude: []],
      preferred_cli_env: [dialyzer: :dev]
    ]
  end
end
