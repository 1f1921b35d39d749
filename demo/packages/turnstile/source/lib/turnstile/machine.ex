defmodule Turnstile.Machine do
  @moduledoc """
  Runs a declaration in a process, on top of `:gen_statem`.

  An event without a transition is answered with an error and changes nothing. A state
  may time out: with `timeouts: [unlocked: {5_000, :push}]` the machine sends itself the
  event after that many milliseconds in the state.
  """

  @behaviour :gen_statem

  @doc """
  Starts a machine of `module`.

  ## Options

    * `:data` - what `c:Turnstile.entered/3` gets and returns (default nil)
    * `:timeouts` - events that a state causes by itself
  """
  @spec start_link(module(), keyword()) :: :gen_statem.start_ret()
  def start_link(module, options \\ []) do
    :gen_statem.start_link(__MODULE__, {module, options}, [])
  end

  @doc "Describes a machine as a child of a supervisor."
  def child_spec({module, options}) do
    %{id: module, start: {__MODULE__, :start_link, [module, options]}, restart: :transient}
  end

  @doc "Sends an event and returns the new state."
  @spec send_event(:gen_statem.server_ref(), atom()) :: {:ok, atom()} | {:error, term()}
  def send_event(machine, event), do: :gen_statem.call(machine, {:event, event})

  @doc "Returns the state and the data."
  @spec state(:gen_statem.server_ref()) :: {atom(), term()}
  def state(machine), do: :gen_statem.call(machine, :state)

  @impl :gen_statem
  def callback_mode, do: :handle_event_function

  @impl :gen_statem
  def init({module, options}) do
    state = module.initial()
    context = %{module: module, data: options[:data], timeouts: Map.new(options[:timeouts] || [])}
    {:ok, state, context, timeout(context, state)}
  end

  @impl :gen_statem
  def handle_event({:call, from}, :state, state, context) do
    {:keep_state_and_data, {:reply, from, {state, context.data}}}
  end

  def handle_event({:call, from}, {:event, event}, state, context) do
    case context.module.next(state, event) do
      {:ok, next} ->
        context = enter(context, next, event)
        {:next_state, next, context, [{:reply, from, {:ok, next}} | timeout(context, next)]}

      {:error, reason} ->
        {:keep_state_and_data, {:reply, from, {:error, reason}}}
    end
  end

  def handle_event(:state_timeout, event, state, context) do
    {:ok, next} = context.module.next(state, event)
    context = enter(context, next, event)
    {:next_state, next, context, timeout(context, next)}
  end

  defp enter(context, state, event) do
    %{context | data: context.module.entered(state, event, context.data)}
  end

  defp timeout(context, state) do
    case context.timeouts do
      %{^state => {milliseconds, event}} -> [{:state_timeout, milliseconds, event}]
      _no_timeout -> []
    end
  end
end
