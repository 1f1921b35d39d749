defmodule HeraldTest do
  use ExUnit.Case, async: false

  alias Herald.Test.CountingHandler

  doctest Herald.Pattern

  setup do
    start_supervised!(%{
      id: Herald.Application,
      start: {Herald.Application, :start, [:normal, []]},
      type: :supervisor
    })

    :ok
  end

  test "an event reaches a subscriber once, however many patterns match" do
    :ok = Herald.subscribe("order.*")
    :ok = Herald.subscribe("order.#")
    assert Herald.publish("order.17", :placed) == 1
    assert_received {:herald, "order.17", :placed}
    refute_received {:herald, _, _}
  end

  test "subscribing twice is an error that changes nothing" do
    assert Herald.subscribe("a.b") == :ok
    assert Herald.subscribe("a.b") == {:error, :already_subscribed}
    assert Herald.subscriptions() == ["a.b"]
  end

  test "nobody hears what nobody subscribed to" do
    assert Herald.publish("silence", :event) == 0
  end

  test "a handler keeps its state from event to event" do
    {:ok, _pid} = Herald.Handler.start(CountingHandler, self())
    Herald.publish("count.one", 1)
    Herald.publish("count.two", 2)
    assert_receive {:sum, 1}
    assert_receive {:sum, 3}
  end

  test "late subscribers may catch up" do
    memory = start_supervised!({Herald.Replay, depth: 2})
    for number <- 1..3, do: Herald.Replay.publish(memory, "ticks", number)
    :ok = Herald.Replay.replay(memory, "ticks", self())
    assert_receive {:herald, "ticks", 2}
    assert_receive {:herald, "ticks", 3}
    refute_received {:herald, "ticks", 1}
  end
end
