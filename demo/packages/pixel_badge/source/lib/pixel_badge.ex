defmodule PixelBadge do
  @moduledoc """
  Badges with a label and a value, as one sees them at the top of a README.
  """

  @colours %{ok: "#3a7d44", warning: "#b7791f", error: "#b23a48", unknown: "#6b7280"}

  @doc """
  Draws a badge as SVG.

  The width follows the text, by a table of character widths; no browser is asked.

      iex> PixelBadge.svg("tests", "566 passed", :ok) =~ ~s(aria-label="tests: 566 passed")
      true
  """
  @spec svg(String.t(), String.t(), :ok | :warning | :error | :unknown) :: String.t()
  def svg(label, value, status \\ :unknown) do
    left = width(label) + 12
    right = width(value) + 12

    """
    <svg xmlns="http://www.w3.org/2000/svg" width="#{left + right}" height="20" role="img" aria-label="#{escape(label)}: #{escape(value)}">
      <rect width="#{left}" height="20" fill="#444"/>
      <rect x="#{left}" width="#{right}" height="20" fill="#{@colours[status]}"/>
      <g fill="#fff" font-family="Verdana,sans-serif" font-size="11" text-anchor="middle">
        <text x="#{left / 2}" y="14">#{escape(label)}</text>
        <text x="#{left + right / 2}" y="14">#{escape(value)}</text>
      </g>
    </svg>
    """
  end

  @doc """
  Estimates how wide a text is, in pixels at 11 points.

      iex> PixelBadge.width("mill") < PixelBadge.width("WWWW")
      true
  """
  @spec width(String.t()) :: pos_integer()
  def width(text) do
    text |> String.to_charlist() |> Enum.map(&character_width/1) |> Enum.sum() |> ceil() |> max(1)
  end

  @doc """
  Chooses a status for a percentage.

      iex> Enum.map([100, 85, 40], &PixelBadge.status_for/1)
      [:ok, :warning, :error]
  """
  @spec status_for(number()) :: :ok | :warning | :error
  def status_for(percentage) when percentage >= 90, do: :ok
  def status_for(percentage) when percentage >= 70, do: :warning
  def status_for(_percentage), do: :error

  defp character_width(character) when character in 'ijlI.,:;|!', do: 3.2
  defp character_width(character) when character in 'mwMW%', do: 10.4
  defp character_width(character) when character in ?A..?Z, do: 7.8
  defp character_width(_character), do: 6.6

  defp escape(text) do
    for <<character::utf8 <- text>>, into: "" do
      case character do
        ?& -> "&amp;"
        ?< -> "&lt;"
        ?" -> "&quot;"
        other -> <<other::utf8>>
      end
    end
  end
end
