defmodule Gridmath.MixProject do
  use Mix.Project

  def project,
    do: [
      app: :gridmath,
      version: "1.4.0",
      elixir: "~> 1.14",
      description: "Small dense matrices with exact or floating elements",
      package: [licenses: ["BSD-2-Clause"], links: %{"Source" => "https://example.org/gridmath"}]
    ]
end
