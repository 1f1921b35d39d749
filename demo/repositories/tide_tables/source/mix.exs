defmodule TideTables.MixProject do
  use Mix.Project

  def project, do: [app: :tide_tables, version: "0.1.0", elixir: "~> 1.14"]
end
