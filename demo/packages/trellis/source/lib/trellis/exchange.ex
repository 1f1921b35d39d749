defmodule Trellis.Exchange do
  @moduledoc """
  One request and what is to be answered.
  """

  defstruct method: :get,
            path: [],
            params: %{},
            headers: %{},
            body: "",
            assigns: %{},
            status: nil,
            response_headers: %{},
            response: "",
            halted: false

  @type t :: %__MODULE__{
          method: atom(),
          path: [String.t()],
          params: %{optional(String.t()) => term()},
          headers: %{optional(String.t()) => String.t()},
          body: iodata(),
          assigns: map(),
          status: nil | 100..599,
          response_headers: %{optional(String.t()) => String.t()},
          response: iodata(),
          halted: boolean()
        }

  @doc """
  Builds an exchange from a method and a target with its query.

      iex> exchange = Trellis.Exchange.new(:get, "/orders/17?page=2")
      iex> {exchange.path, exchange.params}
      {["orders", "17"], %{"page" => "2"}}
  """
  @spec new(atom(), String.t(), keyword()) :: t()
  def new(method, target, options \\ []) do
    %URI{path: path, query: query} = URI.parse(target)

    %__MODULE__{
      method: method,
      path: String.split(path || "", "/", trim: true),
      params: URI.decode_query(query || ""),
      headers: Map.new(options[:headers] || %{}),
      body: options[:body] || ""
    }
  end

  @doc """
  Remembers `value` under `key`, for later plugs and for templates.
  """
  @spec assign(t(), atom(), term()) :: t()
  def assign(%__MODULE__{assigns: assigns} = exchange, key, value) when is_atom(key) do
    %{exchange | assigns: Map.put(assigns, key, value)}
  end

  @doc """
  Keeps the plugs that follow from being called.
  """
  @spec halt(t()) :: t()
  def halt(exchange), do: %{exchange | halted: true}

  @doc """
  Sets a header of the response; names are case-insensitive and kept in lower case.

      iex> exchange = Trellis.Exchange.new(:get, "/") |> Trellis.Exchange.put_header("X-Frame", "no")
      iex> exchange.response_headers
      %{"x-frame" => "no"}
  """
  @spec put_header(t(), String.t(), String.t()) :: t()
  def put_header(exchange, name, value) do
    put_in(exchange.response_headers[String.downcase(name)], value)
  end

  @doc "Answers with plain text."
  @spec text(t(), 100..599, iodata()) :: t()
  def text(exchange, status \\ 200, body), do: answer(exchange, status, "text/plain", body)

  @doc "Answers with HTML."
  @spec html(t(), 100..599, iodata()) :: t()
  def html(exchange, status \\ 200, body), do: answer(exchange, status, "text/html", body)

  @doc """
  Sends the client elsewhere, with the 303 that turns a form's POST into a GET.
  """
  @spec redirect(t(), String.t()) :: t()
  def redirect(exchange, "/" <> _rest = path) do
    exchange |> put_header("location", path) |> text(303, "")
  end

  defp answer(exchange, status, type, body) do
    exchange = put_header(exchange, "content-type", type <> "; charset=utf-8")
    %{exchange | status: status, response: body}
  end
end
