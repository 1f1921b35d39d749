defmodule Geocell.Distance do
  @moduledoc """
  Distances and bearings on a sphere of the earth's mean radius.

  The error against the true shape is below 0.6 percent, which is enough for "what is
  near me" and too much for surveying.
  """

  @radius 6_371_008.8
  @degree :math.pi() / 180

  @doc """
  Returns the distance of two points in metres, by the haversine formula.

      iex> berlin = {52.5200, 13.4050}
      iex> bergen = {60.3913, 5.3221}
      iex> round(Geocell.Distance.metres(berlin, bergen) / 1000)
      1005
  """
  @spec metres(Geocell.point(), Geocell.point()) :: float()
  def metres({from_latitude, from_longitude}, {to_latitude, to_longitude}) do
    a =
      haversine((to_latitude - from_latitude) * @degree) +
        :math.cos(from_latitude * @degree) * :math.cos(to_latitude * @degree) *
          haversine((to_longitude - from_longitude) * @degree)

    2 * @radius * :math.asin(min(1.0, :math.sqrt(a)))
  end

  @doc """
  Returns the compass bearing at which one leaves for the other point, in degrees.

      iex> Geocell.Distance.bearing({0.0, 0.0}, {0.0, 10.0})
      90.0
  """
  @spec bearing(Geocell.point(), Geocell.point()) :: float()
  def bearing({from_latitude, from_longitude}, {to_latitude, to_longitude}) do
    from = from_latitude * @degree
    to = to_latitude * @degree
    turn = (to_longitude - from_longitude) * @degree
    y = :math.sin(turn) * :math.cos(to)
    x = :math.cos(from) * :math.sin(to) - :math.sin(from) * :math.cos(to) * :math.cos(turn)
    :math.fmod(:math.atan2(y, x) / @degree + 360, 360.0)
  end

  defp haversine(angle) do
    half = :math.sin(angle / 2)
    half * half
  end
end
