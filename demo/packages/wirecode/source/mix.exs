defmodule Wirecode.MixProject do
  use Mix.Project

  def project do
    [
      app: :wirecode,
      version: "1.0.0",
      elixir: "~> 1.14",
      description: description(),
      package: [licenses: ["BSD-3-Clause"], links: %{"Source" => "https://example.org/wirecode"}]
    ]
  end

  defp description do
    """
    A protocol for writing any term in a compact text form, and a reader for it.
    """
  end
end
