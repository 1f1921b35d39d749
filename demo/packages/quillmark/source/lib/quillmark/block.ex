defmodule Quillmark.Block do
  @moduledoc """
  Groups lines into blocks.
  """

  alias Quillmark.Inline

  @type t ::
          {:heading, 1..6, [Inline.t()]}
          | {:paragraph, [Inline.t()]}
          | {:list, :bullet | :number, [[Inline.t()]]}
          | {:quote, [t()]}
          | {:code, language :: String.t(), String.t()}

  @doc """
  Parses lines, from first to last.
  """
  @spec parse([String.t()]) :: [t()]
  def parse([]), do: []
  def parse(["" | lines]), do: parse(lines)

  def parse(["```" <> language | lines]) do
    {code, rest} = Enum.split_while(lines, &(&1 != "```"))
    [{:code, String.trim(language), Enum.join(code, "\n")} | parse(Enum.drop(rest, 1))]
  end

  def parse(["#" <> _ = line | lines]) do
    case Regex.run(~r/\A(\#{1,6})\s+(.*?)\s*\#*\z/, line) do
      [_, marks, text] -> [{:heading, byte_size(marks), Inline.parse(text)} | parse(lines)]
      nil -> paragraph([line | lines])
    end
  end

  def parse([">" <> _ | _] = lines) do
    {quoted, rest} = Enum.split_while(lines, &String.starts_with?(&1, ">"))
    inner = Enum.map(quoted, &String.replace(&1, ~r/\A> ?/, ""))
    [{:quote, parse(inner)} | parse(rest)]
  end

  def parse([line | _] = lines) do
    case marker(line) do
      nil -> paragraph(lines)
      kind -> list(kind, lines)
    end
  end

  defp list(kind, lines) do
    {items, rest} = Enum.split_while(lines, &(marker(&1) == kind))
    texts = for item <- items, do: item |> String.replace(~r/\A\S+\s+/, "") |> Inline.parse()
    [{:list, kind, texts} | parse(rest)]
  end

  defp paragraph(lines) do
    {own, rest} = Enum.split_while(lines, &(&1 != "" and not String.starts_with?(&1, "```")))
    [{:paragraph, own |> Enum.map_join(" ", &String.trim/1) |> Inline.parse()} | parse(rest)]
  end

  defp marker(line) do
    cond do
      line =~ ~r/\A[-*]\s+\S/ -> :bullet
      line =~ ~r/\A\d+\.\s+\S/ -> :number
      true -> nil
    end
  end
end
