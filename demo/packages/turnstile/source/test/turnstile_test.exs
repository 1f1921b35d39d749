defmodule TurnstileTest do
  use ExUnit.Case, async: true

  doctest Turnstile.Check

  defmodule Gate do
    use Turnstile, initial: :locked

    state :locked do
      on :coin, to: :unlocked
      on :push, to: :locked
    end

    state :unlocked do
      on :push, to: :locked
    end
  end

  test "events lead from state to state" do
    assert Gate.next(:locked, :coin) == {:ok, :unlocked}
    assert Gate.next(:unlocked, :coin) == {:error, {:no_transition, :unlocked, :coin}}
  end

  test "a state that is never reached does not compile" do
    assert_raise CompileError, ~r/never reached: island/, fn ->
      Code.eval_string("""
      defmodule Lonely do
        use Turnstile, initial: :shore
        state :shore
        state :island
      end
      """)
    end
  end

  test "a gate that is not used closes again" do
    {:ok, gate} = Turnstile.Machine.start_link(Gate, timeouts: [unlocked: {5, :push}])
    assert Turnstile.Machine.send_event(gate, :coin) == {:ok, :unlocked}
    Process.sleep(50)
    assert {:locked, nil} = Turnstile.Machine.state(gate)
  end

  test "diagrams name every transition" do
    assert Turnstile.Diagram.mermaid(Gate) == """
           stateDiagram-v2
             [*] --> locked
             locked --> unlocked: coin
             locked --> locked: push
             unlocked --> locked: push
           """
  end
end
