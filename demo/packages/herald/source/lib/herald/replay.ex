defmodule Herald.Replay do
  @moduledoc """
  Remembers the last events of each topic, for subscribers that come late.

  The events stand in an agent; a topic holds at most `depth` of them, the newest first.
  """

  use Agent

  @doc """
  Starts an empty memory.
  """
  @spec start_link(keyword()) :: Agent.on_start()
  def start_link(options) do
    depth = Keyword.get(options, :depth, 10)
    Agent.start_link(fn -> {depth, %{}} end, Keyword.take(options, [:name]))
  end

  @doc """
  Publishes like `Herald.publish/2` and remembers the event.
  """
  @spec publish(Agent.agent(), String.t(), term()) :: non_neg_integer()
  def publish(memory, topic, event) do
    Agent.update(memory, fn {depth, topics} ->
      remembered = Enum.take([event | Map.get(topics, topic, [])], depth)
      {depth, Map.put(topics, topic, remembered)}
    end)

    Herald.publish(topic, event)
  end

  @doc """
  Sends the remembered events of `topic` to `pid`, the oldest first, in a task of its own.
  """
  @spec replay(Agent.agent(), String.t(), pid()) :: :ok
  def replay(memory, topic, pid) do
    events = Agent.get(memory, fn {_depth, topics} -> Map.get(topics, topic, []) end)

    {:ok, _task} =
      Task.Supervisor.start_child(Herald.TaskSupervisor, fn ->
        for event <- Enum.reverse(events), do: send(pid, {:herald, topic, event})
      end)

    :ok
  end
end
