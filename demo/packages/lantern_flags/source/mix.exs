defmodule Lantern.MixProject do
  use Mix.Project

  def project do
    [
      app: :lantern_flags,
      version: "1.0.4",
      elixir: "~> 1.14",
      description: "Feature flags with rules, percentages and a memory of who saw what",
      package: [
        name: "lantern_flags",
        licenses: ["MIT"],
        links: %{"Source" => "https://example.org/lantern_flags"}
      ]
    ]
  end
end
