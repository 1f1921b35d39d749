defmodule Wirebuf.Varint do
  @moduledoc """
  Integers in as few bytes as they need: seven bits a byte, the lowest first, and a high bit
  that says whether more follow.
  """

  import Bitwise

  @doc """
  Writes an unsigned integer.

      iex> Wirebuf.Varint.encode(300)
      <<0b10101100, 0b00000010>>
  """
  @spec encode(non_neg_integer()) :: binary()
  def encode(number) when number in 0..127, do: <<number>>
  def encode(number) when number > 127, do: <<1::1, number::7, encode(number >>> 7)::binary>>

  @doc """
  Reads an unsigned integer of at most 64 bits, and gives back the rest.

      iex> Wirebuf.Varint.decode(<<0xAC, 0x02, "rest">>)
      {:ok, 300, "rest"}
      iex> Wirebuf.Varint.decode(<<0xAC>>)
      {:error, :incomplete}
  """
  @spec decode(binary()) :: {:ok, non_neg_integer(), binary()} | {:error, :incomplete | :too_long}
  def decode(input), do: decode(input, 0, 0)

  defp decode(_input, shift, _sum) when shift > 63, do: {:error, :too_long}

  defp decode(<<1::1, bits::7, rest::binary>>, shift, sum),
    do: decode(rest, shift + 7, sum ||| bits <<< shift)

  defp decode(<<0::1, bits::7, rest::binary>>, shift, sum),
    do: {:ok, sum ||| bits <<< shift, rest}

  defp decode("", _shift, _sum), do: {:error, :incomplete}

  @doc """
  Maps signed integers to unsigned ones so that small ones stay small.

      iex> Enum.map([0, -1, 1, -2, 2], &Wirebuf.Varint.zigzag/1)
      [0, 1, 2, 3, 4]
  """
  @spec zigzag(integer()) :: non_neg_integer()
  def zigzag(number) when number >= 0, do: number <<< 1
  def zigzag(number), do: (-number <<< 1) - 1

  @doc """
  Undoes `zigzag/1`.
  """
  @spec unzigzag(non_neg_integer()) :: integer()
  def unzigzag(number) when rem(number, 2) == 0, do: number >>> 1
  def unzigzag(number), do: -((number + 1) >>> 1)
end
