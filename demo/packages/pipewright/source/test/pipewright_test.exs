defmodule PipewrightTest do
  use ExUnit.Case, async: true
  use Pipewright

  doctest Pipewright, import: true
  doctest Pipewright.Bits

  defmodule Status do
    use Pipewright.EnumOf, open: 1, paid: 2, sent: 5
  end

  defmodule Fibonacci do
    use Pipewright.Memo

    defmemo(fib(n) when n < 2, do: n)
    defmemo(fib(n), do: fib(n - 1) + fib(n - 2))
  end

  test "an error goes past all steps" do
    failed = Process.get(:no_such_key, {:error, :first})
    assert failed ~> String.upcase() ~>> Integer.parse() == {:error, :first}
  end

  test "a step that answers no result is a mistake of the programmer" do
    assert_raise ArgumentError, ~r/must answer a result/, fn -> {:ok, 1} ~>> Kernel.+(1) end
  end

  test "the value is computed once" do
    assert {:ok, send(self(), :once)} ~> to_string() == {:ok, "once"}
    assert_received :once
    refute_received :once
  end

  test "an enumeration works in both directions" do
    require Status
    assert for(member <- Status.members(), do: Status.to_integer(member)) == [1, 2, 5]
    assert Status.from_integer(5) == {:ok, :sent}
    assert Status.from_integer(3) == :error
    assert Status.paid?(:paid)
    assert Status.is_member(:open)
  end

  test "a number that is used twice does not compile" do
    assert_raise ArgumentError, "used twice: 1", fn ->
      Code.eval_string("defmodule Twice, do: use(Pipewright.EnumOf, a: 1, b: 1)")
    end
  end

  test "remembering makes the impossible possible" do
    assert Fibonacci.fib(90) == 2_880_067_194_370_816_120
    assert Pipewright.Memo.forget(Fibonacci) == 91
  end
end
