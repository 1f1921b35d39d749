defmodule Forecast do
  @moduledoc """
  Guesses the temperature of the next hours from those of the last days.

  The method is Holt's: a level and a trend, both smoothed exponentially. It knows nothing
  of weather, and is right surprisingly often.
  """

  alias Forecast.Smoothing

  @doc """
  Continues a series of values by `horizon` steps.

      iex> Forecast.continue([10.0, 11.0, 12.0, 13.0], 2)
      [14.0, 15.0]
  """
  @spec continue([float(), ...], pos_integer(), keyword()) :: [float()]
  def continue(values, horizon, options \\ []) do
    {level, trend} = Smoothing.holt(values, options)
    for step <- 1..horizon, do: Float.round(level + step * trend, 2)
  end

  @doc """
  Measures the mean absolute error of forecasts one step ahead over a series.

      iex> Forecast.error([5.0, 5.0, 5.0, 5.0])
      0.0
  """
  @spec error([float()], keyword()) :: float()
  def error(values, options \\ []) do
    errors =
      for length <- 2..(length(values) - 1)//1 do
        {known, [actual | _future]} = Enum.split(values, length)
        [guess] = continue(known, 1, options)
        abs(guess - actual)
      end

    Enum.sum(errors) / max(length(errors), 1)
  end
end
