defmodule Wirecode.Reader do
  @moduledoc """
  Reads what `Wirecode.encode/1` wrote.

  The reader trusts nobody: lengths are checked against what is there, nesting has a
  limit, and no input creates an atom.
  """

  @max_depth 64

  @type reason :: :truncated | :nested_too_deeply | {:unexpected, byte()} | :bad_number

  @doc """
  Reads one term and gives back the rest.

      iex> Wirecode.Reader.decode("l2:1:ai-1;rest")
      {:ok, ["a", -1], "rest"}
      iex> Wirecode.Reader.decode("5:abc")
      {:error, :truncated}
  """
  @spec decode(binary()) :: {:ok, term(), rest :: binary()} | {:error, reason()}
  def decode(input) when is_binary(input) do
    {term, rest} = term(input, 0)
    {:ok, term, rest}
  catch
    {:wirecode, reason} -> {:error, reason}
  end

  @doc """
  Reads a stream of chunks as a stream of terms.

      iex> ["i1", ";i2;3:a", "bc"] |> Wirecode.Reader.stream() |> Enum.to_list()
      [1, 2, "abc"]
  """
  @spec stream(Enumerable.t()) :: Enumerable.t()
  def stream(chunks) do
    Stream.transform(chunks, "", fn chunk, left -> drain(left <> chunk, []) end)
  end

  defp drain(input, terms) do
    case decode(input) do
      {:ok, term, rest} -> drain(rest, [term | terms])
      {:error, :truncated} -> {Enum.reverse(terms), input}
      {:error, reason} -> raise ArgumentError, "not wirecode: #{inspect(reason)}"
    end
  end

  defp term(_input, depth) when depth > @max_depth, do: fail(:nested_too_deeply)
  defp term("n" <> rest, _depth), do: {nil, rest}
  defp term("t" <> rest, _depth), do: {true, rest}
  defp term("F" <> rest, _depth), do: {false, rest}
  defp term("i" <> rest, _depth), do: number(rest, &Integer.parse/1)
  defp term("f" <> rest, _depth), do: number(rest, &Float.parse/1)

  defp term("l" <> rest, depth) do
    {count, rest} = length_prefix(rest)
    repeat(count, rest, [], &term(&1, depth + 1))
  end

  defp term("m" <> rest, depth) do
    {count, rest} = length_prefix(rest)
    {pairs, rest} = repeat(count, rest, [], &pair(&1, depth + 1))
    {Map.new(pairs), rest}
  end

  defp term(<<digit, _::binary>> = input, _depth) when digit in ?0..?9 do
    {size, rest} = length_prefix(input)

    case rest do
      <<text::binary-size(size), rest::binary>> -> {text, rest}
      _short -> fail(:truncated)
    end
  end

  defp term("", _depth), do: fail(:truncated)
  defp term(<<byte, _::binary>>, _depth), do: fail({:unexpected, byte})

  defp pair(input, depth) do
    {key, rest} = term(input, depth)
    {value, rest} = term(rest, depth)
    {{key, value}, rest}
  end

  defp repeat(0, rest, terms, _read), do: {Enum.reverse(terms), rest}

  defp repeat(count, rest, terms, read) do
    {term, rest} = read.(rest)
    repeat(count - 1, rest, [term | terms], read)
  end

  defp length_prefix(input) do
    case Integer.parse(input) do
      {length, ":" <> rest} when length >= 0 -> {length, rest}
      {_length, ""} -> fail(:truncated)
      :error when input == "" -> fail(:truncated)
      _other -> fail(:bad_number)
    end
  end

  defp number(input, parse) do
    case parse.(input) do
      {number, ";" <> rest} -> {number, rest}
      {_number, ""} -> fail(:truncated)
      :error when input in ["", "-"] -> fail(:truncated)
      _other -> fail(:bad_number)
    end
  end

  @spec fail(reason()) :: no_return()
  defp fail(reason), do: throw({:wirecode, reason})
end
