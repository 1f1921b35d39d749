defmodule Wirebuf.Frames do
  @moduledoc """
  Cuts a stream of bytes into frames, each of which begins with its length as a varint.
  """

  alias Wirebuf.Varint

  @max_frame 16 * 1024 * 1024

  @doc """
  Puts the length before a frame.

      iex> "abc" |> Wirebuf.Frames.frame() |> IO.iodata_to_binary()
      <<3, "abc">>
  """
  @spec frame(iodata()) :: iodata()
  def frame(body), do: [Varint.encode(IO.iodata_length(body)), body]

  @doc """
  Takes all complete frames from a buffer and gives back what is left.

      iex> Wirebuf.Frames.split(<<1, "a", 2, "bc", 9, "unfi">>)
      {:ok, ["a", "bc"], <<9, "unfi">>}
  """
  @spec split(binary()) :: {:ok, [binary()], rest :: binary()} | {:error, :too_long}
  def split(buffer), do: split(buffer, [])

  defp split(buffer, frames) do
    with {:ok, size, rest} when size <= @max_frame <- Varint.decode(buffer),
         <<frame::binary-size(size), rest::binary>> <- rest do
      split(rest, [frame | frames])
    else
      {:ok, _size, _rest} -> {:error, :too_long}
      {:error, :too_long} -> {:error, :too_long}
      _incomplete -> {:ok, Enum.reverse(frames), buffer}
    end
  end
end
