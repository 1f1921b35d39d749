defmodule Strata.Sql do
  @moduledoc """
  Writes queries as parametrised SQL.

  Values never enter the text: each becomes `$1`, `$2` and so on, with its value in a list.
  """

  alias Strata.Query

  @symbols %{==: "=", !=: "<>", and: "AND", or: "OR", <: "<", >: ">", <=: "<=", >=: ">="}

  @doc """
  Returns the statement and its parameters.
  """
  @spec select(Query.t()) :: {String.t(), [term()]}
  def select(%Query{schema: schema} = query) do
    {conditions, parameters} = Enum.map_reduce(query.conditions, [], &condition/2)

    statement = [
      "SELECT ",
      schema.__schema__(:fields) |> Enum.map_intersperse(", ", &name/1),
      " FROM ",
      name(schema.__schema__(:source)),
      where(conditions),
      order(query.order),
      limit(query.limit)
    ]

    {IO.iodata_to_binary(statement), Enum.reverse(parameters)}
  end

  defp where([]), do: []
  defp where(conditions), do: [" WHERE ", Enum.intersperse(conditions, " AND ")]

  defp order([]), do: []

  defp order(order) do
    [
      " ORDER BY ",
      Enum.map_intersperse(order, ", ", fn {way, field} -> [name(field), way(way)] end)
    ]
  end

  defp way(:asc), do: ""
  defp way(:desc), do: " DESC"

  defp limit(:infinity), do: []
  defp limit(count), do: [" LIMIT ", Integer.to_string(count)]

  defp condition({:field, field}, parameters), do: {name(field), parameters}

  defp condition({:value, value}, parameters) do
    {["$", Integer.to_string(length(parameters) + 1)], [value | parameters]}
  end

  # NULL is equal to nothing in SQL, not even to itself.
  defp condition({:==, a, {:value, nil}}, parameters), do: null(a, " IS NULL", parameters)
  defp condition({:!=, a, {:value, nil}}, parameters), do: null(a, " IS NOT NULL", parameters)

  defp condition({operator, a, b}, parameters) do
    {a, parameters} = condition(a, parameters)
    {b, parameters} = condition(b, parameters)
    {["(", a, " ", @symbols[operator], " ", b, ")"], parameters}
  end

  defp null(field, test, parameters) do
    {text, parameters} = condition(field, parameters)
    {[text, test], parameters}
  end

  defp name(name), do: [?", name |> to_string() |> String.replace(~s("), ~s("")), ?"]
end
