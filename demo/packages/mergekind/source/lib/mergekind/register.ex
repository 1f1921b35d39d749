defmodule Mergekind.Register do
  @moduledoc """
  One value, of which the last writer's stays.

  Clocks of different machines differ, so time is a pair: a counter that never falls behind
  one that was seen, and the replica's name, which decides between equal counters.
  """

  @enforce_keys [:value, :time]
  defstruct [:value, :time]

  @type t :: %__MODULE__{value: term(), time: {non_neg_integer(), term()}}

  @doc "Returns a register with a first value."
  @spec new(term(), term()) :: t()
  def new(value, replica), do: %__MODULE__{value: value, time: {0, replica}}

  @doc """
  Writes a value.

      iex> register = Mergekind.Register.new("draft", :a)
      iex> newer = Mergekind.Register.write(register, "final", :b)
      iex> Mergekind.value(Mergekind.merge(newer, register))
      "final"
  """
  @spec write(t(), term(), term()) :: t()
  def write(%__MODULE__{time: {count, _replica}}, value, replica) do
    %__MODULE__{value: value, time: {count + 1, replica}}
  end

  defimpl Mergekind do
    def merge(a, b), do: if(a.time >= b.time, do: a, else: b)
    def value(register), do: register.value
  end
end
