defmodule Quillmark.MixProject do
  use Mix.Project

  def project do
    [
      app: :quillmark,
      version: "0.2.2",
      elixir: "~> 1.14",
      description: "A small, strict subset of Markdown as a tree and as HTML",
      package: [
        licenses: ["MIT"],
        links: %{"Source" => "https://example.org/quillmark"},
        files: ["lib", "mix.exs"]
      ]
    ]
  end
end
