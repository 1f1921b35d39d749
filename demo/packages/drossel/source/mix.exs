defmodule Drossel.MixProject do
  use Mix.Project

  @version "1.2.0"
  @source_url "https://example.org/drossel"

  def project do
    [
      app: :drossel,
      version: @version,
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      description: "Token-bucket and sliding-window rate limiting for OTP applications",
      package: [licenses: ["Apache-2.0"], links: %{"Source" => @source_url}],
      docs: [main: "Drossel", source_ref: "v#{@version}", source_url: @source_url]
    ]
  end

  def application do
    [extra_applications: [:logger], mod: {Drossel.Application, []}]
  end
end
