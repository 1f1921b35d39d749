defmodule Turnstile.Examples.Order do
  @moduledoc """
  The life of an order, with a log of what happened to it.
  """

  use Turnstile, initial: :open

  state :open do
    on :pay, to: :paid
    on :cancel, to: :cancelled
  end

  state :paid do
    on :ship, to: :shipped
    on :cancel, to: :refunded
  end

  state :shipped
  state :cancelled
  state :refunded

  @impl Turnstile
  def entered(state, event, log), do: [{event, state} | log]
end

defmodule Turnstile.Examples.OrderTest do
  use ExUnit.Case, async: true

  alias Turnstile.Examples.Order
  alias Turnstile.Machine

  test "a paid order that is cancelled is refunded" do
    {:ok, order} = Machine.start_link(Order, data: [])
    assert Machine.send_event(order, :pay) == {:ok, :paid}
    assert Machine.send_event(order, :cancel) == {:ok, :refunded}
    assert Machine.state(order) == {:refunded, [cancel: :refunded, pay: :paid]}
  end
end
