defmodule MergekindTest do
  use ExUnit.Case, async: true

  alias Mergekind.{Counter, Register, Replica, Set}

  doctest Mergekind.Counter
  doctest Mergekind.Register
  doctest Mergekind.Set

  defp random_set(replica) do
    Enum.reduce(1..20, Set.new(), fn _, set ->
      element = :rand.uniform(5)
      if :rand.uniform() < 0.7, do: Set.add(set, replica, element), else: Set.remove(set, element)
    end)
  end

  test "the order of meetings does not matter" do
    for _ <- 1..50 do
      [a, b, c] = for replica <- [:a, :b, :c], do: random_set(replica)
      left = a |> Mergekind.merge(b) |> Mergekind.merge(c)
      right = Mergekind.merge(c, Mergekind.merge(b, a))
      assert Mergekind.value(left) == Mergekind.value(right)
      assert Mergekind.value(Mergekind.merge(left, left)) == Mergekind.value(left)
    end
  end

  test "of two writers at the same time the same one wins everywhere" do
    start = Register.new(0, :a)
    [x, y] = [Register.write(start, 1, :a), Register.write(start, 2, :b)]
    assert Mergekind.value(Mergekind.merge(x, y)) == 2
    assert Mergekind.value(Mergekind.merge(y, x)) == 2
  end

  test "replicas that gossip agree in the end" do
    replicas =
      for _ <- 1..3,
          do: start_supervised!({Replica, data: Counter.new(), every: 2}, id: make_ref())

    for a <- replicas, b <- replicas, a != b, do: Replica.introduce(a, b)

    for {replica, name} <- Enum.zip(replicas, [:a, :b, :c]),
        do: Replica.update(replica, &Counter.add(&1, name, 5))

    Process.sleep(100)
    assert Enum.map(replicas, &Replica.value/1) == [15, 15, 15]
  end
end
