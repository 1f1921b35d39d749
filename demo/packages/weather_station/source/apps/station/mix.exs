defmodule Station.MixProject do
  use Mix.Project

  def project do
    [
      app: :station,
      version: "0.2.0",
      build_path: "../../_build",
      config_path: "../../config/config.exs",
      deps_path: "../../deps",
      lockfile: "../../mix.lock",
      deps: [{:measured, "~> 1.1"}]
    ]
  end

  def application, do: [mod: {Station.Application, []}]
end
