defmodule Forecast.Smoothing do
  @moduledoc """
  Exponential smoothing: the newest value counts most, older ones less and less.
  """

  @doc """
  Smooths a series; `alpha` in (0, 1] is the weight of the newest value.

      iex> Forecast.Smoothing.simple([10.0, 20.0, 20.0], 0.5)
      [10.0, 15.0, 17.5]
  """
  @spec simple([float()], float()) :: [float()]
  def simple(values, alpha) when alpha > 0 and alpha <= 1 do
    Enum.scan(values, fn value, smoothed -> alpha * value + (1 - alpha) * smoothed end)
  end

  @doc """
  Returns level and trend at the end of a series.

  ## Options

    * `:alpha` - weight of the newest value in the level (default 0.8)
    * `:beta` - weight of the newest difference in the trend (default 0.4)
  """
  @spec holt([float(), ...], keyword()) :: {level :: float(), trend :: float()}
  def holt(values, options \\ [])
  def holt([only], _options), do: {only, 0.0}

  def holt([first, second | rest], options) do
    alpha = Keyword.get(options, :alpha, 0.8)
    beta = Keyword.get(options, :beta, 0.4)

    Enum.reduce(rest, {second, second - first}, fn value, {level, trend} ->
      next = alpha * value + (1 - alpha) * (level + trend)
      {next, beta * (next - level) + (1 - beta) * trend}
    end)
  end
end
