defmodule FerryBoard.MixProject do
  use Mix.Project

  def project do
    [
      app: :ferry_board,
      version: "0.4.0",
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      deps: []
    ]
  end

  def application do
    [mod: {FerryBoard.Application, []}, extra_applications: [:logger]]
  end
end
