defmodule Quillmark do
  @moduledoc """
  Turns a strict subset of Markdown into a tree, and the tree into HTML.

  Blocks are headings, paragraphs, lists, quotes and fenced code. Raw HTML is text like
  any other, so the result can be shown to others.
  """

  alias Quillmark.{Block, Html}

  @doc """
  Converts text to HTML.

      iex> Quillmark.to_html("# Hello\\n\\nA *small* world & `x < y`.")
      "<h1>Hello</h1>\\n<p>A <em>small</em> world &amp; <code>x &lt; y</code>.</p>\\n"
  """
  @spec to_html(String.t()) :: String.t()
  def to_html(text), do: text |> parse() |> Html.render() |> IO.iodata_to_binary()

  @doc """
  Converts text to a tree of blocks.

      iex> Quillmark.parse("- one\\n- two")
      [{:list, :bullet, [[text: "one"], [text: "two"]]}]
  """
  @spec parse(String.t()) :: [Block.t()]
  def parse(text), do: text |> String.split(~r/\R/) |> Block.parse()
end
