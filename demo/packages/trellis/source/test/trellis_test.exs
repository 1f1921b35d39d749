defmodule TrellisTest do
  use ExUnit.Case, async: true

  alias Trellis.Exchange

  doctest Trellis
  doctest Trellis.Exchange
  doctest Trellis.Html
  doctest Trellis.Router

  defmodule OrderController do
    use Trellis, :controller

    guard_with(:require_user, only: [:create])

    def show(exchange, %{"id" => id}), do: text(exchange, "Order " <> id)
    def create(exchange, _params), do: redirect(exchange, "/orders/18")

    defp require_user(%{headers: %{"user" => _}} = exchange), do: exchange
    defp require_user(exchange), do: exchange |> text(401, "Who are you?") |> halt()
  end

  defmodule Router do
    use Trellis, :router

    plug Trellis.Plug.Request.Id
    plug Trellis.Plug.Form, limit: 10

    scope "/orders" do
      get "/:id", OrderController, :show
      post "/", OrderController, :create
    end
  end

  defp request(method, path, options \\ []) do
    method |> Exchange.new(path, options) |> Trellis.call(Router)
  end

  test "a parameter in the path reaches the action" do
    assert request(:get, "/orders/17").response == "Order 17"
  end

  test "an unknown path is not found" do
    assert request(:get, "/orders/17/items").status == 404
  end

  test "a guard may answer in place of the action" do
    assert request(:post, "/orders").status == 401
    assert %{status: 303} = answered = request(:post, "/orders", headers: [{"user", "ada"}])
    assert answered.response_headers["location"] == "/orders/18"
  end

  test "a form that is too large never reaches its controller" do
    headers = [{"content-type", "application/x-www-form-urlencoded"}]
    assert request(:post, "/orders", headers: headers, body: "text=far+too+long").status == 413
  end

  test "a request keeps the number it came with" do
    answered = request(:get, "/orders/1", headers: [{"x-request-id", "abcd-1234"}])
    assert answered.response_headers["x-request-id"] == "abcd-1234"
  end

  test "the routes can be listed" do
    assert [{:get, ["orders", {:param, "id"}], OrderController, :show}, {:post, _, _, :create}] =
             Router.routes()
  end
end
