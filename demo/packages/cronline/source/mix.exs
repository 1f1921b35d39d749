defmodule Cronline.MixProject do
  use Mix.Project

  def project do
    [
      app: :cronline,
      version: "1.0.1",
      elixir: "~> 1.14",
      deps: [patience: "~> 0.3"],
      description:
        "Cron expressions: reading, matching, and a scheduler that sleeps until it matters",
      package: [licenses: ["Apache-2.0"], links: %{"Source" => "https://example.org/cronline"}]
    ]
  end

  def application, do: [extra_applications: [:logger]]
end
