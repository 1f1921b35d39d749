defmodule Example.GuestBook do
  @moduledoc """
  The entries of the guest book, the newest first.
  """

  use Agent

  @page_length 20

  @doc "Starts an empty guest book."
  def start_link(_options), do: Agent.start_link(fn -> [] end, name: __MODULE__)

  @doc """
  Adds an entry, unless it is empty or longer than a postcard.
  """
  @spec add(String.t(), String.t()) :: :ok | {:error, String.t()}
  def add(_guest, ""), do: {:error, "is empty"}
  def add(_guest, text) when byte_size(text) > 1_000, do: {:error, "is too long for a postcard"}
  def add(guest, text), do: Agent.update(__MODULE__, &[{guest, text} | &1])

  @doc "Returns the entries of a page, counted from 1."
  @spec page(pos_integer()) :: [{String.t(), String.t()}]
  def page(number) do
    Agent.get(__MODULE__, &Enum.slice(&1, (number - 1) * @page_length, @page_length))
  end
end
