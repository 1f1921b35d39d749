defimpl Enumerable, for: LruShelf do
  def count(shelf), do: {:ok, LruShelf.size(shelf)}

  def member?(shelf, {key, value}) do
    {:ok, match?(%{^key => {^value, _tick}}, shelf.entries)}
  end

  def member?(_shelf, _other), do: {:ok, false}

  def slice(_shelf), do: {:error, __MODULE__}

  def reduce(shelf, acc, fun) do
    shelf
    |> LruShelf.keys()
    |> Enum.map(&{&1, LruShelf.peek(shelf, &1)})
    |> Enumerable.List.reduce(acc, fun)
  end
end

defimpl Collectable, for: LruShelf do
  def into(original) do
    collect = fn
      shelf, {:cont, {key, value}} -> LruShelf.put(shelf, key, value)
      shelf, :done -> shelf
      _shelf, :halt -> :ok
    end

    {original, collect}
  end
end

defimpl Inspect, for: LruShelf do
  import Inspect.Algebra

  def inspect(shelf, options) do
    entries = to_doc(Enum.to_list(shelf), options)
    concat(["#LruShelf<", "#{LruShelf.size(shelf)}/#{shelf.capacity} ", entries, ">"])
  end
end
