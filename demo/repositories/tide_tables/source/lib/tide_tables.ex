defmodule TideTables do
  @moduledoc """
  The height of the tide as a sum of cosines, one for each constituent.
  """

  @type constituent :: {amplitude :: float(), degrees_an_hour :: float(), phase :: float()}

  @doc """
  Returns the height above mean sea level after so many hours.

      iex> TideTables.height([{1.5, 30.0, 0.0}], 0.0)
      1.5
  """
  @spec height([constituent()], float()) :: float()
  def height(constituents, hours) do
    for {amplitude, speed, phase} <- constituents, reduce: 0.0 do
      sum -> sum + amplitude * :math.cos((speed * hours - phase) * :math.pi() / 180)
    end
  end
end
