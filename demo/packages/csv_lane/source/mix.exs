defmodule CsvLane.MixProject do
  use Mix.Project

  @description "Reads and writes CSV as streams, by RFC 4180 and the habits of spreadsheets"

  def project do
    [
      app: :csv_lane,
      version: "2.3.0",
      elixir: "~> 1.14",
      description: @description,
      package: [licenses: ["Apache-2.0"], links: %{"Source" => "https://example.org/csv_lane"}],
      deps: []
    ]
  end

  def cli, do: [default_task: "test"]
end
