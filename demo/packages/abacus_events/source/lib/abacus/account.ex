defmodule Abacus.Account do
  @moduledoc """
  An account as the sum of what happened to it.
  """

  defstruct balance: 0, open: false

  @type event :: :opened | {:deposited, pos_integer()} | {:withdrew, pos_integer()}

  @doc "Replays events, the oldest first."
  @spec replay([event()]) :: %__MODULE__{}
  def replay(events), do: Enum.reduce(events, %__MODULE__{}, &handle/2)

  defp handle(:opened, account), do: %{account | open: true}
  defp handle({:deposited, cents}, account), do: %{account | balance: account.balance + cents}
  defp handle({:withdrew, cents}, account), do: %{account | balance: account.balance - cents}
end
