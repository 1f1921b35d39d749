defmodule LruShelf do
  @moduledoc """
  A cache of at most `capacity` entries; when it is full, the one that was not used for
  the longest time goes.

  The structure is purely functional. `LruShelf.Server` puts it into a process.

      iex> shelf = LruShelf.new(2) |> LruShelf.put(:a, 1) |> LruShelf.put(:b, 2)
      iex> {1, shelf} = LruShelf.get(shelf, :a)
      iex> shelf |> LruShelf.put(:c, 3) |> LruShelf.keys()
      [:c, :a]

  Entries carry a tick, a number that grows with each use; the ticks in turn are the keys
  of a general balanced tree, whose smallest element is the next to go. Every operation
  takes logarithmic time in the number of entries.
  """

  @enforce_keys [:capacity]
  defstruct [:capacity, tick: 0, entries: %{}, order: :gb_trees.empty(), on_evict: nil]

  @type key :: term()
  @type value :: term()
  @opaque t :: %__MODULE__{
            capacity: pos_integer(),
            tick: non_neg_integer(),
            entries: %{optional(key()) => {value(), tick :: non_neg_integer()}},
            order: :gb_trees.tree(non_neg_integer(), key()),
            on_evict: (key(), value() -> any()) | nil
          }

  @doc """
  Returns an empty cache.

  ## Options

    * `:on_evict` - a function of key and value, called for an entry that had to go
  """
  @spec new(pos_integer(), keyword()) :: t()
  def new(capacity, options \\ []) when is_integer(capacity) and capacity > 0 do
    %__MODULE__{capacity: capacity, on_evict: options[:on_evict]}
  end

  @doc """
  Stores `value` under `key` and counts that as a use.

      iex> LruShelf.new(1) |> LruShelf.put(:a, 1) |> LruShelf.put(:a, 2) |> LruShelf.peek(:a)
      2
  """
  @spec put(t(), key(), value()) :: t()
  def put(%__MODULE__{entries: entries} = shelf, key, value) when is_map_key(entries, key) do
    shelf |> delete(key) |> insert(key, value)
  end

  def put(%__MODULE__{entries: entries, capacity: capacity} = shelf, key, value)
      when map_size(entries) < capacity do
    insert(shelf, key, value)
  end

  def put(shelf, key, value), do: shelf |> evict() |> insert(key, value)

  @doc """
  Returns the value under `key`, or `default`, with the cache in which that use counts.

      iex> {value, _shelf} = LruShelf.get(LruShelf.new(3), :missing, :none)
      iex> value
      :none
  """
  @spec get(t(), key(), value()) :: {value(), t()}
  def get(shelf, key, default \\ nil) do
    case shelf.entries do
      %{^key => {value, _tick}} -> {value, put(shelf, key, value)}
      _missing -> {default, shelf}
    end
  end

  @doc """
  Returns the value under `key` without counting it as a use.
  """
  @spec peek(t(), key()) :: value() | nil
  def peek(shelf, key) do
    with {value, _tick} <- Map.get(shelf.entries, key), do: value
  end

  @doc """
  Removes `key`; a key that is not there changes nothing.

      iex> LruShelf.new(3) |> LruShelf.put(:a, 1) |> LruShelf.delete(:a) |> LruShelf.size()
      0
  """
  @spec delete(t(), key()) :: t()
  def delete(shelf, key) do
    case Map.pop(shelf.entries, key) do
      {nil, _entries} ->
        shelf

      {{_value, tick}, entries} ->
        %{shelf | entries: entries, order: :gb_trees.delete(tick, shelf.order)}
    end
  end

  @doc """
  Lists the keys, the most recently used first.
  """
  @spec keys(t()) :: [key()]
  def keys(shelf), do: shelf.order |> :gb_trees.values() |> Enum.reverse()

  @doc "Counts the entries."
  @spec size(t()) :: non_neg_integer()
  def size(shelf), do: map_size(shelf.entries)

  defp insert(shelf, key, value) do
    tick = shelf.tick + 1

    %{
      shelf
      | tick: tick,
        entries: Map.put(shelf.entries, key, {value, tick}),
        order: :gb_trees.insert(tick, key, shelf.order)
    }
  end

  defp evict(shelf) do
    {_tick, key, order} = :gb_trees.take_smallest(shelf.order)
    {{value, _tick}, entries} = Map.pop!(shelf.entries, key)
    if shelf.on_evict, do: shelf.on_evict.(key, value)
    %{shelf | entries: entries, order: order}
  end
end
