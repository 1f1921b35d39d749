defmodule Trellis.Controller do
  @moduledoc """
  Groups actions that answer requests for one kind of thing.

  An action is a function of the exchange and its parameters. Plugs declared with
  `guard_with/2` run before it and may halt the exchange.

      defmodule Shop.OrderController do
        use Trellis, :controller

        guard_with :require_user, only: [:create]

        def show(exchange, %{"id" => id}), do: text(exchange, "Order " <> id)
        def create(exchange, _params), do: redirect(exchange, "/orders/18")

        defp require_user(%{assigns: %{user: _user}} = exchange), do: exchange
        defp require_user(exchange), do: exchange |> text(401, "Who are you?") |> halt()
      end
  """

  defmacro __using__(_options) do
    quote do
      @behaviour Trellis.Plug
      import Trellis.Controller, only: [guard_with: 1, guard_with: 2]
      Module.register_attribute(__MODULE__, :trellis_guards, accumulate: true)
      @before_compile Trellis.Controller

      @impl Trellis.Plug
      def init(action) when is_atom(action), do: action

      @impl Trellis.Plug
      def call(exchange, action) do
        case before_action(exchange, action) do
          %{halted: true} = halted -> halted
          passed -> apply(__MODULE__, action, [passed, passed.params])
        end
      end

      defoverridable init: 1, call: 2
    end
  end

  @doc """
  Runs the private function `name` before the actions in `:only`, or before all.
  """
  defmacro guard_with(name, options \\ []) do
    quote do
      @trellis_guards {unquote(name), unquote(options)[:only]}
    end
  end

  defmacro __before_compile__(environment) do
    guards = environment.module |> Module.get_attribute(:trellis_guards) |> Enum.reverse()

    quote do
      defp before_action(exchange, action) do
        Trellis.Controller.run_guards(exchange, action, [
          unquote_splicing(Enum.map(guards, &guard/1))
        ])
      end
    end
  end

  # Guards are private functions, so they are captured inside the controller itself.
  defp guard({name, only}) do
    quote do
      {unquote(only), fn exchange -> unquote(name)(exchange) end}
    end
  end

  @doc """
  Runs guards one after the other until one of them halts the exchange.

  Each guard comes with the list of actions that it is for, or nil for all of them.
  """
  @spec run_guards(Trellis.Exchange.t(), atom(), [{[atom()] | nil, function()}]) ::
          Trellis.Exchange.t()
  def run_guards(exchange, action, guards) do
    Enum.reduce_while(guards, exchange, fn {only, guard}, exchange ->
      guarded = if only == nil or action in only, do: guard.(exchange), else: exchange
      if guarded.halted, do: {:halt, guarded}, else: {:cont, guarded}
    end)
  end
end
