defmodule Patience.MixProject do
  use Mix.Project

  def project do
    [
      app: :patience,
      version: "0.3.1",
      elixir: "~> 1.14",
      description: "Retries with backoff, deadlines and circuit breakers",
      package: package(Mix.env())
    ]
  end

  def application do
    [mod: {Patience.Application, []}]
  end

  defp package(_environment) do
    [licenses: ["Apache-2.0"], links: %{"Source" => "https://example.org/patience"}]
  end
end
