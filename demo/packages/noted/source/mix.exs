defmodule Noted.MixProject do
  use Mix.Project

  def project, do: [app: :noted, version: "0.1.0", elixir: "~> 1.14"]
end
