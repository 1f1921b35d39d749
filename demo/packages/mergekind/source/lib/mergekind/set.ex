defmodule Mergekind.Set do
  @moduledoc """
  A set in which adding wins over removing.

  Each addition gets a tag of its own; a removal takes away the tags that it has seen. An
  element that somebody adds while somebody else removes it therefore stays.
  """

  defstruct tags: %{}, removed: MapSet.new(), next: %{}

  @type element :: term()
  @type tag :: {replica :: term(), pos_integer()}
  @opaque t :: %__MODULE__{
            tags: %{optional(tag()) => element()},
            removed: MapSet.t(tag()),
            next: %{optional(term()) => pos_integer()}
          }

  @doc "Returns an empty set."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc """
  Adds an element on behalf of a replica.
  """
  @spec add(t(), term(), element()) :: t()
  def add(set, replica, element) do
    number = Map.get(set.next, replica, 1)

    %{
      set
      | tags: Map.put(set.tags, {replica, number}, element),
        next: Map.put(set.next, replica, number + 1)
    }
  end

  @doc """
  Removes an element, as far as this replica knows of it.

      iex> shared = Mergekind.Set.add(Mergekind.Set.new(), :a, "milk")
      iex> bought = Mergekind.Set.remove(shared, "milk")
      iex> again = Mergekind.Set.add(shared, :b, "milk")
      iex> Mergekind.value(Mergekind.merge(bought, again))
      MapSet.new(["milk"])
  """
  @spec remove(t(), element()) :: t()
  def remove(set, element) do
    seen = for {tag, ^element} <- set.tags, do: tag
    %{set | tags: Map.drop(set.tags, seen), removed: MapSet.union(set.removed, MapSet.new(seen))}
  end

  @doc "Tells whether an element is in the set."
  @spec member?(t(), element()) :: boolean()
  def member?(set, element), do: element in Map.values(set.tags)

  defimpl Mergekind do
    def merge(a, b) do
      removed = MapSet.union(a.removed, b.removed)
      tags = a.tags |> Map.merge(b.tags) |> Map.drop(MapSet.to_list(removed))

      %{
        a
        | tags: tags,
          removed: removed,
          next: Map.merge(a.next, b.next, fn _, x, y -> max(x, y) end)
      }
    end

    def value(set), do: set.tags |> Map.values() |> MapSet.new()
  end
end
