defmodule Trellis.Router do
  @moduledoc """
  Turns routes into function clauses, so that the virtual machine's own pattern matching
  finds the right one.

  `get "/orders/:id", OrderController, :show` becomes

      defp route(:get, ["orders", id], exchange) do
        # put id into the params and call OrderController.call(exchange, :show)
      end

  The first route that matches wins. `routes/0` lists them, for `mix trellis.routes`.
  """

  defmacro __using__(_options) do
    quote do
      @behaviour Trellis.Plug
      import Trellis.Router, only: [get: 3, post: 3, delete: 3, scope: 2, plug: 1, plug: 2]

      Module.register_attribute(__MODULE__, :trellis_routes, accumulate: true)
      Module.register_attribute(__MODULE__, :trellis_plugs, accumulate: true)
      @trellis_scope []
      @before_compile Trellis.Router
    end
  end

  for method <- [:get, :post, :delete] do
    @doc """
    Routes #{String.upcase(to_string(method))} requests for `path` to an action of a controller.
    """
    defmacro unquote(method)(path, controller, action) do
      Trellis.Router.add_route(unquote(method), path, controller, action)
    end
  end

  @doc """
  Puts a prefix before the paths of all routes in the block.
  """
  defmacro scope(prefix, do: block) do
    quote do
      previous = @trellis_scope
      @trellis_scope previous ++ Trellis.Router.segments(unquote(prefix))
      unquote(block)
      @trellis_scope previous
    end
  end

  @doc """
  Adds a plug that every exchange passes before it is routed.
  """
  defmacro plug(module, options \\ []) do
    quote do
      @trellis_plugs {unquote(module), unquote(options)}
    end
  end

  @doc false
  def add_route(method, path, controller, action) do
    quote do
      @trellis_routes {unquote(method), @trellis_scope ++ Trellis.Router.segments(unquote(path)),
                       unquote(controller), unquote(action)}
    end
  end

  @doc """
  Splits a route's path.

      iex> Trellis.Router.segments("/orders/:id/items")
      ["orders", {:param, "id"}, "items"]
  """
  @spec segments(String.t()) :: [String.t() | {:param, String.t()}]
  def segments(path) do
    for segment <- String.split(path, "/", trim: true) do
      case segment do
        ":" <> name -> {:param, name}
        word -> word
      end
    end
  end

  defmacro __before_compile__(environment) do
    routes = environment.module |> Module.get_attribute(:trellis_routes) |> Enum.reverse()
    plugs = environment.module |> Module.get_attribute(:trellis_plugs) |> Enum.reverse()

    quote do
      @impl Trellis.Plug
      def init(options), do: options

      @impl Trellis.Plug
      def call(exchange, _options) do
        unquote(Macro.escape(plugs))
        |> Enum.reduce(exchange, fn {plug, options}, exchange ->
          Trellis.Plug.run(exchange, plug, options)
        end)
        |> Trellis.Plug.run(&route/2, [])
      end

      @doc "Lists the routes: method, path, controller and action."
      def routes, do: unquote(Macro.escape(routes))

      defp route(exchange, _options), do: route(exchange.method, exchange.path, exchange)
      unquote_splicing(Enum.map(routes, &clause/1))
      defp route(_method, _path, exchange), do: exchange
    end
  end

  defp clause({method, segments, controller, action}) do
    pattern = Enum.map(segments, &pattern/1)
    params = for {:param, name} <- segments, do: {name, variable(name)}

    quote do
      defp route(unquote(method), unquote(pattern), exchange) do
        exchange
        |> Map.update!(:params, &Map.merge(&1, %{unquote_splicing(params)}))
        |> Trellis.Plug.run(unquote(controller), unquote(action))
      end
    end
  end

  defp pattern({:param, name}), do: variable(name)
  defp pattern(word), do: word

  # Names come from the developer's own source, so the atom table cannot be flooded.
  defp variable(name), do: Macro.var(String.to_atom(name), __MODULE__)
end
