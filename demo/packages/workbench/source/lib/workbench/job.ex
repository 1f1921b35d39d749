defmodule Workbench.Job do
  @moduledoc """
  What a job module does.

      defmodule Mail.Welcome do
        use Workbench.Job, attempts: 5

        @impl true
        def perform(%{to: address}), do: Mail.deliver(address, "Welcome!")
      end

  `perform/1` may return `:ok`, `{:ok, anything}`, `{:error, reason}` (it is tried again)
  or `{:discard, reason}` (it is not). An exception counts as an error.
  """

  @type result :: :ok | {:ok, term()} | {:error, term()} | {:discard, term()}

  @doc "Does the work."
  @callback perform(arguments :: map()) :: result()

  @doc "Milliseconds to wait before the next attempt, after `attempt` of them failed."
  @callback backoff(attempt :: pos_integer()) :: non_neg_integer()

  defmacro __using__(options) do
    quote do
      @behaviour Workbench.Job

      @doc false
      def __attempts__, do: unquote(Keyword.get(options, :attempts, 3))

      @impl Workbench.Job
      def backoff(attempt), do: Workbench.Job.exponential(attempt)

      defoverridable backoff: 1
    end
  end

  @doc """
  Doubles the pause with each attempt, up to a minute.

      iex> Enum.map(1..4, &Workbench.Job.exponential/1)
      [200, 400, 800, 1600]
      iex> Workbench.Job.exponential(40)
      60000
  """
  @spec exponential(pos_integer()) :: pos_integer()
  def exponential(attempt), do: min(100 * Integer.pow(2, min(attempt, 20)), 60_000)
end
