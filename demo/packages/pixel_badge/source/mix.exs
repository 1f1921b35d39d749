defmodule PixelBadge.MixProject do
  use Mix.Project

  def project do
    [
      app: :pixel_badge,
      version: "0.3.3",
      elixir: "~> 1.14",
      description: "Status badges as SVG, and an endpoint with a favicon",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/pixel_badge"}],
      deps: [{:trellis, "~> 0.9", optional: true}]
    ]
  end
end
