defmodule Geocell.Box do
  @moduledoc """
  A rectangle between two latitudes and two longitudes, in degrees.
  """

  @enforce_keys [:latitude, :longitude]
  defstruct [:latitude, :longitude]

  @type range :: {low :: float(), high :: float()}
  @type t :: %__MODULE__{latitude: range(), longitude: range()}

  @doc "Returns the whole globe."
  @spec world() :: t()
  def world, do: %__MODULE__{latitude: {-90.0, 90.0}, longitude: {-180.0, 180.0}}

  @doc """
  Keeps the half that holds `value` and answers which one it was, 0 for the lower.

      iex> {bit, box} = Geocell.Box.halve(Geocell.Box.world(), :latitude, 52.0)
      iex> {bit, box.latitude}
      {1, {0.0, 90.0}}
  """
  @spec halve(t(), :latitude | :longitude, float()) :: {0 | 1, t()}
  def halve(box, axis, value) do
    {low, high} = Map.fetch!(box, axis)
    bit = if value >= (low + high) / 2, do: 1, else: 0
    {bit, keep_half(box, axis, bit)}
  end

  @doc "Keeps the lower (0) or the upper (1) half."
  @spec keep_half(t(), :latitude | :longitude, 0 | 1) :: t()
  def keep_half(box, axis, bit) do
    Map.update!(box, axis, fn {low, high} ->
      middle = (low + high) / 2
      if bit == 1, do: {middle, high}, else: {low, middle}
    end)
  end

  @doc "Returns the point in the middle."
  @spec centre(t()) :: Geocell.point()
  def centre(%__MODULE__{latitude: {south, north}, longitude: {west, east}}) do
    {(south + north) / 2, (west + east) / 2}
  end

  @doc "Returns height and width in degrees."
  @spec size(t()) :: {float(), float()}
  def size(%__MODULE__{latitude: {south, north}, longitude: {west, east}}) do
    {north - south, east - west}
  end
end
