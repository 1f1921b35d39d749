defmodule Measured.MixProject do
  use Mix.Project

  def project do
    [
      app: :measured,
      version: "1.1.2",
      elixir: "~> 1.14",
      deps: [{:gridmath, ">= 1.4.0 and < 2.0.0", optional: true}],
      description: "Quantities with units that the compiler keeps apart",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/measured"}]
    ]
  end
end
