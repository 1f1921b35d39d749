defmodule CsvLane.Machine do
  @moduledoc """
  The state machine that reads CSV byte by byte.

  States: `:start` of a field, inside a `:plain` or a `:quoted` one, and `:quote` after a
  quote inside quotes, which is either half of an escaped quote or the end of the field.
  A carriage return before a line feed is dropped.
  """

  alias CsvLane.{Dialect, SyntaxError}

  defstruct [:dialect, state: :start, field: [], row: [], line: 1, bom: true]

  @type t :: %__MODULE__{}

  @doc "Returns a machine that has read nothing."
  @spec new(Dialect.t()) :: t()
  def new(dialect), do: %__MODULE__{dialect: dialect}

  @doc """
  Reads a chunk, or `:end`, and returns the rows that it completes.
  """
  @spec feed(binary() | :end, t()) :: {[[String.t()]], t()}
  def feed(:end, %{state: :quoted, line: line}) do
    raise SyntaxError, line: line, problem: "a quoted field is not closed"
  end

  def feed(:end, %{state: :start, row: []} = machine), do: {[], machine}
  def feed(:end, machine), do: {[complete_row(machine)], machine}
  def feed(<<0xEF, 0xBB, 0xBF, rest::binary>>, %{bom: true} = machine), do: feed(rest, machine)
  def feed(chunk, machine), do: read(chunk, %{machine | bom: false}, [])

  defp read("", machine, rows), do: {Enum.reverse(rows), machine}

  defp read(<<?", rest::binary>>, %{state: :start} = machine, rows) do
    read(rest, %{machine | state: :quoted}, rows)
  end

  defp read(<<?", rest::binary>>, %{state: :quoted} = machine, rows) do
    read(rest, %{machine | state: :quote}, rows)
  end

  defp read(<<?", rest::binary>>, %{state: :quote} = machine, rows) do
    read(rest, %{machine | state: :quoted, field: [machine.field, ?"]}, rows)
  end

  defp read(<<?\n, rest::binary>>, %{state: :quoted} = machine, rows) do
    read(rest, %{machine | field: [machine.field, ?\n], line: machine.line + 1}, rows)
  end

  defp read(<<byte, rest::binary>>, %{state: :quoted} = machine, rows) do
    read(rest, %{machine | field: [machine.field, byte]}, rows)
  end

  defp read(<<?\n, rest::binary>>, machine, rows) do
    next = %{machine | state: :start, field: [], row: [], line: machine.line + 1}

    if blank?(machine),
      do: read(rest, next, rows),
      else: read(rest, next, [complete_row(machine) | rows])
  end

  defp read(<<?\r, rest::binary>>, machine, rows), do: read(rest, machine, rows)

  defp read(<<separator, rest::binary>>, %{dialect: %{separator: separator}} = machine, rows) do
    row = [complete_field(machine) | machine.row]
    read(rest, %{machine | state: :start, field: [], row: row}, rows)
  end

  defp read(<<byte, _rest::binary>>, %{state: :quote, line: line}, _rows) do
    raise SyntaxError, line: line, problem: "#{inspect(<<byte>>)} after a closing quote"
  end

  defp read(<<byte, rest::binary>>, machine, rows) do
    read(rest, %{machine | state: :plain, field: [machine.field, byte]}, rows)
  end

  defp blank?(machine), do: machine.state == :start and machine.row == []

  defp complete_row(machine), do: Enum.reverse([complete_field(machine) | machine.row])

  defp complete_field(%{state: :plain, dialect: %{trim: true}, field: field}) do
    field |> IO.iodata_to_binary() |> String.trim()
  end

  defp complete_field(%{field: field}), do: IO.iodata_to_binary(field)
end
