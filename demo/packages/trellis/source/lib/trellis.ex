defmodule Trellis do
  @moduledoc """
  A web framework small enough to be read in an evening.

  A request is a `Trellis.Exchange`. It passes through plugs, functions from an exchange
  and options to an exchange; a router is a plug that chooses others, a controller one
  that answers. Nothing here opens a socket: an adapter turns bytes into an exchange and
  its response back into bytes.

      defmodule Shop do
        use Trellis, :router

        plug Trellis.Plug.Request.Id
        get "/", Shop.PageController, :index

        scope "/orders" do
          get "/:id", Shop.OrderController, :show
          post "/", Shop.OrderController, :create
        end
      end
  """

  @doc """
  Injects what a `:router`, a `:controller` or a `:view` needs.
  """
  defmacro __using__(kind) when kind in [:router, :controller, :view] do
    apply(__MODULE__, kind, [])
  end

  @doc false
  def router do
    quote do
      use Trellis.Router
      import Trellis.Exchange
    end
  end

  @doc false
  def controller do
    quote do
      use Trellis.Controller
      import Trellis.Exchange
      alias Trellis.Exchange
    end
  end

  @doc false
  def view do
    quote do
      use Trellis.View
      import Trellis.Html
    end
  end

  @doc """
  Runs a plug over an exchange, and answers 404 if nothing else did.

      iex> exchange = Trellis.Exchange.new(:get, "/nowhere")
      iex> Trellis.call(exchange, fn exchange, _options -> exchange end).status
      404
  """
  @spec call(
          Trellis.Exchange.t(),
          module() | (Trellis.Exchange.t(), term() -> Trellis.Exchange.t())
        ) ::
          Trellis.Exchange.t()
  def call(exchange, plug) do
    case Trellis.Plug.run(exchange, plug, []) do
      %{status: nil} = unanswered -> Trellis.Exchange.text(unanswered, 404, "Not found")
      answered -> answered
    end
  end
end
