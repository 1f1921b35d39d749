defmodule Patience do
  @moduledoc """
  For calls that sometimes fail and would succeed a little later.

      Patience.retry([attempts: 5, base: 100], fn ->
        Http.get("https://example.org/slow")
      end)

  Only results that look like failures are tried again: `:error`, `{:error, reason}` and,
  if asked for, exceptions. Between attempts the caller sleeps for a time drawn at random
  below a bound that doubles ("full jitter"), so that a crowd of callers that failed
  together does not come back together.
  """

  alias Patience.Backoff

  @type result :: term()

  @doc """
  Calls `fun` until it succeeds or the attempts are used up, and returns its last result.

  ## Options

    * `:attempts` - how often to try altogether (default 3)
    * `:base` and `:limit` - bounds of the pauses in milliseconds, see `Patience.Backoff`
    * `:rescue` - exceptions that count as failures (default none)
    * `:retry?` - a function that tells whether a result is worth another attempt
    * `:sleep` - what to do with a pause (default `Process.sleep/1`)

  ## Examples

      iex> Patience.retry([attempts: 2, sleep: fn _ -> :ok end], fn -> {:error, :busy} end)
      {:error, :busy}
      iex> Patience.retry([], fn -> {:ok, 1} end)
      {:ok, 1}
  """
  @spec retry(keyword(), (() -> result())) :: result()
  def retry(options \\ [], fun) when is_function(fun, 0) do
    attempts = Keyword.get(options, :attempts, 3)
    again? = Keyword.get(options, :retry?, &failure?/1)
    attempt(fun, 1, attempts, again?, options)
  end

  @doc """
  Calls `fun` in a process of its own and gives up after `milliseconds`.

  The process is killed then, so nothing of it is left; what it did to the outside world
  stays done.

      iex> Patience.within(1_000, fn -> :done end)
      {:ok, :done}
      iex> Patience.within(1, fn -> Process.sleep(:infinity) end)
      {:error, :timeout}
  """
  @spec within(pos_integer(), (() -> value)) :: {:ok, value} | {:error, term()} when value: term()
  def within(milliseconds, fun) do
    task = Task.Supervisor.async_nolink(Patience.Tasks, fun)

    case Task.yield(task, milliseconds) || Task.shutdown(task, :brutal_kill) do
      {:ok, value} -> {:ok, value}
      {:exit, reason} -> {:error, reason}
      nil -> {:error, :timeout}
    end
  end

  @doc """
  Tells whether a result is a failure.

      iex> Enum.map([:ok, :error, {:error, :enoent}, nil], &Patience.failure?/1)
      [false, true, true, false]
  """
  @spec failure?(result()) :: boolean()
  def failure?(:error), do: true
  def failure?({:error, _reason}), do: true
  def failure?(_success), do: false

  defp attempt(fun, number, attempts, again?, options) do
    result = call(fun, Keyword.get(options, :rescue, []), number == attempts)

    if number < attempts and again?.(result) do
      number |> Backoff.pause(options) |> Keyword.get(options, :sleep, &Process.sleep/1).()
      attempt(fun, number + 1, attempts, again?, options)
    else
      result
    end
  end

  # The last attempt lets its exception through: the caller should see where it came from.
  defp call(fun, _rescued, true), do: fun.()

  defp call(fun, rescued, false) do
    fun.()
  rescue
    exception ->
      if exception.__struct__ in rescued,
        do: {:error, exception},
        else: reraise(exception, __STACKTRACE__)
  end
end
