defmodule Tokenwright.MixProject do
  use Mix.Project

  def project do
    [
      app: :tokenwright,
      name: "Tokenwright",
      version: "0.3.0",
      elixir: "~> 1.14",
      description: "Splits text into words, sentences and subwords",
      package: [licenses: ["MIT"], links: %{"Source" => "https://example.org/tokenwright"}],
      escript: [main_module: Tokenwright.CommandLine]
    ]
  end
end
