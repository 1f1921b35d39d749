defmodule Herald.MixProject do
  use Mix.Project

  def project do
    [
      app: :herald,
      version: "2.0.0",
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env()),
      package: [
        licenses: ["Apache-2.0"],
        links: %{"Source" => "https://example.org/herald"}
      ],
      aliases: ["test.all": ["format --check-formatted", "test --warnings-as-errors"]]
    ]
  end

  def application, do: [mod: {Herald.Application, []}]

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_environment), do: ["lib"]
end
