defmodule TallyBook do
  @moduledoc """
  Books in which every amount stands twice.
  """

  alias TallyBook.Entry

  defstruct entries: []

  @type t :: %__MODULE__{entries: [Entry.t()]}

  @doc "Returns an empty book."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc """
  Enters a transaction, if its debits and credits are equal.
  """
  @spec post(t(), [Entry.t()]) :: {:ok, t()} | {:error, {:unbalanced, integer()}}
  def post(%__MODULE__{entries: entries} = book, transaction) do
    case transaction |> Enum.map(&Entry.signed/1) |> Enum.sum() do
      0 -> {:ok, %{book | entries: transaction ++ entries}}
      difference -> {:error, {:unbalanced, difference}}
    end
  end

  @doc "Returns the balance of an account in the smallest unit of the currency."
  @spec balance(t(), atom()) :: integer()
  def balance(%__MODULE__{entries: entries}, account) do
    for(entry <- entries, entry.account == account, do: Entry.signed(entry)) |> Enum.sum()
  end
end
