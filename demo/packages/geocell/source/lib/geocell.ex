defmodule Geocell do
  @moduledoc """
  Geohashes: short strings that name rectangles of the globe.

  Each character splits the rectangle into 32. Places that are near each other usually
  share a prefix, which makes any index of strings an index of places.
  """

  alias Geocell.Box

  @alphabet '0123456789bcdefghjkmnpqrstuvwxyz'
  @values @alphabet |> Enum.with_index() |> Map.new()

  @type hash :: String.t()
  @type point :: {latitude :: float(), longitude :: float()}

  @doc """
  Returns the geohash of a point.

      iex> Geocell.encode({57.64911, 10.40744}, 11)
      "u4pruydqqvj"
  """
  @spec encode(point(), pos_integer()) :: hash()
  def encode({latitude, longitude}, length \\ 9)
      when latitude >= -90 and latitude <= 90 and longitude >= -180 and longitude <= 180 do
    {bits, _box} =
      Enum.map_reduce(0..(length * 5 - 1), Box.world(), &narrow(&1, &2, latitude, longitude))

    bits
    |> Enum.chunk_every(5)
    |> Enum.map(fn five -> Enum.at(@alphabet, Integer.undigits(five, 2)) end)
    |> List.to_string()
  end

  @doc """
  Returns the rectangle that a geohash names.

      iex> {:ok, box} = Geocell.decode("u4pruydqqvj")
      iex> {latitude, longitude} = Geocell.Box.centre(box)
      iex> {Float.round(latitude, 4), Float.round(longitude, 4)}
      {57.6491, 10.4074}
      iex> Geocell.decode("not a hash")
      :error
  """
  @spec decode(hash()) :: {:ok, Box.t()} | :error
  def decode(hash) do
    hash
    |> String.downcase()
    |> String.to_charlist()
    |> Enum.reduce_while({:ok, [], 0}, &collect_bits/2)
    |> case do
      :error -> :error
      {:ok, bits, _count} -> {:ok, bits |> Enum.reverse() |> box()}
    end
  end

  @doc """
  Returns the geohashes of the eight rectangles around one, clockwise from the north.

      iex> Geocell.neighbours("ezs42")
      ["ezs48", "ezs49", "ezs43", "ezs41", "ezs40", "ezefp", "ezefr", "ezefx"]
  """
  @spec neighbours(hash()) :: [hash()]
  def neighbours(hash) do
    {:ok, box} = decode(hash)
    {latitude, longitude} = Box.centre(box)
    {height, width} = Box.size(box)

    for {north, east} <- [{1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, -1}, {1, -1}] do
      encode({clamp(latitude + north * height), wrap(longitude + east * width)}, byte_size(hash))
    end
  end

  defp narrow(index, box, latitude, longitude) do
    if rem(index, 2) == 0,
      do: Box.halve(box, :longitude, longitude),
      else: Box.halve(box, :latitude, latitude)
  end

  defp collect_bits(character, {:ok, bits, count}) do
    case @values do
      %{^character => value} -> {:cont, {:ok, Enum.reverse(five_bits(value)) ++ bits, count + 1}}
      _unknown -> {:halt, :error}
    end
  end

  defp five_bits(value), do: for(<<(bit::1 <- <<value::5>>)>>, do: bit)

  defp box(bits) do
    bits
    |> Enum.with_index()
    |> Enum.reduce(Box.world(), fn {bit, index}, box ->
      Box.keep_half(box, if(rem(index, 2) == 0, do: :longitude, else: :latitude), bit)
    end)
  end

  defp clamp(latitude), do: latitude |> max(-90.0) |> min(90.0)

  defp wrap(longitude) when longitude > 180, do: longitude - 360
  defp wrap(longitude) when longitude < -180, do: longitude + 360
  defp wrap(longitude), do: longitude
end
