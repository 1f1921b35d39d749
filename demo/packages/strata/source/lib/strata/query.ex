defmodule Strata.Query do
  @moduledoc """
  Queries that are written like code and run by any store.

      import Strata.Query

      from(b in Book)
      |> where(b, b.pages > 300 and b.title != ^excluded)
      |> order_by(desc: :pages)
      |> limit(10)

  The condition is not evaluated where it stands. It becomes data, which `matches?/2`
  interprets and `Strata.Sql` writes as SQL. Values from outside are pinned with `^`.
  """

  @enforce_keys [:schema]
  defstruct [:schema, conditions: [], order: [], limit: :infinity]

  @type condition ::
          {:field, atom()} | {:value, term()} | {operator :: atom(), condition(), condition()}
  @type t :: %__MODULE__{
          schema: module(),
          conditions: [condition()],
          order: [{:asc | :desc, atom()}],
          limit: pos_integer() | :infinity
        }

  @operators [:and, :or, :==, :!=, :<, :>, :<=, :>=]

  @doc """
  Starts a query over all records of a schema.
  """
  defmacro from({:in, _, [{_variable, _, _}, schema]}) do
    quote do: %Strata.Query{schema: unquote(schema)}
  end

  @doc """
  Keeps the records for which the condition holds.
  """
  defmacro where(query, {variable, _, _}, condition) do
    data = build(condition, variable)

    quote do
      query = unquote(query)
      %{query | conditions: query.conditions ++ [unquote(data)]}
    end
  end

  @doc "Sorts by fields: `order_by(query, desc: :pages, asc: :title)`."
  @spec order_by(t(), [{:asc | :desc, atom()}]) :: t()
  def order_by(query, order), do: %{query | order: query.order ++ order}

  @doc "Takes at most `count` records."
  @spec limit(t(), pos_integer()) :: t()
  def limit(query, count) when is_integer(count) and count > 0, do: %{query | limit: count}

  @doc """
  Runs the query over records in memory.
  """
  @spec run(t(), Enumerable.t()) :: [struct()]
  def run(query, records) do
    matching = Enum.filter(records, &matches?(query, &1))

    query.order
    |> Enum.reverse()
    |> Enum.reduce(matching, fn {way, name}, list ->
      Enum.sort_by(list, &Map.get(&1, name), way)
    end)
    |> take(query.limit)
  end

  @doc """
  Tells whether a record fulfils all conditions.
  """
  @spec matches?(t(), struct()) :: boolean()
  def matches?(query, record), do: Enum.all?(query.conditions, &(evaluate(&1, record) == true))

  defp take(list, :infinity), do: list
  defp take(list, count), do: Enum.take(list, count)

  defp evaluate({:field, name}, record), do: Map.fetch!(record, name)
  defp evaluate({:value, value}, _record), do: value
  defp evaluate({:and, a, b}, record), do: evaluate(a, record) and evaluate(b, record)
  defp evaluate({:or, a, b}, record), do: evaluate(a, record) or evaluate(b, record)

  defp evaluate({operator, a, b}, record) do
    apply(Kernel, operator, [evaluate(a, record), evaluate(b, record)])
  end

  defp build({operator, _, [a, b]}, variable) when operator in @operators do
    {:{}, [], [operator, build(a, variable), build(b, variable)]}
  end

  defp build({:^, _, [expression]}, _variable), do: {:value, expression}
  defp build({{:., _, [{variable, _, _}, name]}, _, []}, variable), do: {:field, name}

  defp build(literal, _variable)
       when is_number(literal) or is_binary(literal) or is_atom(literal),
       do: {:value, literal}

  defp build(other, variable) do
    raise ArgumentError,
          "#{Macro.to_string(other)} cannot be part of a query; use the fields of " <>
            "#{variable}, literals, and ^ for values from outside"
  end
end
