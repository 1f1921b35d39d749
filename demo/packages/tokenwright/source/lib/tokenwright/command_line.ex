defmodule Tokenwright.CommandLine do
  @moduledoc """
  The program `tokenwright`: counts the words of files.

      tokenwright --top 10 chapter1.txt chapter2.txt
  """

  @doc """
  Runs the program with its arguments.
  """
  @spec main([String.t()]) :: :ok
  def main(arguments) do
    case OptionParser.parse(arguments, strict: [top: :integer, help: :boolean]) do
      {[help: true], _files, []} -> IO.puts(@moduledoc)
      {_options, [], []} -> usage("no files given")
      {options, files, []} -> files |> count() |> print(Keyword.get(options, :top, 20))
      {_options, _files, [{unknown, _} | _]} -> usage("unknown option #{unknown}")
    end
  end

  @doc """
  Counts the words of all files together, reading several at a time.
  """
  @spec count([Path.t()]) :: %{optional(String.t()) => pos_integer()}
  def count(files) do
    files
    |> Task.async_stream(&(&1 |> File.read!() |> Tokenwright.frequencies()), timeout: :infinity)
    |> Enum.reduce(%{}, fn {:ok, counts}, sums ->
      Map.merge(sums, counts, fn _word, a, b -> a + b end)
    end)
  end

  defp print(counts, top) do
    counts
    |> Enum.sort_by(fn {word, count} -> {-count, word} end)
    |> Enum.take(top)
    |> Enum.each(fn {word, count} -> IO.puts("#{String.pad_leading("#{count}", 7)} #{word}") end)
  end

  defp usage(problem) do
    IO.puts(:stderr, "tokenwright: #{problem}; see tokenwright --help")
    System.halt(2)
  end
end
