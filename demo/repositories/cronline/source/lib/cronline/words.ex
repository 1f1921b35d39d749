defmodule Cronline.Words do
  @moduledoc """
  Says in words when an expression matches. Not released yet.
  """

  alias Cronline.Expression

  @weekdays ~w(Sunday Monday Tuesday Wednesday Thursday Friday Saturday)

  @doc """
  Describes an expression in a sentence.

      iex> {:ok, noon} = Cronline.Expression.parse("0 12 * * mon,fri")
      iex> Cronline.Words.describe(noon)
      "at minute 0 of hour 12 on Monday or Friday"
      iex> {:ok, often} = Cronline.Expression.parse("0,30 * 1 * *")
      iex> Cronline.Words.describe(often)
      "at minute 0 or 30 of every hour on day 1 of the month"
  """
  @spec describe(Expression.t()) :: String.t()
  def describe(expression) do
    ["at", minute(expression.minute), "of", hour(expression.hour), days(expression)]
    |> Enum.reject(&(&1 == ""))
    |> Enum.join(" ")
  end

  defp minute(:any), do: "every minute"
  defp minute(minutes), do: "minute " <> listed(minutes)

  defp hour(:any), do: "every hour"
  defp hour(hours), do: "hour " <> listed(hours)

  defp days(%{day: :any, weekday: :any}), do: ""
  defp days(%{day: :any, weekday: weekdays}), do: "on " <> listed(weekdays, &weekday/1)
  defp days(%{day: days, weekday: :any}), do: "on day " <> listed(days) <> " of the month"

  defp days(%{day: days, weekday: weekdays}) do
    "on day #{listed(days)} of the month, or on #{listed(weekdays, &weekday/1)}"
  end

  defp weekday(number), do: Enum.at(@weekdays, number)

  defp listed(numbers, name \\ &Integer.to_string/1) do
    case numbers |> Enum.sort() |> Enum.map(name) do
      [one] -> one
      several -> Enum.join(Enum.drop(several, -1), ", ") <> " or " <> List.last(several)
    end
  end
end
