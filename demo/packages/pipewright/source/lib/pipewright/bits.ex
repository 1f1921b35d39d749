defmodule Pipewright.Bits do
  @moduledoc """
  A sigil for readable bit patterns, and operators on sets of flags.

      import Pipewright.Bits

      ~b(1010 0001)          #=> 161
      flags = ~b(0110)
      flags ||| ~b(0001)     #=> 7
      flags +++ ~b(1000)     # the union, with a check that both are flags
  """

  import Bitwise

  @doc """
  Reads a binary number; spaces are for the eye.

      iex> import Pipewright.Bits
      iex> ~b(1010 0001)
      161
      iex> ~b(1111)s
      <<15>>
  """
  defmacro sigil_b({:<<>>, _meta, [text]}, modifiers) do
    digits = String.replace(text, ~r/\s/, "")
    number = String.to_integer(digits, 2)

    case modifiers do
      [] -> number
      'i' -> number
      's' -> <<number::size(div(String.length(digits) + 7, 8) * 8)>>
    end
  end

  @doc """
  Unites two sets of flags.

      iex> import Pipewright.Bits
      iex> 0b0101 +++ 0b0011
      0b0111
  """
  @spec non_neg_integer() +++ non_neg_integer() :: non_neg_integer()
  def left +++ right when left >= 0 and right >= 0, do: bor(left, right)

  @doc """
  Removes from the left set what is in the right one.

      iex> import Pipewright.Bits
      iex> 0b0111 --- 0b0010
      0b0101
  """
  @spec non_neg_integer() --- non_neg_integer() :: non_neg_integer()
  def left --- right when left >= 0 and right >= 0, do: band(left, bnot(right))

  @doc """
  Lists the positions of the set bits, lowest first.

      iex> Pipewright.Bits.positions(0b10110)
      [1, 2, 4]
  """
  @spec positions(non_neg_integer()) :: [non_neg_integer()]
  def positions(0), do: []

  def positions(number) when number > 0 do
    for position <- 0..bit_length(number)//1, (number >>> position &&& 1) == 1, do: position
  end

  defp bit_length(number), do: number |> Integer.digits(2) |> length()
end
