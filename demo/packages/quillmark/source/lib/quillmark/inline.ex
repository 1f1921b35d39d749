defmodule Quillmark.Inline do
  @moduledoc """
  Emphasis, code and links inside of a block.
  """

  @type t ::
          {:text, String.t()}
          | {:code, String.t()}
          | {:emphasis | :strong, [t()]}
          | {:link, {url :: String.t(), [t()]}}

  @patterns [
    code: ~r/\A`([^`]+)`/,
    strong: ~r/\A\*\*(?=\S)(.+?)(?<=\S)\*\*/,
    emphasis: ~r/\A\*(?=\S)(.+?)(?<=\S)\*/,
    link: ~r/\A\[([^\]]+)\]\((https?:[^)\s]+|\/[^)\s]*)\)/
  ]

  @doc """
  Parses the text of a block.

      iex> Quillmark.Inline.parse("see **[here](https://example.org)**")
      [text: "see ", strong: [link: {"https://example.org", [text: "here"]}]]
  """
  @spec parse(String.t()) :: [t()]
  def parse(text), do: parse(text, "", [])

  defp parse("", plain, done), do: Enum.reverse(flush(plain, done))

  defp parse(text, plain, done) do
    case Enum.find_value(@patterns, &matching(&1, text)) do
      nil ->
        {first, rest} = String.split_at(text, 1)
        parse(rest, plain <> first, done)

      {node, size} ->
        rest = binary_part(text, size, byte_size(text) - size)
        parse(rest, "", [node | flush(plain, done)])
    end
  end

  defp matching({kind, pattern}, text) do
    with [whole | captures] <- Regex.run(pattern, text),
         do: {build(kind, captures), byte_size(whole)}
  end

  defp build(:code, [code]), do: {:code, code}
  defp build(:link, [text, url]), do: {:link, {url, parse(text)}}
  defp build(kind, [inner]), do: {kind, parse(inner)}

  defp flush("", done), do: done
  defp flush(plain, done), do: [{:text, plain} | done]
end
