defmodule Quillmark.Html do
  @moduledoc """
  Writes trees as HTML.
  """

  @doc """
  Renders blocks, one to a line.
  """
  @spec render([Quillmark.Block.t()]) :: iodata()
  def render(blocks), do: Enum.map(blocks, &[block(&1), "\n"])

  defp block({:heading, level, inline}), do: wrap("h#{level}", inline(inline))
  defp block({:paragraph, inline}), do: wrap("p", inline(inline))
  defp block({:quote, blocks}), do: wrap("blockquote", render(blocks))
  defp block({:list, :bullet, items}), do: wrap("ul", items(items))
  defp block({:list, :number, items}), do: wrap("ol", items(items))
  defp block({:code, "", code}), do: ["<pre><code>", escape(code), "</code></pre>"]

  defp block({:code, language, code}) do
    [~s(<pre><code class="language-), escape(language), ~s(">), escape(code), "</code></pre>"]
  end

  defp items(items), do: Enum.map(items, &wrap("li", inline(&1)))

  defp inline(nodes), do: Enum.map(nodes, &node_html/1)

  defp node_html({:text, text}), do: escape(text)
  defp node_html({:code, code}), do: wrap("code", escape(code))
  defp node_html({:emphasis, inner}), do: wrap("em", inline(inner))
  defp node_html({:strong, inner}), do: wrap("strong", inline(inner))

  defp node_html({:link, {url, inner}}),
    do: [~s(<a href="), escape(url), ~s(">), inline(inner), "</a>"]

  defp wrap(tag, content), do: ["<", tag, ">", content, "</", tag, ">"]

  defp escape(text) do
    text
    |> String.replace("&", "&amp;")
    |> String.replace("<", "&lt;")
    |> String.replace(">", "&gt;")
    |> String.replace(~s("), "&quot;")
  end
end
