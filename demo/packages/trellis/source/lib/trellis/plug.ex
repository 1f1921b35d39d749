defmodule Trellis.Plug do
  @moduledoc """
  The one thing everything else is made of.

  A plug is a module with this behaviour or a function of two arguments. Options are
  prepared once, when the pipeline is compiled.
  """

  alias Trellis.Exchange

  @doc "Prepares the options."
  @callback init(options :: term()) :: term()

  @doc "Handles an exchange."
  @callback call(Exchange.t(), options :: term()) :: Exchange.t()

  @doc """
  Calls a plug, unless the exchange is halted.
  """
  @spec run(Exchange.t(), module() | function(), term()) :: Exchange.t()
  def run(%Exchange{halted: true} = exchange, _plug, _options), do: exchange
  def run(exchange, plug, options) when is_function(plug, 2), do: plug.(exchange, options)
  def run(exchange, plug, options), do: plug.call(exchange, plug.init(options))
end

defmodule Trellis.Plug.Request.Id do
  @moduledoc """
  Gives each exchange a number that logs can be searched for.

  A number that came with the request is kept if it looks harmless.
  """

  @behaviour Trellis.Plug

  alias Trellis.Exchange

  @impl true
  def init(options), do: Keyword.get(options, :header, "x-request-id")

  @impl true
  def call(exchange, header) do
    id = acceptable(exchange.headers[header]) || random()
    exchange |> Exchange.assign(:request_id, id) |> Exchange.put_header(header, id)
  end

  defp acceptable(<<id::binary>>) when byte_size(id) in 8..64 do
    if id =~ ~r/\A[[:alnum:]-]+\z/, do: id
  end

  defp acceptable(_other), do: nil

  defp random, do: 12 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)
end

defmodule Trellis.Plug.Form do
  @moduledoc """
  Reads the fields of a submitted form into the parameters.
  """

  @behaviour Trellis.Plug

  @form "application/x-www-form-urlencoded"

  @impl true
  def init(options), do: Keyword.get(options, :limit, 1_000_000)

  @impl true
  def call(%{method: :post, headers: %{"content-type" => @form <> _}} = exchange, limit) do
    if IO.iodata_length(exchange.body) > limit do
      exchange |> Trellis.Exchange.text(413, "Too large") |> Trellis.Exchange.halt()
    else
      fields = exchange.body |> IO.iodata_to_binary() |> URI.decode_query()
      %{exchange | params: Map.merge(exchange.params, fields)}
    end
  end

  def call(exchange, _limit), do: exchange
end
