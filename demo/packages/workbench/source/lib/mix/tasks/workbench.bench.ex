defmodule Mix.Tasks.Workbench.Bench do
  @shortdoc "Measures how many empty jobs a bench runs in a second"

  @moduledoc """
  Measures how many empty jobs a bench runs in a second.

      mix workbench.bench --jobs 10000 --workers 8

  ## Options

    * `--jobs` - how many jobs to run (default 10000)
    * `--workers` - how many at a time (default: the number of schedulers)
  """

  use Mix.Task

  @switches [jobs: :integer, workers: :integer]

  defmodule Nothing do
    @moduledoc false

    use Workbench.Job

    @impl true
    def perform(%{owner: owner}), do: send(owner, :performed) && :ok
  end

  @impl Mix.Task
  def run(arguments) do
    {options, []} = OptionParser.parse!(arguments, strict: @switches)
    jobs = Keyword.get(options, :jobs, 10_000)
    workers = Keyword.get(options, :workers, System.schedulers_online())

    {:ok, _bench} = Workbench.start_link(name: __MODULE__.Bench, workers: workers)
    {microseconds, :ok} = :timer.tc(fn -> run_jobs(jobs) end)
    Mix.shell().info("#{round(jobs / microseconds * 1_000_000)} jobs a second")
  end

  defp run_jobs(jobs) do
    for _ <- 1..jobs, do: Workbench.enqueue(__MODULE__.Bench, Nothing, %{owner: self()})
    for _ <- 1..jobs, do: receive(do: (:performed -> :ok))
    :ok
  end
end
