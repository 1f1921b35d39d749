defmodule Mergekind.Counter do
  @moduledoc """
  A counter that goes up and down: two maps, one of increments and one of decrements, with
  an entry for each replica. Only its own replica ever changes an entry.
  """

  defstruct up: %{}, down: %{}

  @type replica :: term()
  @type t :: %__MODULE__{
          up: %{optional(replica()) => non_neg_integer()},
          down: %{optional(replica()) => non_neg_integer()}
        }

  @doc "Returns zero."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc """
  Adds an amount, which may be negative, on behalf of a replica.

      iex> a = Mergekind.Counter.new() |> Mergekind.Counter.add(:a, 3)
      iex> b = Mergekind.Counter.new() |> Mergekind.Counter.add(:b, -1)
      iex> Mergekind.value(Mergekind.merge(a, b))
      2
  """
  @spec add(t(), replica(), integer()) :: t()
  def add(counter, replica, amount) when amount >= 0, do: bump(counter, :up, replica, amount)
  def add(counter, replica, amount), do: bump(counter, :down, replica, -amount)

  defp bump(counter, side, replica, amount) do
    Map.update!(counter, side, fn sums -> Map.update(sums, replica, amount, &(&1 + amount)) end)
  end

  defimpl Mergekind do
    def merge(a, b), do: %{a | up: highest(a.up, b.up), down: highest(a.down, b.down)}

    def value(counter), do: sum(counter.up) - sum(counter.down)

    defp highest(a, b), do: Map.merge(a, b, fn _replica, x, y -> max(x, y) end)
    defp sum(entries), do: entries |> Map.values() |> Enum.sum()
  end
end
