defmodule Mergekind.MixProject do
  use Mix.Project

  def project do
    [
      app: :mergekind,
      version: "0.2.0",
      elixir: "~> 1.14",
      description: "Replicated data types that merge without asking anybody",
      package: [links: %{"Source" => "https://example.org/mergekind"}],
      elixirc_options: [warnings_as_errors: true]
    ]
  end
end
