defmodule WorkbenchTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog

  doctest Workbench.Job

  defmodule Echo do
    use Workbench.Job

    @impl true
    def perform(%{to: pid, value: value}) do
      send(pid, {:performed, value})
      :ok
    end
  end

  defmodule Stubborn do
    use Workbench.Job, attempts: 2

    @impl true
    def perform(%{to: pid}) do
      send(pid, :attempt)
      raise "no"
    end

    @impl true
    def backoff(_attempt), do: 1
  end

  setup context do
    name = Module.concat(__MODULE__, "Bench#{:erlang.phash2(context.test)}")
    start_supervised!({Workbench, name: name, workers: 1})
    %{bench: name}
  end

  test "a job gets its arguments", %{bench: bench} do
    assert Workbench.enqueue(bench, Echo, %{to: self(), value: 7}) == 1
    assert_receive {:performed, 7}
  end

  test "a failing job is tried as often as it allows, then given up", %{bench: bench} do
    log =
      capture_log(fn ->
        Workbench.enqueue(bench, Stubborn, %{to: self()})
        assert_receive :attempt
        assert_receive :attempt
        refute_receive :attempt, 50
        assert %{discarded: 1, running: 0} = Workbench.counts(bench)
      end)

    assert log =~ "Stubborn was given up"
  end

  test "a delayed job waits outside the queue", %{bench: bench} do
    Workbench.enqueue(bench, Echo, %{to: self(), value: :later}, delay: 20)
    refute_received {:performed, :later}
    assert_receive {:performed, :later}, 500
  end
end
