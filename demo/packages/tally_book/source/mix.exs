defmodule TallyBook.MixProject do
  use Mix.Project

  def project do
    [
      app: :tally_book,
      version: "0.8.0",
      elixir: "~> 1.14",
      description: "Double-entry bookkeeping",
      package: [
        licenses: ["GPL-3.0-only"],
        links: %{"Source" => "https://example.org/tally_book"}
      ]
    ]
  end
end
