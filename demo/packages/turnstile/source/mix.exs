defmodule Turnstile.MixProject do
  use Mix.Project

  @links %{"Source" => "https://example.org/turnstile"}

  def project do
    [
      app: :turnstile,
      version: "0.5.0",
      elixir: "~> 1.14",
      description: "State machines as declarations, run as pure functions or as processes",
      package: [licenses: ["MIT"], links: @links],
      test_paths: ["test", "examples"]
    ]
  end
end
