# What runs inside of the BEAM for `corpus.verification`: it answers requests on standard input with
# replies on standard output, both behind a length of 32 bits, in Erlang's external term format.
# A reply begins with the token of the first message. Strings are binaries throughout, so that no
# request makes an atom. `check` executes nothing of what it reads; all others do.
# It is compiled once for each toolchain, and has to work with Elixir from 1.12 on.

defmodule :elixir_corpus_verification do
  @most_atoms 50_000
  @most_told 200
  @most_text 1_000

  def main do
    port = Port.open({:fd, 0, 1}, [:binary, :eof, packet: 4])

    token =
      receive do
        {^port, {:data, token}} -> token
        {^port, :eof} -> System.halt(0)
      end

    sink = spawn(fn -> sink() end)

    for name <- [:user, :standard_error] do
      if Process.whereis(name), do: Process.unregister(name)
      Process.register(sink_named(name, sink), name)
    end

    Process.group_leader(self(), sink)
    Code.compiler_options(docs: true, debug_info: true, ignore_module_conflict: true)
    loop(port, token, sink)
  end

  # One process has one registered name.
  defp sink_named(:user, sink), do: sink
  defp sink_named(_, _), do: spawn(fn -> sink() end)

  # Takes what is printed, and drops it: nothing but replies may reach the standard output.
  defp sink do
    receive do
      {:io_request, from, reference, request} ->
        send(from, {:io_reply, reference, printed(request)})
        sink()

      _ ->
        sink()
    end
  end

  defp printed({:put_chars, _, _}), do: :ok
  defp printed({:put_chars, _, _, _, _}), do: :ok
  defp printed({:put_chars, _}), do: :ok
  defp printed({:put_chars, _, _, _}), do: :ok
  defp printed({:requests, _}), do: :ok
  defp printed({:setopts, _}), do: :ok
  defp printed(:getopts), do: [encoding: :unicode]
  defp printed({:get_geometry, _}), do: {:error, :enotsup}
  defp printed(_), do: :eof

  defp loop(port, token, sink) do
    receive do
      {^port, {:data, request}} ->
        request = :erlang.binary_to_term(request, [:safe])
        {pid, reference} = spawn_monitor(fn -> exit({:answer, answered(request, sink)}) end)

        reply =
          receive do
            {:DOWN, ^reference, :process, ^pid, {:answer, reply}} -> reply
            {:DOWN, ^reference, :process, ^pid, reason} -> {"died", text(inspect(reason))}
          end

        Port.command(port, [token, :erlang.term_to_binary(reply)])
        loop(port, token, sink)

      {^port, :eof} ->
        System.halt(0)

      _ ->
        loop(port, token, sink)
    end
  end

  defp answered(request, sink) do
    Process.group_leader(self(), sink)
    answer(request)
  end

  # Whether a file can be read, whether it is formatted, and what it says of itself.
  defp answer({"check", path, language, text, formatters}) do
    {parsed, formatted, told} = check(language, path, text, formatters)
    {"checked", parsed, formatted, told, :erlang.system_info(:atom_count)}
  end

  # The files of a package, and of those that it requires, as {folder, files}.
  defp answer({"prepare", root, files, required}) do
    for {folder, within} <- required do
      write(folder, within)
      Code.append_path(Path.join(folder, "ebin"))
    end

    write(root, files)
    File.mkdir_p!(Path.join(root, "ebin"))
    Code.prepend_path(Path.join(root, "ebin"))
    File.cd!(root)
    # Some code asks Mix for the environment while it is compiled.
    {:ok, _} = Application.ensure_all_started(:mix)
    Mix.env(:prod)
    {"ready"}
  end

  # Compiles the grammar of a scanner or a parser to Erlang.
  defp answer({"generate", path}) do
    generator = if Path.extname(path) == ".xrl", do: :leex, else: :yecc

    case generator.file(String.to_charlist(path), [:return]) do
      {:ok, _, warnings} -> {"generated", [], erlang_problems(warnings)}
      {:error, errors, warnings} -> {"generated", erlang_problems(errors), erlang_problems(warnings)}
    end
  end

  defp answer({"erlang", path}) do
    options =
      [:binary, :return, :debug_info, :deterministic, i: '.', i: 'include', i: 'src'] ++
        [i: path |> Path.dirname() |> String.to_charlist()] ++ rebar_options()

    case :compile.file(String.to_charlist(path), options) do
      {:ok, module, beam, warnings} when is_binary(beam) ->
        keep(module, beam)
        {"compiled", true, [], erlang_problems(warnings), [{path, to_string(module), beam}], [path]}

      {:ok, _, _, warnings} ->
        {"compiled", true, [], erlang_problems(warnings), [], [path]}

      {:error, errors, warnings} ->
        {"compiled", false, erlang_problems(errors), erlang_problems(warnings), [], []}

      :error ->
        {"compiled", false, [{path, 0, "the compiler gave no reason"}], [], [], []}
    end
  end

  # Compiles files together. What was compiled before an error is told as well.
  defp answer({"elixir", paths}) do
    root = File.cwd!()
    own = self()

    options = [
      each_module: fn file, module, beam -> send(own, {:compiled, file, module, beam}) end,
      each_file: fn file, _ -> send(own, {:finished, file}) end,
      return_diagnostics: true
    ]

    {is_whole, errors, warnings} =
      case Kernel.ParallelCompiler.compile(paths, options) do
        {:ok, _, warnings} -> {true, [], diagnostics(warnings, root)}
        {:error, errors, warnings} -> {false, diagnostics(errors, root), diagnostics(warnings, root)}
      end

    {finished, beams} = collected(root, [], [])
    for {_, module, beam} <- beams, do: keep(module, beam)
    told = for {path, module, beam} <- beams, do: {path, Atom.to_string(module), beam}
    {"compiled", is_whole, errors, warnings, Enum.sort(told), Enum.sort(finished)}
  end

  defp collected(root, finished, beams) do
    receive do
      {:compiled, file, module, beam} ->
        collected(root, finished, [{relative(file, root), module, beam} | beams])

      {:finished, file} ->
        collected(root, [relative(file, root) | finished], beams)
    after
      0 -> {finished, beams}
    end
  end

  defp keep(module, beam), do: File.write!(Path.join("ebin", "#{module}.beam"), beam)

  defp write(folder, files) do
    for {path, data} <- files do
      place = Path.join(folder, path)
      File.mkdir_p!(Path.dirname(place))
      File.write!(place, data)
    end
  end

  # Of rebar.config what tells how to compile, which is data and is not executed.
  defp rebar_options do
    with {:ok, terms} <- :file.consult('rebar.config'),
         {:erl_opts, options} when is_list(options) <- List.keyfind(terms, :erl_opts, 0) do
      Enum.flat_map(options, fn
        {:d, _} = option -> [option]
        {:d, _, _} = option -> [option]
        {:i, _} = option -> [option]
        {:parse_transform, _} = option -> [option]
        {:platform_define, release, name} -> platform_defines(release, name, true)
        {:platform_define, release, name, value} -> platform_defines(release, name, value)
        _ -> []
      end)
    else
      _ -> []
    end
  end

  defp platform_defines(release, name, value) do
    case Regex.compile(to_string(release)) do
      {:ok, regex} -> if platform() =~ regex, do: [{:d, name, value}], else: []
      _ -> []
    end
  end

  defp platform do
    "#{:erlang.system_info(:otp_release)}-#{:erlang.system_info(:system_architecture)}"
  end

  defp erlang_problems(told) do
    for({file, problems} <- told, problem <- problems, do: erlang_problem(file, problem))
    |> Enum.take(@most_told)
  end

  defp erlang_problem(file, {place, module, description}),
    do: {to_string(file), line(place), text(format_error(module, description))}

  defp erlang_problem(file, {module, description}),
    do: {to_string(file), 0, text(format_error(module, description))}

  defp format_error(module, description) do
    IO.chardata_to_string(module.format_error(description))
  rescue
    _ -> inspect(description)
  end

  defp diagnostics(%{compile_warnings: compile, runtime_warnings: runtime}, root),
    do: diagnostics(compile ++ runtime, root)

  defp diagnostics(told, root) when is_list(told) do
    told
    |> Enum.map(fn
      %{file: file, position: place, message: message} -> {relative(file, root), line(place), text(message)}
      {file, place, message} -> {relative(file, root), line(place), text(message)}
    end)
    |> Enum.sort()
    |> Enum.take(@most_told)
  end

  defp relative(nil, _), do: ""
  defp relative(file, root), do: file |> to_string() |> Path.relative_to(root)

  defp line({line, _}), do: line(line)
  defp line(line) when is_integer(line) and line >= 0, do: line
  defp line(_), do: 0

  defp text(data) do
    said = if String.valid?(to_string(data)), do: to_string(data), else: inspect(data)
    String.slice(said, 0, @most_text)
  end

  defp check("elixir", path, text, formatters) do
    case Code.string_to_quoted(text, [emit_warnings: false] ++ bounded(text)) do
      {:ok, quoted} -> {{"ok"}, formatted(path, text, formatters), told(path, quoted)}
      {:error, {place, message, token}} -> {unread(place, message, token), "unknown", []}
    end
  rescue
    error -> {{"error", 0, text(Exception.message(error))}, "unknown", []}
  end

  defp check("eex", _, text, _) do
    EEx.compile_string(text, parser_options: bounded(text))
    {{"ok"}, "unknown", []}
  rescue
    error -> {{"error", Map.get(error, :line) || 0, text(Exception.message(error))}, "unknown", []}
  end

  defp check("erlang", path, text, _) do
    place = "checked#{Path.extname(path)}"
    # The first line of a script is for the shell.
    text = if String.starts_with?(text, "#!"), do: "%" <> text, else: text
    File.write!(place, text)
    read = if Path.extname(path) in [".erl", ".hrl"], do: dodged(place), else: scanned(text)
    {read, "unknown", []}
  end

  defp check(_, _, _, _), do: {{"unknown"}, "unknown", []}

  # Reads forms without a preprocessor, which needs headers.
  defp dodged(place) do
    case :epp_dodger.parse_file(String.to_charlist(place)) do
      {:ok, forms} ->
        case Enum.find(forms, &(:erl_syntax.type(&1) == :error_marker)) do
          nil -> {"ok"}
          marker -> marked(:erl_syntax.error_marker_info(marker))
        end

      {:error, reason} ->
        {"error", 0, text(inspect(reason))}
    end
  end

  defp marked({line, module, said}), do: {"error", line(line), text(format_error(module, said))}
  defp marked(said), do: {"error", 0, text(inspect(said))}

  defp scanned(text) do
    case :erl_scan.string(String.to_charlist(text)) do
      {:ok, _, _} -> {"ok"}
      {:error, {line, module, said}, _} -> {"error", line(line), text(format_error(module, said))}
    end
  end

  # Atoms are never freed, so a file may make some only. A short one cannot make many: then nothing
  # has to be counted, which takes half as long again.
  defp bounded(text) do
    if byte_size(text) > 2 * @most_atoms, do: [static_atoms_encoder: encoder()], else: []
  end

  defp encoder do
    made = :counters.new(1, [])

    fn name, _ ->
      try do
        {:ok, String.to_existing_atom(name)}
      rescue
        ArgumentError ->
          :counters.add(made, 1, 1)

          cond do
            :counters.get(made, 1) > @most_atoms -> {:error, "too many names"}
            String.length(name) > 255 -> {:error, "name is too long"}
            true -> {:ok, String.to_atom(name)}
          end
      end
    end
  end

  defp unread(place, message, token) do
    line = if is_list(place), do: Keyword.get(place, :line, 0), else: line(place)
    message = if is_tuple(message), do: message |> Tuple.to_list() |> Enum.join(), else: message
    {"error", line, text("#{message}#{token}")}
  end

  defp formatted(path, text, formatters) do
    {options, is_known} = format_options(formatters)
    options = [file: path] ++ bounded(text) ++ options
    result = IO.iodata_to_binary([Code.format_string!(text, options), ?\n])

    cond do
      result == text -> "yes"
      is_known -> "no"
      true -> "unknown"
    end
  rescue
    _ -> "unknown"
  end

  # `formatters` has the text of the package's .formatter.exs, "" for none, and those of packages
  # that it may import from. They are read as data: what is no literal is left out, and then it is
  # not known how the package formats.
  defp format_options({own, others}) do
    with false <- own == "", {:ok, settings} when is_list(settings) <- literal(own) do
      imports = Keyword.get(settings, :import_deps, [])
      imported = for name <- imports, do: exported(List.keyfind(others, to_string(name), 0))
      without = Keyword.get(settings, :locals_without_parens, []) ++ List.flatten(imported)
      is_known = Enum.all?(without, &is_tuple/1) and not Keyword.has_key?(settings, :plugins)
      kept = Keyword.take(settings, [:line_length, :normalize_bitstring_modifiers])
      kept = kept ++ Keyword.take(settings, [:normalize_charlists_as_sigils, :force_do_end_blocks])
      {[locals_without_parens: Enum.filter(without, &is_tuple/1)] ++ kept, is_known}
    else
      true -> {[], true}
      _ -> {[], false}
    end
  end

  defp exported({_, text}) do
    with {:ok, settings} when is_list(settings) <- literal(text),
         export when is_list(export) <- Keyword.get(settings, :export, []) do
      Keyword.get(export, :locals_without_parens, [])
    else
      _ -> [:unknown]
    end
  end

  defp exported(nil), do: [:unknown]

  # The value of a list of options, where variables that are set to literals count as these.
  defp literal(text) do
    case Code.string_to_quoted(text, [emit_warnings: false] ++ bounded(text)) do
      {:ok, {:__block__, _, lines}} -> evaluated(List.last(lines), bound(lines))
      {:ok, quoted} -> evaluated(quoted, %{})
      _ -> :error
    end
  end

  defp bound(lines) do
    for {:=, _, [{name, _, context}, value]} when is_atom(context) <- lines, into: %{}, do: {name, value}
  end

  defp evaluated(quoted, bound) do
    {:ok, value(quoted, bound)}
  catch
    :unknown -> :error
  end

  defp value({:{}, _, parts}, bound), do: parts |> Enum.map(&value(&1, bound)) |> List.to_tuple()
  defp value({left, right}, bound), do: {value(left, bound), value(right, bound)}
  defp value({:++, _, [left, right]}, bound), do: value(left, bound) ++ value(right, bound)
  defp value({:__block__, _, [inner]}, bound), do: value(inner, bound)
  defp value({:sigil_w, _, [{:<<>>, _, [words]}, _]}, _), do: String.split(words)

  defp value({name, _, context}, bound) when is_atom(name) and is_atom(context) do
    case Map.pop(bound, name) do
      {nil, _} -> throw(:unknown)
      {quoted, rest} -> value(quoted, rest)
    end
  end

  defp value(list, bound) when is_list(list) do
    # A setting that is no literal is left out alone; only those that are asked for matter.
    Enum.flat_map(list, fn
      {key, quoted} when is_atom(key) ->
        try do
          [{key, value(quoted, bound)}]
        catch
          :unknown -> if key in [:inputs, :subdirectories, :plugins], do: [{key, []}], else: throw(:unknown)
        end

      other ->
        [value(other, bound)]
    end)
  end

  defp value(plain, _) when is_atom(plain) or is_number(plain) or is_binary(plain), do: plain
  defp value(_, _), do: throw(:unknown)

  # The modules that a file defines, and what mix.exs says of the toolchain and of requirements.
  defp told(path, quoted) do
    modules = for name <- modules(quoted, []), do: {"module", name}
    if Path.basename(path) == "mix.exs", do: modules ++ project(quoted), else: modules
  end

  defp modules({:defmodule, _, [{:__aliases__, _, parts}, [{_, body} | _]]}, above) do
    if Enum.all?(parts, &is_atom/1) do
      names = if hd(parts) == Elixir, do: tl(parts), else: above ++ parts
      [Enum.map_join(names, ".", &Atom.to_string/1) | modules(body, names)]
    else
      []
    end
  end

  defp modules({:quote, _, _}, _), do: []
  defp modules({left, _, right}, above), do: modules(left, above) ++ modules(right, above)
  defp modules({left, right}, above), do: modules(left, above) ++ modules(right, above)
  defp modules(list, above) when is_list(list), do: Enum.flat_map(list, &modules(&1, above))
  defp modules(_, _), do: []

  defp project(quoted) do
    {_, found} =
      Macro.prewalk(quoted, [], fn
        {:elixir, version} = pair, found when is_binary(version) -> {pair, [{"elixir", version} | found]}
        {:app, app} = pair, found when is_atom(app) -> {pair, [{"app", to_string(app)} | found]}
        {name, version} = pair, found when is_atom(name) and is_binary(version) -> {pair, [{"requires", to_string(name), version} | found]}
        {:{}, _, [name, version, options]} = tuple, found when is_atom(name) and is_binary(version) and is_list(options) -> {tuple, [{"requires", to_string(name), version} | found]}
        other, found -> {other, found}
      end)

    Enum.reverse(found)
  end
end
