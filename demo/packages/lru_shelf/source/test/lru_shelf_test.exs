defmodule LruShelfTest do
  use ExUnit.Case, async: true

  doctest LruShelf

  test "reading keeps an entry alive" do
    shelf = Enum.into([a: 1, b: 2, c: 3], LruShelf.new(3))
    {1, shelf} = LruShelf.get(shelf, :a)
    assert shelf |> LruShelf.put(:d, 4) |> LruShelf.keys() == [:d, :a, :c]
  end

  test "peeking does not" do
    shelf = Enum.into([a: 1, b: 2], LruShelf.new(2))
    assert LruShelf.peek(shelf, :a) == 1
    assert shelf |> LruShelf.put(:c, 3) |> LruShelf.keys() == [:c, :b]
  end

  test "the owner hears of what had to go" do
    shelf = LruShelf.new(1, on_evict: &send(self(), {:gone, &1, &2}))
    shelf |> LruShelf.put(:old, 1) |> LruShelf.put(:new, 2)
    assert_received {:gone, :old, 1}
  end

  test "inspection shows content and size" do
    assert inspect(Enum.into([a: 1], LruShelf.new(5))) == "#LruShelf<1/5 [a: 1]>"
  end
end
