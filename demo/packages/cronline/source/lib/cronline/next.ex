defmodule Cronline.Next do
  @moduledoc """
  Finds the next moment that an expression matches, without trying every minute.

  The largest field that does not fit is moved on first, and all smaller ones start again
  from their beginning.
  """

  alias Cronline.Expression

  @horizon_years 8

  @doc """
  Returns the first matching minute after `from`, or `:never`.

      iex> {:ok, leap} = Cronline.Expression.parse("30 4 29 2 *")
      iex> Cronline.Next.next_after(leap, ~N[2024-03-01 00:00:00])
      {:ok, ~N[2028-02-29 04:30:00]}
      iex> {:ok, impossible} = Cronline.Expression.parse("0 0 31 2 *")
      iex> Cronline.Next.next_after(impossible, ~N[2024-01-01 00:00:00])
      :never
  """
  @spec next_after(Expression.t(), NaiveDateTime.t()) :: {:ok, NaiveDateTime.t()} | :never
  def next_after(expression, from) do
    start = from |> truncate() |> NaiveDateTime.add(60)
    search(expression, start, from.year + @horizon_years)
  end

  @doc """
  Returns an endless stream of matching minutes.
  """
  @spec stream(Expression.t(), NaiveDateTime.t()) :: Enumerable.t()
  def stream(expression, from) do
    Stream.unfold(from, fn time ->
      with {:ok, next} <- next_after(expression, time), do: {next, next}, else: (:never -> nil)
    end)
  end

  defp search(_expression, %{year: year}, horizon) when year > horizon, do: :never

  defp search(expression, time, horizon) do
    cond do
      not Expression.within?(expression.month, time.month) ->
        search(expression, next_month(time), horizon)

      not Expression.day?(expression, NaiveDateTime.to_date(time)) ->
        search(expression, next_day(time), horizon)

      not Expression.within?(expression.hour, time.hour) ->
        search(expression, NaiveDateTime.add(%{time | minute: 0}, 3600), horizon)

      not Expression.within?(expression.minute, time.minute) ->
        search(expression, NaiveDateTime.add(time, 60), horizon)

      true ->
        {:ok, time}
    end
  end

  defp next_month(time) do
    time |> NaiveDateTime.to_date() |> Date.end_of_month() |> Date.add(1) |> midnight()
  end

  defp next_day(time), do: time |> NaiveDateTime.to_date() |> Date.add(1) |> midnight()

  defp midnight(date), do: NaiveDateTime.new!(date, ~T[00:00:00])

  defp truncate(time), do: %{NaiveDateTime.truncate(time, :second) | second: 0}
end
