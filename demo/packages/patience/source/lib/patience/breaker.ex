defmodule Patience.Breaker do
  @moduledoc """
  A circuit breaker: stops calling what has failed too often, and tries again later.

  Closed, it lets calls through and counts failures in a row. Open, it answers
  `{:error, :open}` at once, which spares both sides. After `:cooldown` milliseconds it is
  half open: one call goes through, and its result decides what comes next.

      {:ok, breaker} = Patience.Breaker.start_link(failures: 5, cooldown: 10_000)
      Patience.Breaker.call(breaker, fn -> Database.query(sql) end)

  The function runs in the caller, so the breaker is never the bottleneck.
  """

  use GenServer

  @type status :: :closed | :open | :half_open

  @doc """
  Starts a breaker.

  ## Options

    * `:failures` - how many failures in a row open it (default 5)
    * `:cooldown` - milliseconds until it tries again (default 5000)
    * `:clock` - a function that returns milliseconds, for tests
  """
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options \\ []) do
    GenServer.start_link(__MODULE__, options, Keyword.take(options, [:name]))
  end

  @doc """
  Calls `fun` unless the breaker is open.
  """
  @spec call(GenServer.server(), (() -> term())) :: term() | {:error, :open}
  def call(breaker, fun) do
    case GenServer.call(breaker, :permission) do
      :granted -> observe(breaker, fun)
      :refused -> {:error, :open}
    end
  end

  @doc "Tells the status."
  @spec status(GenServer.server()) :: status()
  def status(breaker), do: GenServer.call(breaker, :status)

  defp observe(breaker, fun) do
    result = fun.()
    GenServer.cast(breaker, if(Patience.failure?(result), do: :failure, else: :success))
    result
  rescue
    exception ->
      GenServer.cast(breaker, :failure)
      reraise exception, __STACKTRACE__
  end

  @impl true
  def init(options) do
    {:ok,
     %{
       status: :closed,
       failures: 0,
       opened_at: nil,
       allowed: Keyword.get(options, :failures, 5),
       cooldown: Keyword.get(options, :cooldown, 5_000),
       clock: Keyword.get(options, :clock, fn -> System.monotonic_time(:millisecond) end)
     }}
  end

  @impl true
  def handle_call(:status, _from, breaker), do: {:reply, breaker.status, breaker}

  def handle_call(:permission, _from, %{status: :closed} = breaker),
    do: {:reply, :granted, breaker}

  def handle_call(:permission, _from, %{status: :half_open} = breaker),
    do: {:reply, :refused, breaker}

  def handle_call(:permission, _from, %{status: :open} = breaker) do
    if breaker.clock.() - breaker.opened_at >= breaker.cooldown,
      do: {:reply, :granted, %{breaker | status: :half_open}},
      else: {:reply, :refused, breaker}
  end

  @impl true
  def handle_cast(:success, breaker), do: {:noreply, %{breaker | status: :closed, failures: 0}}

  def handle_cast(:failure, breaker) do
    failures = breaker.failures + 1

    if breaker.status == :half_open or failures >= breaker.allowed,
      do: {:noreply, %{breaker | status: :open, failures: failures, opened_at: breaker.clock.()}},
      else: {:noreply, %{breaker | failures: failures}}
  end
end
