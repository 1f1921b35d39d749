defmodule Workbench.MixProject do
  use Mix.Project

  def project do
    [
      app: :workbench,
      version: "0.2.0",
      elixir: "~> 1.14",
      deps: deps(),
      description: "A small job queue with priorities, retries and supervised workers",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/workbench"}]
    ]
  end

  def application do
    [extra_applications: [:logger, :crypto]]
  end

  defp deps do
    [{:patience, "~> 0.3"}]
  end
end
