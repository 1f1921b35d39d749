defmodule Forecast.MixProject do
  use Mix.Project

  def project do
    [
      app: :forecast,
      version: "0.2.0",
      build_path: "../../_build",
      deps_path: "../../deps",
      lockfile: "../../mix.lock",
      start_permanent: false,
      deps: [{:station, in_umbrella: true}]
    ]
  end

  def application, do: [extra_applications: [:logger]]
end
