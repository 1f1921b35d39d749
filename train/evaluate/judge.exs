# Compiles the program, runs its tests, and says the verdict on a line that starts with a word
# read from standard input, so that no program can say it in our place.
# Arguments: what Elixir it requires, how many sources, the sources, the tests.

# A compiled module, because the bindings of a script can be read by any process.
defmodule :judge_of_completions do
  # Whole, for a program that changes its folder.
  @ebin Path.expand("ebin")

  def main([requirement, count | paths]) do
    conclude = concluding(String.trim(IO.gets("")))
    {sources, tests} = Enum.split(paths, String.to_integer(count))
    fits?(requirement) || conclude.("toolchain_too_old")
    # Read before the program can write to them.
    tests = Enum.map(tests, &{&1, File.read!(&1)})
    prepare()
    compiled?(sources) || conclude.("compile_error")
    forget_tests()
    Enum.each(tests, fn {path, text} -> Code.compile_string(text, path) end)
    conclude.(if passed?(ExUnit.run()), do: "passed", else: "failed")
  end

  defp concluding(secret) do
    fn verdict ->
      IO.write("\n#{secret} #{verdict}\n")
      System.halt(0)
    end
  end

  defp fits?(""), do: true
  defp fits?(required), do: Version.match?(System.version(), required, allow_pre: true)

  # The modules go to a folder with their documentation, where doctests look for it.
  defp prepare do
    File.mkdir_p!(@ebin)
    Code.prepend_path(@ebin)
    Code.put_compiler_option(:docs, true)
    Code.put_compiler_option(:ignore_module_conflict, true)
    {:ok, _} = Application.ensure_all_started(:logger)
    start_tests()
    {:ok, modules} = :application.get_key(:ex_unit, :modules)
    :ok = :code.ensure_modules_loaded(modules)
    # A program that replaced what is loaded here would decide its own verdict.
    for app <- [:elixir, :ex_unit, :logger], do: :ok = :code.stick_dir(:code.lib_dir(app, :ebin))
  end

  defp start_tests, do: ExUnit.start(autorun: false, colors: [enabled: false])

  defp compiled?(sources) do
    match?({:ok, _, _}, Kernel.ParallelCompiler.compile_to_path(sources, @ebin))
  end

  # A program may come with tests of its own, or say which are to be left out.
  defp forget_tests do
    %{level: level} = :logger.get_primary_config()
    :logger.set_primary_config(:level, :none)
    # Either may fail where the program has done it.
    Application.stop(:ex_unit)
    Application.unload(:ex_unit)
    :logger.set_primary_config(:level, level)
    start_tests()
  end

  defp passed?(%{failures: 0} = ran), do: ran.total > ran.excluded + ran.skipped
  defp passed?(_ran), do: false
end

:judge_of_completions.main(System.argv())
