defmodule TallyBook.Entry do
  @moduledoc "One side of a transaction."

  @enforce_keys [:account, :side, :cents]
  defstruct @enforce_keys

  @type t :: %__MODULE__{account: atom(), side: :debit | :credit, cents: non_neg_integer()}

  @doc "Returns the amount, negative for a credit."
  @spec signed(t()) :: integer()
  def signed(%__MODULE__{side: :debit, cents: cents}), do: cents
  def signed(%__MODULE__{side: :credit, cents: cents}), do: -cents
end
