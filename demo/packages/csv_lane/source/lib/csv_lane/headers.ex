defmodule CsvLane.Headers do
  @moduledoc """
  Gives the fields of rows their names.
  """

  @doc """
  Turns rows into maps: by the first row (`true`), by given names, or not at all (`false`).

  A row that is too short lacks its last keys; fields beyond the names are dropped.
  """
  @spec apply(Enumerable.t(), boolean() | [String.t()]) :: Enumerable.t()
  def apply(rows, false), do: rows
  def apply(rows, names) when is_list(names), do: Stream.map(rows, &zip(names, &1))

  def apply(rows, true) do
    Stream.transform(rows, nil, fn
      names, nil -> {[], check!(names)}
      row, names -> {[zip(names, row)], names}
    end)
  end

  defp zip(names, fields), do: names |> Enum.zip(fields) |> Map.new()

  defp check!(names) do
    case names -- Enum.uniq(names) do
      [] ->
        names

      [name | _] ->
        raise CsvLane.SyntaxError, line: 1, problem: "two columns named #{inspect(name)}"
    end
  end
end
