defmodule Example.PageController do
  use Trellis, :controller

  guard_with(:load_guest)

  @doc """
  Shows the latest entries of the guest book.
  """
  def index(exchange, params) do
    page = params |> Map.get("page", "1") |> String.to_integer()
    entries = Example.GuestBook.page(page)
    html(exchange, Example.PageView.render("index.html", entries: entries, page: page))
  end

  @doc """
  Adds an entry and shows the first page again.
  """
  def create(%{assigns: %{guest: guest}} = exchange, %{"text" => text}) do
    case Example.GuestBook.add(guest, String.trim(text)) do
      :ok -> redirect(exchange, "/")
      {:error, reason} -> text(exchange, 422, "Your entry #{reason}")
    end
  end

  defp load_guest(%{headers: %{"cookie" => "guest=" <> name}} = exchange) do
    assign(exchange, :guest, name)
  end

  defp load_guest(exchange), do: assign(exchange, :guest, "a stranger")
end
