defmodule WeatherStation.Umbrella.MixProject do
  use Mix.Project

  def project do
    [
      apps_path: "apps",
      version: "0.2.0",
      start_permanent: Mix.env() == :prod,
      releases: releases()
    ]
  end

  defp releases do
    [
      weather: [
        applications: [station: :permanent, forecast: :temporary],
        include_executables_for: [:unix]
      ]
    ]
  end
end
