# What credo finds in Elixir files, as JSON lines: the reference for corpus.elixir.smells.
#
#     find . -name '*.ex' | elixir -pa CREDO/ebin benchmarks/credo_checks.exs CHECK...
#
# CHECK is a module below Credo.Check, such as Refactor.Nesting; each runs at its defaults. Paths
# come from standard input. Each line is {"path": ..., "CHECK": count, ...}, or {"path", "error"}
# where this toolchain cannot parse the file. Checks are called one by one, without credo's
# configuration, so that the comments which turn them off for a file do not count.

{:ok, _} = Application.ensure_all_started(:logger)
{:ok, _} = Credo.Application.start(:normal, [])

checks = for name <- System.argv(), do: {name, Module.concat("Elixir.Credo.Check", name)}
escape = fn text -> String.replace(text, ["\\", "\""], &("\\" <> &1)) end

for line <- IO.stream(:stdio, :line), path = String.trim_trailing(line, "\n") do
  source = File.read!(path)

  case Code.string_to_quoted(source) do
    {:ok, _} ->
      file = Credo.SourceFile.parse(source, path)

      counts =
        for {name, check} <- checks do
          ", \"#{name}\": #{length(check.run(file, []))}"
        end

      IO.puts(["{\"path\": \"", escape.(path), "\"", counts, "}"])

    {:error, _} ->
      IO.puts(["{\"path\": \"", escape.(path), "\", \"error\": true}"])
  end
end
