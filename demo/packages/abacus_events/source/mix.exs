defmodule Abacus.MixProject do
  use Mix.Project

  def project, do: [app: :abacus_events, version: "0.1.0", elixir: "~> 1.14"]
end
