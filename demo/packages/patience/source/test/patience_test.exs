defmodule PatienceTest do
  use ExUnit.Case, async: true

  alias Patience.Breaker

  setup do
    start_supervised!({Task.Supervisor, name: Patience.Tasks})
    :ok
  end

  doctest Patience
  doctest Patience.Backoff

  defp failing(times) do
    counter = :counters.new(1, [])

    fn ->
      :counters.add(counter, 1, 1)
      if :counters.get(counter, 1) <= times, do: {:error, :busy}, else: :ok
    end
  end

  test "the second attempt may succeed" do
    assert Patience.retry([sleep: &send(self(), {:slept, &1})], failing(1)) == :ok
    assert_received {:slept, milliseconds} when milliseconds in 0..50
    refute_received {:slept, _}
  end

  test "an exception that nobody asked to rescue goes through at once" do
    assert_raise ArgumentError, fn ->
      Patience.retry([sleep: fn _ -> flunk("slept") end], fn -> raise ArgumentError end)
    end
  end

  test "the last attempt shows its exception" do
    assert_raise RuntimeError, "down", fn ->
      Patience.retry([rescue: [RuntimeError], sleep: fn _ -> :ok end], fn -> raise "down" end)
    end
  end

  describe "a breaker" do
    setup do
      clock = :counters.new(1, [])
      options = [failures: 2, cooldown: 100, clock: fn -> :counters.get(clock, 1) end]
      %{breaker: start_supervised!({Breaker, options}), clock: clock}
    end

    test "opens after failures in a row", %{breaker: breaker} do
      assert Breaker.call(breaker, fn -> :error end) == :error
      assert Breaker.status(breaker) == :closed
      assert Breaker.call(breaker, fn -> :error end) == :error
      assert Breaker.call(breaker, fn -> flunk("called") end) == {:error, :open}
    end

    test "lets one call through after a while", %{breaker: breaker, clock: clock} do
      for _ <- 1..2, do: Breaker.call(breaker, fn -> :error end)
      assert Breaker.status(breaker) == :open
      :counters.add(clock, 1, 100)
      assert Breaker.call(breaker, fn -> :ok end) == :ok
      assert Breaker.status(breaker) == :closed
    end
  end
end
