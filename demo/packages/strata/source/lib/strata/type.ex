defmodule Strata.Type do
  @moduledoc """
  Converts what came from a form into what a field holds.
  """

  @doc """
  Converts a value, or answers `:error`.

      iex> Strata.Type.cast(:integer, "12")
      {:ok, 12}
      iex> Strata.Type.cast(:integer, "12 apples")
      :error
      iex> Strata.Type.cast(:boolean, "on")
      {:ok, true}
      iex> Strata.Type.cast(:date, "2024-02-30")
      :error
  """
  @spec cast(atom(), term()) :: {:ok, term()} | :error
  def cast(_type, nil), do: {:ok, nil}
  def cast(:string, value) when is_binary(value), do: {:ok, value}
  def cast(type, value) when type in [:id, :integer] and is_integer(value), do: {:ok, value}

  def cast(type, value) when type in [:id, :integer] and is_binary(value) do
    whole(Integer.parse(value))
  end

  def cast(:float, value) when is_number(value), do: {:ok, value / 1}
  def cast(:float, value) when is_binary(value), do: whole(Float.parse(value))
  def cast(:boolean, value) when value in [true, "true", "1", "on"], do: {:ok, true}
  def cast(:boolean, value) when value in [false, "false", "0", "off"], do: {:ok, false}
  def cast(:map, value) when is_map(value), do: {:ok, value}
  def cast(:date, %Date{} = date), do: {:ok, date}
  def cast(:date, value) when is_binary(value), do: value |> Date.from_iso8601() |> known()
  def cast(:utc_datetime, %DateTime{} = time), do: {:ok, time}

  def cast(:utc_datetime, value) when is_binary(value) do
    case DateTime.from_iso8601(value) do
      {:ok, time, _offset} -> {:ok, DateTime.truncate(time, :second)}
      {:error, _reason} -> :error
    end
  end

  def cast(_type, _value), do: :error

  defp whole({number, ""}), do: {:ok, number}
  defp whole(_partial), do: :error

  defp known({:ok, value}), do: {:ok, value}
  defp known({:error, _reason}), do: :error
end
