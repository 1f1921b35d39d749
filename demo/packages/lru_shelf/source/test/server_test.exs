defmodule LruShelf.ServerTest do
  use ExUnit.Case, async: true

  alias LruShelf.Server

  test "computes a value once" do
    cache = start_supervised!({Server, capacity: 2})
    assert Server.fetch(cache, :answer, fn -> 42 end) == 42
    assert Server.fetch(cache, :answer, fn -> flunk("already known") end) == 42
    assert Server.stats(cache) == %{hits: 1, misses: 1}
  end

  test "a value past its time is computed again" do
    cache = start_supervised!({Server, capacity: 2, ttl: 0})
    assert Server.fetch(cache, :weather, fn -> :rain end) == :rain
    assert Server.fetch(cache, :weather, fn -> :sun end) == :sun
  end

  test "forgetting is not an error" do
    cache = start_supervised!({Server, capacity: 2})
    assert Server.forget(cache, :unknown) == :ok
    assert Server.stats(cache) == %{hits: 0, misses: 0}
  end
end
