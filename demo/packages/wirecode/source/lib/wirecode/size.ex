defprotocol Wirecode.Size do
  @moduledoc """
  Tells how many bytes a term will take, without writing it.
  """

  @doc "Returns the number of bytes."
  @spec bytes(t()) :: non_neg_integer()
  def bytes(term)
end

defimpl Wirecode.Size, for: BitString do
  def bytes(text), do: Wirecode.Size.Digits.count(byte_size(text)) + 1 + byte_size(text)
end

defimpl Wirecode.Size, for: Integer do
  def bytes(number) when number < 0, do: 1 + bytes(-number)
  def bytes(number), do: 2 + Wirecode.Size.Digits.count(number)
end

defimpl Wirecode.Size, for: List do
  def bytes(list) do
    Enum.reduce(list, 2 + Wirecode.Size.Digits.count(length(list)), fn element, sum ->
      sum + Wirecode.Size.bytes(element)
    end)
  end
end

defmodule Wirecode.Size.Digits do
  @moduledoc false

  @doc false
  def count(number) when number < 10, do: 1
  def count(number), do: 1 + count(div(number, 10))
end
