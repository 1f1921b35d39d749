defmodule Workbench.Queue do
  @moduledoc """
  Decides which job runs when.

  The queue never runs a job itself. It starts tasks that are not linked to it and
  watches them, so a job that crashes costs one attempt and nothing else.
  """

  use GenServer

  require Logger

  alias Workbench.{Heap, Ticket}

  @doc """
  Starts a queue that runs up to `:workers` jobs at a time under the supervisor `:tasks`.
  """
  def start_link(options) do
    {name, options} = Keyword.pop!(options, :name)
    GenServer.start_link(__MODULE__, options, name: name)
  end

  @doc "Puts a ticket into the queue and returns its number."
  @spec enqueue(GenServer.server(), Ticket.t()) :: Ticket.id()
  def enqueue(queue, ticket), do: GenServer.call(queue, {:enqueue, ticket})

  @doc "Counts jobs by what became of them."
  def counts(queue), do: GenServer.call(queue, :counts)

  @impl true
  def init(options) do
    {:ok,
     %{
       tasks: Keyword.fetch!(options, :tasks),
       workers: Keyword.fetch!(options, :workers),
       waiting: Heap.new(),
       running: %{},
       next: 1,
       done: 0,
       discarded: 0
     }}
  end

  @impl true
  def handle_call({:enqueue, ticket}, _from, state) do
    ticket = %{ticket | id: state.next}
    state = %{state | next: state.next + 1}
    {:reply, ticket.id, schedule(state, ticket, ticket.delay)}
  end

  def handle_call(:counts, _from, state) do
    {:reply,
     %{
       waiting: Heap.size(state.waiting),
       running: map_size(state.running),
       done: state.done,
       discarded: state.discarded
     }, state}
  end

  @impl true
  def handle_info({:due, ticket}, state), do: {:noreply, schedule(state, ticket, 0)}

  def handle_info({reference, result}, state) when is_map_key(state.running, reference) do
    Process.demonitor(reference, [:flush])
    {:noreply, finish(state, reference, result)}
  end

  def handle_info({:DOWN, reference, :process, _pid, reason}, state)
      when is_map_key(state.running, reference) do
    {:noreply, finish(state, reference, {:error, reason})}
  end

  defp schedule(state, ticket, 0) do
    start_waiting(%{state | waiting: Heap.push(state.waiting, ticket)})
  end

  defp schedule(state, ticket, delay) do
    Process.send_after(self(), {:due, ticket}, delay)
    state
  end

  defp start_waiting(%{running: running, workers: workers} = state)
       when map_size(running) >= workers,
       do: state

  defp start_waiting(state) do
    case Heap.pop(state.waiting) do
      :empty -> state
      {:ok, ticket, waiting} -> %{state | waiting: waiting} |> start(ticket) |> start_waiting()
    end
  end

  defp start(state, ticket) do
    task =
      Task.Supervisor.async_nolink(state.tasks, fn -> ticket.module.perform(ticket.arguments) end)

    put_in(state.running[task.ref], ticket)
  end

  defp finish(state, reference, result) do
    {ticket, running} = Map.pop!(state.running, reference)
    %{state | running: running} |> settle(ticket, result) |> start_waiting()
  end

  defp settle(state, _ticket, result) when result == :ok or elem(result, 0) == :ok do
    %{state | done: state.done + 1}
  end

  defp settle(state, ticket, {:discard, reason}), do: discard(state, ticket, reason)

  defp settle(state, ticket, {:error, reason}) do
    case Ticket.fail(ticket) do
      {:again, ticket, delay} -> schedule(state, ticket, delay)
      :exhausted -> discard(state, ticket, reason)
    end
  end

  defp discard(state, ticket, reason) do
    Logger.warning("#{inspect(ticket.module)} was given up: #{inspect(reason)}")
    %{state | discarded: state.discarded + 1}
  end
end
