defmodule Station.Reading do
  @moduledoc """
  What a sensor measured at one moment.
  """

  @enforce_keys [:place, :celsius, :humidity, :at]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          place: atom(),
          celsius: float(),
          humidity: float(),
          at: DateTime.t()
        }

  @doc "Builds a reading of this moment."
  @spec new(atom(), float(), float()) :: t()
  def new(place, celsius, humidity) when humidity >= 0 and humidity <= 100 do
    %__MODULE__{place: place, celsius: celsius, humidity: humidity, at: DateTime.utc_now()}
  end

  @doc """
  Returns the temperature at which this air would be saturated, in degrees Celsius.

  Uses the Magnus formula with Sonntag's coefficients, good from -45 to 60 degrees.

      iex> reading = Station.Reading.new(:roof, 20.0, 50.0)
      iex> Float.round(Station.Reading.dew_point(reading), 1)
      9.3
  """
  @spec dew_point(t()) :: float()
  def dew_point(%__MODULE__{celsius: celsius, humidity: humidity}) do
    gamma = :math.log(humidity / 100) + 17.62 * celsius / (243.12 + celsius)
    243.12 * gamma / (17.62 - gamma)
  end

  @doc """
  Tells how the air feels when it is hot and damp; below 27 degrees the temperature itself.
  """
  @spec felt(t()) :: float()
  def felt(%__MODULE__{celsius: celsius}) when celsius < 27, do: celsius

  def felt(%__MODULE__{celsius: celsius} = reading) do
    vapour = 6.11 * :math.exp(5417.753 * (1 / 273.16 - 1 / (273.15 + dew_point(reading))))
    celsius + 0.5555 * (vapour - 10)
  end
end
