defmodule Herald do
  @moduledoc """
  Publishes events to whoever subscribed to their topic.

  Topics are words joined by dots, and a subscription may use `*` for one word and `#`
  for any number of words at the end:

      Herald.subscribe("order.*.paid")
      Herald.publish("order.17.paid", %{amount: 1200})

      receive do
        {:herald, "order.17.paid", event} -> ship(event)
      end

  Subscriptions belong to a process and end with it. For handlers that should live on
  their own, see `Herald.Handler`.
  """

  alias Herald.Pattern

  @registry Herald.Registry

  @doc """
  Subscribes the calling process to all topics that match `pattern`.

  Returns `{:error, :already_subscribed}` for a pattern that this process has already.
  """
  @spec subscribe(String.t()) :: :ok | {:error, :already_subscribed}
  def subscribe(pattern) do
    if pattern in subscriptions() do
      {:error, :already_subscribed}
    else
      {:ok, _owner} = Registry.register(@registry, :subscription, Pattern.compile(pattern))
      :ok
    end
  end

  @doc """
  Ends the subscription of the calling process to `pattern`.
  """
  @spec unsubscribe(String.t()) :: :ok
  def unsubscribe(pattern) do
    Registry.unregister_match(@registry, :subscription, Pattern.compile(pattern))
  end

  @doc "Lists the patterns to which the calling process is subscribed."
  @spec subscriptions() :: [String.t()]
  def subscriptions do
    for pattern <- Registry.values(@registry, :subscription, self()), do: pattern.source
  end

  @doc """
  Sends `event` to the subscribers of `topic` and tells how many there were.

  A process with two patterns that match gets the event once.
  """
  @spec publish(String.t(), term()) :: non_neg_integer()
  def publish(topic, event) when is_binary(topic) do
    words = Pattern.words(topic)

    @registry
    |> Registry.lookup(:subscription)
    |> Enum.filter(fn {_pid, pattern} -> Pattern.match?(pattern, words) end)
    |> Enum.uniq_by(fn {pid, _pattern} -> pid end)
    |> Enum.map(fn {pid, _pattern} -> send(pid, {:herald, topic, event}) end)
    |> length()
  end
end
