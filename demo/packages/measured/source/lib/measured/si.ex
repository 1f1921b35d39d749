defmodule Measured.Si do
  @moduledoc """
  The units of everyday life and of physics lessons.
  """

  use Measured.Units

  unit(:metre, "m", 1, length: 1)
  unit(:kilometre, "km", 1000, length: 1)
  unit(:centimetre, "cm", 0.01, length: 1)
  unit(:kilogram, "kg", 1, mass: 1)
  unit(:gram, "g", 0.001, mass: 1)
  unit(:second, "s", 1, time: 1)
  unit(:minute, "min", 60, time: 1)
  unit(:hour, "h", 3600, time: 1)
  unit(:newton, "N", 1, mass: 1, length: 1, time: -2)
  unit(:joule, "J", 1, mass: 1, length: 2, time: -2)
  unit(:watt, "W", 1, mass: 1, length: 2, time: -3)
  unit(:litre, "l", 0.001, length: 3)
end
