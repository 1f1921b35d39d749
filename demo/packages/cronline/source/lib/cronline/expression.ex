defmodule Cronline.Expression do
  @moduledoc """
  A cron expression: minute, hour, day of the month, month, day of the week.

  Understands `*`, lists, ranges, steps, the names of months and weekdays, and the
  shortcuts `@hourly`, `@daily`, `@weekly` and `@monthly`. As in Vixie's cron, a day has to
  match only one of the two day fields when both are restricted.
  """

  @fields [minute: 0..59, hour: 0..23, day: 1..31, month: 1..12, weekday: 0..6]
  @months ~w(jan feb mar apr may jun jul aug sep oct nov dec)
  @weekdays ~w(sun mon tue wed thu fri sat)
  @shortcuts %{
    "@hourly" => "0 * * * *",
    "@daily" => "0 0 * * *",
    "@weekly" => "0 0 * * 0",
    "@monthly" => "0 0 1 * *"
  }

  @enforce_keys [:source | Keyword.keys(@fields)]
  defstruct @enforce_keys

  @type field :: MapSet.t(non_neg_integer()) | :any
  @type t :: %__MODULE__{
          source: String.t(),
          minute: field(),
          hour: field(),
          day: field(),
          month: field(),
          weekday: field()
        }

  @doc """
  Reads an expression.

      iex> {:ok, expression} = Cronline.Expression.parse("*/15 9-17 * * mon-fri")
      iex> Enum.sort(expression.minute)
      [0, 15, 30, 45]
      iex> Cronline.Expression.parse("61 * * * *")
      {:error, "minute: 61 is not in 0..59"}
  """
  @spec parse(String.t()) :: {:ok, t()} | {:error, String.t()}
  def parse(text) do
    case @shortcuts |> Map.get(text, text) |> String.downcase() |> String.split() do
      [_, _, _, _, _] = parts -> parse_fields(parts, text)
      parts -> {:error, "an expression has 5 fields, this one has #{length(parts)}"}
    end
  end

  @doc """
  Tells whether a moment matches; seconds do not count.

      iex> {:ok, friday} = Cronline.Expression.parse("0 12 13 * fri")
      iex> Cronline.Expression.match?(friday, ~N[2024-09-13 12:00:30])
      true
      iex> Cronline.Expression.match?(friday, ~N[2024-09-12 12:00:00])
      false
  """
  @spec match?(t(), NaiveDateTime.t()) :: boolean()
  def match?(expression, time) do
    within?(expression.minute, time.minute) and within?(expression.hour, time.hour) and
      within?(expression.month, time.month) and day?(expression, NaiveDateTime.to_date(time))
  end

  @doc """
  Tells whether the day fields match a date.
  """
  @spec day?(t(), Date.t()) :: boolean()
  def day?(%__MODULE__{day: day, weekday: weekday}, date) do
    in_month = within?(day, date.day)
    in_week = within?(weekday, Date.day_of_week(date, :sunday) - 1)

    if day == :any or weekday == :any,
      do: in_month and in_week,
      else: in_month or in_week
  end

  @doc "Tells whether a field holds a value."
  @spec within?(field(), non_neg_integer()) :: boolean()
  def within?(:any, _value), do: true
  def within?(values, value), do: MapSet.member?(values, value)

  defp parse_fields(parts, source) do
    Enum.zip(@fields, parts)
    |> Enum.reduce_while([source: source], fn {{name, range}, part}, fields ->
      case parse_field(part, range, names(name)) do
        {:ok, values} -> {:cont, [{name, values} | fields]}
        {:error, problem} -> {:halt, {:error, "#{name}: #{problem}"}}
      end
    end)
    |> case do
      {:error, problem} -> {:error, problem}
      fields -> {:ok, struct!(__MODULE__, fields)}
    end
  end

  defp parse_field("*", _range, _names), do: {:ok, :any}

  defp parse_field(part, range, names) do
    {:ok, part |> String.split(",") |> Enum.flat_map(&item(&1, range, names)) |> MapSet.new()}
  catch
    {:problem, problem} -> {:error, problem}
  end

  defp item(text, first..last = range, names) do
    case String.split(text, "/") do
      [_no_step] -> span(text, range, names)
      ["*", step] -> Enum.take_every(first..last, step(step))
      [from, step] -> from |> span(range, names) |> extend(last) |> Enum.take_every(step(step))
      _more -> throw({:problem, "#{inspect(text)} has two steps"})
    end
  end

  # In "5/10" the five is where the steps begin, not the only value.
  defp extend([single], last), do: Enum.to_list(single..last)
  defp extend(values, _last), do: values

  defp span(text, range, names) do
    case String.split(text, "-") do
      [single] -> [value(single, range, names)]
      [from, to] -> Enum.to_list(value(from, range, names)..value(to, range, names)//1)
      _more -> throw({:problem, "#{inspect(text)} is no range"})
    end
  end

  defp value(text, range, names) do
    number = names[text] || integer(text)

    if number in range,
      do: number,
      else: throw({:problem, "#{number} is not in #{inspect(range)}"})
  end

  defp step(text) do
    with 0 <- integer(text), do: throw({:problem, "a step of 0 leads nowhere"})
  end

  defp integer(text) do
    case Integer.parse(text) do
      {number, ""} -> number
      _other -> throw({:problem, "#{inspect(text)} is no number"})
    end
  end

  defp names(:month), do: @months |> Enum.with_index(1) |> Map.new()
  defp names(:weekday), do: @weekdays |> Enum.with_index() |> Map.new() |> Map.put("7", 0)
  defp names(_field), do: %{}
end
