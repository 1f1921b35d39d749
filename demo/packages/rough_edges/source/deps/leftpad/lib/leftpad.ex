defmodule Leftpad do
  @moduledoc "Somebody else's package, packed by mistake."

  def pad(text, width), do: String.pad_leading(text, width)
end
