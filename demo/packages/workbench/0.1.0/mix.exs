defmodule Workbench.MixProject do
  use Mix.Project

  def project do
    [
      app: :workbench,
      version: "0.1.0",
      elixir: "~> 1.14",
      description: "A small job queue with retries and supervised workers",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/workbench"}]
    ]
  end

  def application do
    [extra_applications: [:logger]]
  end
end
