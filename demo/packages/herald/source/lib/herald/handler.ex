defmodule Herald.Handler do
  @moduledoc """
  A supervised process that reacts to events.

      defmodule Shop.Receipts do
        use Herald.Handler, topics: ["order.*.paid"]

        @impl Herald.Handler
        def handle_event("order." <> _rest, %{amount: amount}, state) do
          {:ok, Map.update(state, :sum, amount, &(&1 + amount))}
        end
      end

      Herald.Handler.start(Shop.Receipts, %{})

  A handler that returns `:stop` ends normally and is not started again. One that raises
  is started again by its supervisor with the state that it was given first.
  """

  @type state :: term()

  @doc "Reacts to one event."
  @callback handle_event(topic :: String.t(), event :: term(), state()) :: {:ok, state()} | :stop

  @doc "Prepares the state; the default returns its argument."
  @callback prepare(argument :: term()) :: state()

  @optional_callbacks prepare: 1

  defmacro __using__(options) do
    quote bind_quoted: [options: options] do
      @behaviour Herald.Handler
      @herald_topics Keyword.fetch!(options, :topics)

      @doc false
      def __topics__, do: @herald_topics

      @doc false
      def child_spec(argument) do
        %{
          id: __MODULE__,
          start: {Herald.Handler.Server, :start_link, [__MODULE__, argument]},
          restart: :transient
        }
      end

      defoverridable child_spec: 1
    end
  end

  @doc """
  Starts `module` under Herald's own supervisor.
  """
  @spec start(module(), term()) :: DynamicSupervisor.on_start_child()
  def start(module, argument) do
    DynamicSupervisor.start_child(Herald.HandlerSupervisor, {module, argument})
  end
end

defmodule Herald.Handler.Server do
  @moduledoc false

  use GenServer

  def start_link(module, argument) do
    GenServer.start_link(__MODULE__, {module, argument}, name: via(module))
  end

  defp via(module), do: {:via, Registry, {Herald.Names, module}}

  @impl true
  def init({module, argument}) do
    Enum.each(module.__topics__(), &Herald.subscribe/1)
    {:ok, {module, prepare(module, argument)}}
  end

  @impl true
  def handle_info({:herald, topic, event}, {module, state}) do
    case module.handle_event(topic, event, state) do
      {:ok, state} -> {:noreply, {module, state}}
      :stop -> {:stop, :normal, {module, state}}
    end
  end

  defp prepare(module, argument) do
    if function_exported?(module, :prepare, 1), do: module.prepare(argument), else: argument
  end
end
