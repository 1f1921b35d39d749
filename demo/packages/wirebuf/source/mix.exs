defmodule Wirebuf.MixProject do
  use Mix.Project

  def project do
    [
      app: :wirebuf,
      version: "0.4.0",
      elixir: "~> 1.14",
      deps: [{:protobuf, "~> 0.12"}],
      description: "Varints and length-delimited frames, with generated messages",
      package: [licenses: ["Apache-2.0"], links: %{"Source" => "https://example.org/wirebuf"}],
      aliases: [generate: ["cmd protoc --elixir_out=lib priv/protos/telemetry.proto"]]
    ]
  end
end
