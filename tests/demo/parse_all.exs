# Reads paths from standard input and prints those that the compiler cannot parse.
for path <- IO.stream(:stdio, :line), path = String.trim(path) do
  case Code.string_to_quoted(File.read!(path)) do
    {:ok, _tree} -> :ok
    {:error, _reason} -> IO.puts(path)
  end
end
