defmodule Cronline.Scheduler do
  @moduledoc """
  Runs functions when their expressions match.

      children = [
        {Cronline.Scheduler,
         jobs: [
           report: {"0 6 * * mon", {Reports, :send_weekly, []}},
           sweep: {"*/10 * * * *", &Cache.sweep/0}
         ]}
      ]

  There is one timer, for the job that is due next. A job that is still running when it is
  due again is not started twice.
  """

  use GenServer

  require Logger

  alias Cronline.{Expression, Next}

  @type job :: {String.t(), {module(), atom(), [term()]} | (() -> term())}

  @doc """
  Starts a scheduler; raises ArgumentError for an expression that cannot be read.
  """
  @spec start_link(jobs: keyword(job())) :: GenServer.on_start()
  def start_link(options) do
    jobs =
      for {name, {text, action}} <- Keyword.get(options, :jobs, []),
          do: {name, parse!(text), action}

    clock = Keyword.get(options, :clock, &NaiveDateTime.utc_now/0)
    GenServer.start_link(__MODULE__, {jobs, clock}, Keyword.take(options, [:name]))
  end

  @doc "Lists when each job is due, the soonest first."
  @spec due(GenServer.server()) :: [{atom(), NaiveDateTime.t()}]
  def due(scheduler), do: GenServer.call(scheduler, :due)

  @doc "Runs a job now, whatever its expression says."
  @spec run(GenServer.server(), atom()) :: :ok | {:error, :running | :unknown}
  def run(scheduler, name), do: GenServer.call(scheduler, {:run, name})

  @impl true
  def init({jobs, clock}) do
    {:ok, arm(%{jobs: jobs, clock: clock, running: %{}, timer: nil})}
  end

  @impl true
  def handle_call(:due, _from, state), do: {:reply, plan(state), state}

  def handle_call({:run, name}, _from, state) do
    cond do
      not List.keymember?(state.jobs, name, 0) -> {:reply, {:error, :unknown}, state}
      name in Map.values(state.running) -> {:reply, {:error, :running}, state}
      true -> {:reply, :ok, start(state, name)}
    end
  end

  @impl true
  def handle_info({:due, names}, state) do
    idle = names -- Map.values(state.running)
    {:noreply, idle |> Enum.reduce(state, &start(&2, &1)) |> arm()}
  end

  def handle_info({:DOWN, reference, :process, _pid, reason}, state) do
    {name, running} = Map.pop(state.running, reference)
    if reason != :normal, do: Logger.error("job #{inspect(name)} failed: #{inspect(reason)}")
    {:noreply, %{state | running: running}}
  end

  defp arm(state) do
    if state.timer, do: Process.cancel_timer(state.timer)

    case plan(state) do
      [] ->
        %{state | timer: nil}

      [{_name, soonest} | _later] = plan ->
        names = for {name, ^soonest} <- plan, do: name
        wait = max(NaiveDateTime.diff(soonest, state.clock.(), :millisecond), 0)
        %{state | timer: Process.send_after(self(), {:due, names}, wait)}
    end
  end

  defp plan(state) do
    now = state.clock.()

    for(
      {name, expression, _} <- state.jobs,
      {:ok, time} <- [Next.next_after(expression, now)],
      do: {name, time}
    )
    |> Enum.sort_by(&elem(&1, 1), NaiveDateTime)
  end

  defp start(state, name) do
    {_name, _expression, action} = List.keyfind(state.jobs, name, 0)
    {_pid, reference} = spawn_monitor(fn -> perform(action) end)
    put_in(state.running[reference], name)
  end

  defp perform({module, function, arguments}), do: apply(module, function, arguments)
  defp perform(function), do: function.()

  defp parse!(text) do
    case Expression.parse(text) do
      {:ok, expression} -> expression
      {:error, problem} -> raise ArgumentError, "#{inspect(text)}: #{problem}"
    end
  end
end
