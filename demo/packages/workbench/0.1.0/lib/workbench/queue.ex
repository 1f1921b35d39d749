defmodule Workbench.Queue do
  @moduledoc """
  Runs jobs in the order in which they came, as Erlang's own queue keeps them.
  """

  use GenServer

  alias Workbench.Ticket

  @doc "Starts a queue under the supervisor `:tasks`."
  def start_link(options) do
    {name, options} = Keyword.pop!(options, :name)
    GenServer.start_link(__MODULE__, options, name: name)
  end

  @doc "Appends a ticket."
  def enqueue(queue, %Ticket{} = ticket), do: GenServer.call(queue, {:enqueue, ticket})

  @impl true
  def init(options) do
    {:ok, %{tasks: options[:tasks], free: options[:workers], waiting: :queue.new(), next: 1}}
  end

  @impl true
  def handle_call({:enqueue, ticket}, _from, state) do
    ticket = %{ticket | id: state.next}
    waiting = :queue.in(ticket, state.waiting)
    {:reply, ticket.id, start_next(%{state | waiting: waiting, next: state.next + 1})}
  end

  @impl true
  def handle_info({:DOWN, _reference, :process, _pid, _reason}, state) do
    {:noreply, start_next(%{state | free: state.free + 1})}
  end

  defp start_next(%{free: 0} = state), do: state

  defp start_next(state) do
    case :queue.out(state.waiting) do
      {:empty, _waiting} ->
        state

      {{:value, ticket}, waiting} ->
        job = fn -> ticket.module.perform(ticket.arguments) end
        {:ok, pid} = Task.Supervisor.start_child(state.tasks, job)
        Process.monitor(pid)
        %{state | free: state.free - 1, waiting: waiting}
    end
  end
end
