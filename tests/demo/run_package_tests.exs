# Compiles packages without Mix, which would ask for their dependencies, and runs their tests.
#
#     elixir run_package_tests.exs EBIN SOURCE...
[ebin | sources] = System.argv()

files = fn pattern ->
  for source <- sources, path <- Path.wildcard(Path.join(source, pattern)), do: path
end

Code.prepend_path(ebin)
{:ok, _modules, _warnings} = Kernel.ParallelCompiler.compile_to_path(files.("**/lib/**/*.ex"), ebin)

# A machine with other work to do needs more than the 100 ms that messages are waited for.
ExUnit.start(autorun: false, assert_receive_timeout: 5_000)
for path <- files.("**/test/support/**/*.ex"), do: Code.require_file(path)
for path <- files.("**/{test,examples}/**/*_test.exs"), do: Code.require_file(path)

%{failures: failures, total: total} = ExUnit.run()
IO.puts("#{total} tests ran")
if failures > 0, do: System.halt(1)
