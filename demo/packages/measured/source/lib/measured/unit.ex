defmodule Measured.Unit do
  @moduledoc """
  A unit: its symbol, its dimension, and how many SI units it is worth.
  """

  @enforce_keys [:symbol, :factor, :dimension]
  defstruct [:symbol, :factor, :dimension]

  @type t :: %__MODULE__{
          symbol: String.t(),
          factor: number(),
          dimension: Measured.Dimension.t()
        }
end
