defmodule Signal.MixProject do
  use Mix.Project

  def project do
    [
      app: :signal_flags,
      version: "1.1.0",
      elixir: ">= 1.14.0 and < 2.0.0",
      description: "A fork of lantern_flags that can switch everything off at once",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/signal_flags"}]
    ]
  end
end
