# Compiles the program, runs its tests, and says the verdict on a line that starts with a word
# read from standard input, so that no program can say it in our place.
# Arguments: what Elixir it requires, how many sources, the sources, the tests.

secret = String.trim(IO.gets(""))

conclude = fn verdict ->
  IO.write("\n#{secret} #{verdict}\n")
  System.halt(0)
end

[requirement, count | paths] = System.argv()
{sources, tests} = Enum.split(paths, String.to_integer(count))

if requirement != "" and not Version.match?(System.version(), requirement, allow_pre: true) do
  conclude.("toolchain_too_old")
end

# Read before the program can write to them.
tests = Enum.map(tests, &{&1, File.read!(&1)})

# The modules go to a folder with their documentation, where doctests look for it.
File.mkdir_p!("ebin")
Code.prepend_path("ebin")
Code.put_compiler_option(:docs, true)
Code.put_compiler_option(:ignore_module_conflict, true)
{:ok, _} = Application.ensure_all_started(:logger)
ExUnit.start(autorun: false, colors: [enabled: false])

case Kernel.ParallelCompiler.compile_to_path(sources, "ebin") do
  {:ok, _, _} -> :ok
  {:error, _, _} -> conclude.("compile_error")
end

Enum.each(tests, fn {path, text} -> Code.compile_string(text, path) end)

case ExUnit.run() do
  %{total: total, excluded: excluded, failures: 0} when total > excluded -> conclude.("passed")
  _ -> conclude.("failed")
end
