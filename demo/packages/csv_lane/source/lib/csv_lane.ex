defmodule CsvLane do
  @moduledoc """
  Reads and writes comma-separated values, row by row.

      "people.csv"
      |> File.stream!([], 65_536)
      |> CsvLane.decode(headers: true)
      |> Stream.filter(&(&1["city"] == "Bergen"))
      |> CsvLane.encode(headers: ["name", "city"])
      |> Stream.into(File.stream!("bergen.csv"))
      |> Stream.run()

  Memory stays flat however long the file is. Chunks may be cut anywhere, even inside of a
  quoted field or a character.
  """

  alias CsvLane.{Dialect, Headers, Machine}

  @doc """
  Turns a stream of text into a stream of rows.

  Rows are lists, or maps with `headers: true` (the first row names the columns) or with a
  list of names. Raises `CsvLane.SyntaxError` with the line of the mistake.

  ## Options

    * `:separator` - one byte, `?,` unless given
    * `:headers` - `true`, `false` (default) or a list of names
    * `:trim` - whether to cut spaces around unquoted fields (default `false`)

  ## Examples

      iex> ["a,b\\n1,", "\\"two\\nlines\\"\\n"] |> CsvLane.decode(headers: true) |> Enum.to_list()
      [%{"a" => "1", "b" => "two\\nlines"}]
  """
  @spec decode(Enumerable.t(), keyword()) :: Enumerable.t()
  def decode(chunks, options \\ []) do
    {headers, options} = Keyword.pop(options, :headers, false)
    dialect = Dialect.new(options)

    chunks
    |> Stream.concat([:end])
    |> Stream.transform(Machine.new(dialect), &Machine.feed/2)
    |> Headers.apply(headers)
  end

  @doc """
  Reads a whole text at once.

      iex> CsvLane.parse("x;y\\n1;2", separator: ?;)
      [["x", "y"], ["1", "2"]]
  """
  @spec parse(String.t(), keyword()) :: [[String.t()]] | [map()]
  def parse(text, options \\ []), do: [text] |> decode(options) |> Enum.to_list()

  @doc """
  Turns rows into lines of text, quoting where it is needed.

      iex> CsvLane.encode([["a", 1, nil], ["say \\"hi\\"", "b,c"]]) |> Enum.join()
      "a,1,\\r\\n\\"say \\"\\"hi\\"\\"\\",\\"b,c\\"\\r\\n"
  """
  @spec encode(Enumerable.t(), keyword()) :: Enumerable.t()
  def encode(rows, options \\ []) do
    {headers, options} = Keyword.pop(options, :headers)
    dialect = Dialect.new(options)

    lists =
      if headers, do: Stream.concat([headers], Stream.map(rows, &pick(&1, headers))), else: rows

    Stream.map(lists, &line(&1, dialect))
  end

  defp pick(row, headers), do: Enum.map(headers, &Map.get(row, &1))

  defp line(fields, dialect) do
    written = Enum.map_intersperse(fields, <<dialect.separator>>, &field(to_string(&1), dialect))
    IO.iodata_to_binary([written, "\r\n"])
  end

  defp field(text, dialect) do
    if String.contains?(text, [<<dialect.separator>>, "\"", "\n", "\r"]),
      do: [?", String.replace(text, "\"", "\"\""), ?"],
      else: text
  end
end
