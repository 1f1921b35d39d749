defmodule DrosselTest do
  use ExUnit.Case, async: false

  setup do
    start_supervised!({Drossel.Supervisor, sweep_every: :infinity})
    name = :"limit_#{System.unique_integer([:positive])}"
    Drossel.define(name, capacity: 2, refill: 1, every: 60_000)
    %{limit: name}
  end

  test "the third of two requests has to wait", %{limit: limit} do
    assert Drossel.take(limit, "ada") == {:ok, 1}
    assert Drossel.take(limit, "ada") == {:ok, 0}
    assert {:wait, milliseconds} = Drossel.take(limit, "ada")
    assert milliseconds in 1..60_000
  end

  test "subjects do not share a bucket", %{limit: limit} do
    assert {:ok, 0} = Drossel.take(limit, "ada", 2)
    assert {:ok, 1} = Drossel.take(limit, "grace")
  end

  test "a reset fills the bucket", %{limit: limit} do
    Drossel.take(limit, "ada", 2)
    assert Drossel.peek(limit, "ada") == 0
    assert Drossel.reset(limit, "ada") == :ok
    assert Drossel.peek(limit, "ada") == 2
  end

  test "an undefined limit is named in the error" do
    assert_raise Drossel.UnknownLimitError, ~r/there is no limit :nowhere/, fn ->
      Drossel.take(:nowhere, "ada")
    end
  end

  test "many processes together take no token twice", %{limit: limit} do
    verdicts =
      1..50
      |> Task.async_stream(fn _ -> Drossel.take(limit, "shared") end)
      |> Enum.map(fn {:ok, verdict} -> verdict end)

    assert Enum.count(verdicts, &match?({:ok, _}, &1)) == 2
  end
end
