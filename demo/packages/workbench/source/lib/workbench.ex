defmodule Workbench do
  @moduledoc """
  A queue of jobs inside one virtual machine.

  A job is a module that implements `Workbench.Job`. The bench runs a fixed number of
  them at a time, each in a process of its own, and tries a failed one again later:

      children = [{Workbench, name: Mail.Bench, workers: 4}]
      Supervisor.start_link(children, strategy: :one_for_one)

      Workbench.enqueue(Mail.Bench, Mail.Welcome, %{to: "ada@example.org"}, priority: 5)

  Jobs are kept in memory; what must survive a restart belongs into a database.
  """

  use Supervisor

  alias Workbench.{Queue, Ticket}

  @doc """
  Starts a bench.

  ## Options

    * `:name` - the name of the bench, required
    * `:workers` - how many jobs run at the same time (default: the number of schedulers)
  """
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    name = Keyword.fetch!(options, :name)
    Supervisor.start_link(__MODULE__, options, name: name)
  end

  @doc """
  Puts a job into the queue and returns its number.

  ## Options

    * `:priority` - a higher number runs earlier (default 0)
    * `:attempts` - how often it may run altogether (default 3)
    * `:delay` - milliseconds to wait before the first attempt (default 0)
  """
  @spec enqueue(atom(), module(), map(), keyword()) :: Ticket.id()
  def enqueue(bench, module, arguments, options \\ []) do
    Queue.enqueue(queue(bench), Ticket.new(module, arguments, options))
  end

  @doc """
  Counts the jobs that wait, run, are done and were given up.
  """
  @spec counts(atom()) :: %{
          waiting: non_neg_integer(),
          running: non_neg_integer(),
          done: non_neg_integer(),
          discarded: non_neg_integer()
        }
  def counts(bench), do: Queue.counts(queue(bench))

  @impl Supervisor
  def init(options) do
    name = options[:name]
    workers = Keyword.get(options, :workers, System.schedulers_online())

    children = [
      {Task.Supervisor, name: tasks(name)},
      {Queue, name: queue(name), tasks: tasks(name), workers: workers}
    ]

    Supervisor.init(children, strategy: :one_for_all)
  end

  defp queue(bench), do: Module.concat(bench, Queue)
  defp tasks(bench), do: Module.concat(bench, Tasks)
end
