defmodule FerryBoard.Crew.Rota do
  @moduledoc """
  Who is on duty on which ferry.

  Its author does not want it in a data set: the demo leaves it out by an entry in the ledger.
  """

  @doc """
  Distributes a crew over ferries in turn, so that nobody has two duties before all have one.

      iex> FerryBoard.Crew.Rota.assign(["Ada", "Ben"], [:dawn, :noon, :dusk])
      %{dawn: "Ada", noon: "Ben", dusk: "Ada"}
  """
  @spec assign([String.t(), ...], [atom()]) :: %{atom() => String.t()}
  def assign(crew, ferries), do: ferries |> Enum.zip(Stream.cycle(crew)) |> Map.new()

  @doc """
  Returns how many duties each member of a crew has.

      iex> FerryBoard.Crew.Rota.duties(%{dawn: "Ada", noon: "Ben", dusk: "Ada"})
      %{"Ada" => 2, "Ben" => 1}
  """
  @spec duties(%{atom() => String.t()}) :: %{String.t() => pos_integer()}
  def duties(rota), do: rota |> Map.values() |> Enum.frequencies()
end
