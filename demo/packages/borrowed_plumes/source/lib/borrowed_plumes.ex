defmodule BorrowedPlumes do
  @moduledoc """
  Roman numerals.
  """

  @numerals [
    {1000, "M"},
    {900, "CM"},
    {500, "D"},
    {400, "CD"},
    {100, "C"},
    {90, "XC"},
    {50, "L"},
    {40, "XL"},
    {10, "X"},
    {9, "IX"},
    {5, "V"},
    {4, "IV"},
    {1, "I"}
  ]

  @doc "Writes a number the Roman way."
  @spec roman(1..3999) :: String.t()
  def roman(number) when number in 1..3999, do: write(number, @numerals)

  defp write(0, _numerals), do: ""

  defp write(number, [{value, sign} | _] = all) when number >= value,
    do: sign <> write(number - value, all)

  defp write(number, [_ | rest]), do: write(number, rest)
end
