defmodule Noted do
  @moduledoc """
  Values with notes stuck to them.
  """

  @enforce_keys [:value]
  defstruct [:value, notes: []]

  @doc "Wraps a value."
  def new(value), do: %__MODULE__{value: value}

  @doc "Sticks a note to it."
  def note(%__MODULE__{notes: notes} = noted, text), do: %{noted | notes: [text | notes]}

  @doc "Applies a function and keeps the notes."
  def map(%__MODULE__{value: value} = noted, fun), do: %{noted | value: fun.(value)}
end
