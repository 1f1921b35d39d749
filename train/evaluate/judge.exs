# Two programs that judge an answer, each in a BEAM of its own.
#
# `:judge.compile` compiles an answer where there is nothing to be learned or won: neither the tests
# nor what reads the verdict is there. What comes out of it is believed in nothing.
# `:judge.test` is given the modules that came out. It compiles each again from the code in its
# debug information, with every call that could reach beyond the answer replaced by one to `:judge_guard`,
# and runs the tests on the result. No code of the answer runs here that was not rewritten so.

defmodule :judge do
  @most_modules 256
  @documented "documented.judge"
  # Longer than the sandbox has.
  @patience 3_600_000

  def documented, do: @documented

  def main(["compile" | arguments]), do: compile(arguments)
  def main(["test" | arguments]), do: test(arguments)

  # Arguments: the Elixir that is required, what is compiled, its sources: the answer's comes first.
  defp compile([requirement, what | sources]) do
    secret = secret()
    say(secret, if(fits?(requirement), do: "fits", else: "toolchain_too_old"))
    load_modules(taken("judge/dependencies.term", []))
    Code.compiler_options(docs: true, debug_info: true, ignore_module_conflict: true)
    # For an answer that brings tests along.
    Enum.any?(sources, &(File.read!(&1) =~ "ExUnit")) && start_tests([])
    table = :ets.new(:compiled, [:public])
    own = Path.expand(hd(sources))
    # The file of a module as the compiler knows it, for the code can say anything.
    each = fn file, module, code ->
      :ets.insert(table, {module, Path.expand(file) == own, code})
    end

    case Kernel.ParallelCompiler.compile(sources, each_module: each) do
      {:ok, _, _} ->
        compiled = table |> :ets.tab2list() |> Enum.sort()

        if what == "reference" do
          {own, others} = Enum.split_with(compiled, &elem(&1, 1))
          say(secret, "dependencies #{packed(for {m, _, code} <- others, do: {m, code})}")
          say(secret, "promises #{packed(for {m, _, code} <- own, do: {m, promise(m, code)})}")
        else
          say(secret, "modules #{packed(for {m, _, code} <- compiled, do: {m, code})}")
        end

      {:error, _, _} ->
        say(secret, "compile_error")
    end

    System.halt(0)
  end

  # What tests may take from an answer while they are compiled: documentation, and which macros.
  defp promise(module, code) do
    macros = for {name, _} = each <- module.module_info(:exports), macro?(name), do: each
    {chunk(code, 'Docs'), macros}
  end

  def macro?(name), do: String.starts_with?(Atom.to_string(name), "MACRO-")

  # Arguments: the tests.
  defp test(paths) do
    secret = secret()
    answer = taken("judge/modules.term", [])
    dependencies = taken("judge/dependencies.term", [])

    promises =
      with list when is_list(list) <- taken("judge/promises.term", nil), do: Map.new(list)

    load_modules(taken("judge/sinks.term", []))
    documented = taken("judge/documented.txt", "")
    tests = Enum.map(paths, &{&1, taken(&1)})
    {:ok, _} = Application.ensure_all_started(:logger)
    start_tests(formatters: [ExUnit.CLIFormatter, :judge_recorder], timeout: @patience)
    :ok = :code.ensure_modules_loaded([:judge_recorder, :judge_guard])
    # Nothing is loaded from where the answer can write.
    Enum.each(:code.get_path(), &(toolchain_path?(&1) || :code.del_path(&1)))
    File.rm_rf!("judge")
    main = self()
    names = for {module, _} <- answer, do: module
    :judge_guard.prepare(main, names, for({module, _} <- dependencies, do: module))
    load_modules(dependencies)

    {_, monitor} =
      spawn_monitor(fn ->
        length(answer) <= @most_modules || :judge_guard.refuse("#{length(answer)} modules")
        :judge_guard.own_only(names)
        promises = if documented == "", do: promises, else: of_answer(answer, documented)
        macros = &elem(Map.get(promises || %{}, &1, {nil, []}), 1)

        kept =
          for {module, old} <- answer,
              code = :judge_guard.rewritten(module, old, macros.(module)),
              into: %{},
              do: {module, {code, old}}

        load(kept, promises)

        compiled = compiled(tests)
        both = Enum.find(compiled, &is_map_key(kept, &1))
        both && :judge_guard.refuse("the module #{inspect(both)} of the tests")

        send(main, {:listed, Enum.flat_map(Enum.filter(compiled, &case?/1), &listed/1)})
        exit({:ran, ExUnit.run()})
      end)

    {verdict, detail} = wait(monitor, [], [])
    say(secret, "#{verdict} #{Base.encode64(detail)}")
    System.halt(0)
  end

  defp compiled(tests) do
    for {path, text} <- tests, {module, _} <- Code.compile_string(text, path), do: module
  rescue
    error -> exit({:failed, Exception.format(:error, error, __STACKTRACE__)})
  end

  # Without the reference, the examples of an answer must be those that it was given.
  defp of_answer(answer, given) do
    lines = fn text -> text |> String.split("\n") |> Enum.map(&String.trim/1) end
    given = lines.(given)

    documents =
      for {_, code} <- answer,
          docs = chunk(code, 'Docs'),
          is_binary(docs),
          text <- texts(:erlang.binary_to_term(docs)),
          text =~ "iex>",
          line <- lines.(text),
          do: line

    examples = &Enum.filter(&1, fn line -> String.starts_with?(line, ["iex", "...>"]) end)
    changed? = documents -- given != [] or examples.(given) -- documents != []
    changed? and :judge_guard.refuse("other doctests than it was given")
    for {module, code} <- answer, into: %{}, do: {module, {chunk(code, 'Docs'), []}}
  end

  defp texts({:docs_v1, _, _, _, text, _, functions}) do
    for %{} = texts <- [text | Enum.map(functions, &elem(&1, 3))], {_, text} <- texts, do: text
  end

  # Leave documentation, and the types of functions, where tests look for them: out of the reach of
  # the answer, whose code has not run yet.
  defp load(modules, promises) do
    File.mkdir!(@documented)

    for {module, {code, old}} <- modules do
      docs =
        if is_map(promises), do: elem(promises[module] || {nil, []}, 0), else: chunk(old, 'Docs')

      more = for each <- [{'Docs', docs}, {'Dbgi', chunk(old, 'Dbgi')}], elem(each, 1), do: each
      path = Path.expand("#{@documented}/#{module}.beam")
      File.write!(path, with_chunks(code, more))
      File.chmod!(path, 0o444)
    end

    File.chmod!(@documented, 0o555)
    Code.prepend_path(@documented)

    for {module, {code, _}} <- modules do
      {:module, _} = :code.load_binary(module, '#{Path.expand(@documented)}/#{module}.beam', code)
    end
  end

  defp case?(module), do: function_exported?(module, :__ex_unit__, 0)

  # A test is left out if its own text says so.
  defp listed(module) do
    for test <- module.__ex_unit__().tests,
        do: {module, test.name, Map.has_key?(test.tags, :skip)}
  end

  defp wait(monitor, listed, states) do
    receive do
      {:refused, what} -> {"refused", what}
      {:failed, what} -> {"failed", what}
      {:listed, listed} -> wait(monitor, listed, states)
      {:tested, test} -> wait(monitor, listed, [test | states])
      {:DOWN, ^monitor, _, _, {:ran, ran}} -> {verdict(ran, listed, states), ""}
      {:DOWN, ^monitor, _, _, {:failed, words}} when is_binary(words) -> {"failed", words}
      # What it ended with may be the answer's, whose code would write it in words.
      {:DOWN, ^monitor, _, _, reason} -> {"failed", inspect(reason, structs: false)}
    end
  end

  defp verdict(ran, listed, states) do
    reports = Enum.group_by(states, fn {module, name, _} -> {module, name} end, &elem(&1, 2))

    outcomes =
      for {module, name, skip?} <- listed do
        case Enum.uniq(reports[{module, name}] || [:missing]) do
          [nil] -> :passed
          [:excluded] -> :left_out
          [:skipped] when skip? -> :left_out
          _ -> :failed
        end
      end

    all? = ran.failures == 0 and ran.total == length(states) and :failed not in outcomes
    if all? and :passed in outcomes, do: "passed", else: "failed"
  end

  # Modules of Elixir that do what stands in data, which no call of the answer need show: the stack
  # trace of an error names a function that explains it, and a stream the file that it reads.
  def sinks do
    :judge_guard.prepare(self(), [], [])

    for module <- [ErlangError, Enumerable.File.Stream, Collectable.File.Stream],
        new = sink(module, File.read!(:code.which(module))),
        do: {module, new}
  end

  # Nothing where Elixir was installed without debug information.
  defp sink(module, code) do
    {_, monitor} = spawn_monitor(fn -> exit({:new, :judge_guard.rewritten(module, code, [])}) end)

    receive do
      {:DOWN, ^monitor, _, _, {:new, new}} -> new
      {:DOWN, ^monitor, _, _, _} -> nil
      {:refused, _} -> nil
    end
  end

  defp start_tests(options),
    do: ExUnit.start([autorun: false, seed: 0, colors: [enabled: false]] ++ options)

  defp toolchain_path?(path), do: List.starts_with?(path, :code.lib_dir()) or elixir_path?(path)

  defp elixir_path?(path) do
    root = :code.lib_dir(:elixir) |> Path.dirname() |> String.to_charlist()
    List.starts_with?(path, root)
  end

  defp fits?(""), do: true
  defp fits?(required), do: Version.match?(System.version(), required, allow_pre: true)

  defp secret, do: String.trim(IO.gets(""))
  defp say(secret, what), do: IO.write("\n#{secret} #{what}\n")

  defp packed(term), do: term |> :erlang.term_to_binary(compressed: 6) |> Base.encode64()

  # Read a file that no later code shall find.
  defp taken(path) do
    text = File.read!(path)
    File.rm!(path)
    text
  end

  defp taken(path, default) do
    case File.exists?(path) and taken(path) do
      false -> default
      text when is_binary(default) -> text
      "" -> default
      packed -> packed |> Base.decode64!() |> :erlang.binary_to_term()
    end
  end

  defp load_modules(modules) do
    for {module, code} <- modules,
        do: {:module, _} = :code.load_binary(module, 'dependency', code)
  end

  def chunk(code, name) do
    case :beam_lib.chunks(code, [name]) do
      {:ok, {_, [{_, chunk}]}} -> chunk
      _ -> nil
    end
  end

  defp with_chunks(code, more) do
    {:ok, _, chunks} = :beam_lib.all_chunks(code)
    {:ok, code} = :beam_lib.build_module(more ++ chunks)
    code
  end
end

defmodule :judge_recorder do
  # Tells the judge of every test; its process is in nobody's reach.
  use GenServer

  def init(_), do: {:ok, nil}

  def handle_cast({:test_finished, test}, state) do
    ended = if is_tuple(test.state), do: elem(test.state, 0), else: test.state
    :judge_guard.tell({:tested, {test.module, test.name, ended}})
    {:noreply, state}
  end

  def handle_cast(_, state), do: {:noreply, state}
end

defmodule :judge_guard do
  # What an answer may call. `rewritten/3` leaves calls alone that are harmless whatever they are
  # given; all others, and all whose module or function is only known when they are made, become
  # calls of `call/3`, which looks at the arguments. Modules of the toolchain that are not named
  # here are refused, and so are functions that hand out other processes, load code, or end the BEAM.

  @documented :judge.documented()
  modules = fn names -> Enum.map(names, &Module.concat([&1])) end

  @harmless modules.(~w[
              Access Atom Base Bitwise Calendar Collectable Date DateTime Duration Enum Enumerable
              Exception Float IO Inspect Integer JSON Keyword List Macro Map MapSet NaiveDateTime
              OptionParser Path Range Record Regex Set Stream String StringIO Time Tuple URI
              Version HashDict HashSet Dict Behaviour Kernel Module Logger
            ]) ++
              ~w[
                array atomics base64 binary calendar counters crypto dict erl_parse erl_scan
                filename gb_sets gb_trees io io_lib json lists maps math orddict ordsets proplists
                queue rand random re sets sofs string unicode unicode_util uri_string zlib
                elixir_quote elixir_aliases erl_erts_errors erl_kernel_errors erl_stdlib_errors
              ]a
  # They apply modules and functions that they are given as data, or send messages.
  @vetted modules.(~w[
            Agent Agent.Server DynamicSupervisor GenEvent GenServer PartitionSupervisor Registry
            Supervisor Task
          ]) ++ ~w[
            gen_event gen_server gen_statem global pg proc_lib supervisor timer
          ]a
  @some %{
    EEx.Engine => [:fetch_assign!, :init, :handle_expr],
    Kernel.Utils => [:raise, :destructure],
    Logger.Formatter => [:compile, :format, :prune],
    Node => [:self, :list, :alive?],
    Code => ~w[
        ensure_compiled ensure_compiled! ensure_loaded ensure_loaded! ensure_loaded?
        format_string! quoted_to_algebra string_to_quoted string_to_quoted!
      ]a,
    Protocol => [:assert_impl!, :assert_protocol!, :consolidated?],
    :code => [:ensure_loaded],
    Function => [:identity],
    Application => ~w[
        get_env fetch_env fetch_env! get_all_env ensure_all_started ensure_started get_application
        spec compile_env compile_env!
      ]a,
    :application => ~w[get_env get_all_env ensure_all_started ensure_started]a,
    System => ~w[
        get_env fetch_env fetch_env! put_env delete_env monotonic_time system_time os_time
        time_offset unique_integer convert_time_unit version otp_release schedulers
        schedulers_online build_info endianness tmp_dir tmp_dir! user_home user_home! cwd cwd!
        argv
      ]a,
    Process => ~w[
        alias alive? cancel_timer delete demonitor exit get get_keys link monitor put read_timer
        set_label sleep unalias unlink
      ]a,
    :os => ~w[system_time timestamp type version perf_counter getenv]a,
    :logger => ~w[
        alert allow critical debug emergency error info log macro_log notice warning
        get_process_metadata set_process_metadata update_process_metadata unset_process_metadata
        compare_levels
      ]a,
    :persistent_term => [:info],
    :ets => ~w[new fun2ms is_compiled_ms match_spec_compile match_spec_run test_ms]a,
    :erlang =>
      ~w[! * + ++ - -- / /= < =/= =:= =< == > >= and andalso band bnot bor bsl bsr bxor div not or
         orelse rem xor abs alias append append_element atom_to_binary atom_to_list
         binary_part binary_to_atom binary_to_existing_atom binary_to_float binary_to_integer
         binary_to_list bit_size bitstring_to_list bump_reductions byte_size cancel_timer ceil
         convert_time_unit crc32 crc32_combine adler32 adler32_combine date decode_packet
         delete_element demonitor display element erase error exit external_size float float_to_binary
         float_to_list floor
         fun_to_list function_exported garbage_collect get get_keys get_module_info hd
         insert_element integer_to_binary integer_to_list iolist_size iolist_to_binary
         iolist_to_iovec is_alive is_atom is_binary is_bitstring is_boolean is_builtin is_float
         is_function is_integer is_list is_map is_map_key is_number is_pid is_port is_process_alive
         is_record is_reference is_tuple length link list_to_atom list_to_binary list_to_bitstring
         list_to_existing_atom list_to_float list_to_integer list_to_tuple localtime
         localtime_to_universaltime make_ref make_tuple map_get map_size max md5 md5_final md5_init
         md5_update memory min monitor monotonic_time nif_error node nodes now phash phash2
         pid_to_list port_to_list pre_loaded put raise read_timer ref_to_list round self setelement
         size split_binary statistics subtract system_time throw time time_offset
         timestamp tl trunc tuple_size tuple_to_list unalias unique_integer universaltime
         universaltime_to_localtime unlink yield]a
  }
  @looked_at %{
    vet: %{
      Kernel => ~w[send spawn spawn_link spawn_monitor]a,
      Process => ~w[hibernate send send_after spawn]a,
      :erlang => ~w[
        hibernate send send_after send_nosuspend spawn spawn_link spawn_monitor spawn_opt
        start_timer
      ]a
    },
    apply: %{Kernel => [:apply], :erlang => [:apply]},
    capture: %{Function => [:capture], :erlang => [:make_fun]},
    fun_info: %{Function => [:info], :erlang => [:fun_info]},
    info: %{Process => [:info], :erlang => [:process_info]},
    system: %{:erlang => [:system_info]},
    flag: %{Process => [:flag], :erlang => [:process_flag]},
    leader: %{Process => [:group_leader], :erlang => [:group_leader]},
    name: %{
      Process => [:register, :unregister, :whereis],
      :erlang => [:register, :unregister, :whereis]
    },
    encode: %{:erlang => [:term_to_binary, :term_to_iovec]},
    decode: %{:erlang => [:binary_to_term]},
    key: %{:persistent_term => [:erase, :get, :put]},
    app: %{
      Application => [:put_env, :put_all_env, :delete_env],
      :application => [:set_env, :unset_env]
    },
    level: %{Logger => [:configure]},
    file: %{
      :file => ~w[
        close consult copy datasync del_dir delete format_error get_cwd list_dir make_dir open
        position pread pwrite read read_file read_file_info read_line rename set_cwd sync truncate
        write write_file
      ]a
    },
    refused: %{
      File => ~w[ln ln! ln_s ln_s!]a,
      Logger => ~w[
        add_backend add_handlers add_translator configure_backend remove_backend remove_translator
      ]a,
      Macro => [:compile_apply],
      Module => [:create, :eval_quoted],
      :ets => [:all],
      :crypto => ~w[
        engine_add engine_by_id engine_ctrl_cmd_string engine_get_all_methods engine_get_id
        engine_get_name engine_list engine_load engine_register engine_remove engine_unload
        engine_unregister ensure_engine_loaded ensure_engine_unloaded
      ]a
    }
  }
  @defaults Map.new(
              Enum.map(@harmless, &{&1, :harmless}) ++
                Enum.map(@vetted, &{&1, :vet}) ++
                Enum.map(Map.keys(@some), &{&1, :refused}) ++
                [{File, :file}, {:file, :refused}, {:filelib, :file}, {:ets, :table}] ++
                [{:digraph, :table}, {:digraph_utils, :table}]
            )
  @rules Map.new(
           for(
             {module, names} <- @some,
             name <- names,
             do: {{module, name}, :harmless}
           ) ++
             for(
               {rule, modules} <- @looked_at,
               {module, names} <- modules,
               name <- names,
               do: {{module, name}, rule}
             )
         )
  # Modules of these belong to what they are named after.
  @families modules.(~w[
    Calendar Collectable Date Enumerable File IO Inspect JSON List Macro Registry Stream String
    Supervisor Task URI Version
  ])
  # Links lead from process to process, up to those that decide.
  @own_items ~w[dictionary links messages monitors]a
  @items ~w[
        garbage_collection heap_size memory message_queue_len priority reductions registered_name
        stack_size status total_heap_size trap_exit
      ]a
  @system_items ~w[
        atom_count atom_limit ets_limit logical_processors otp_release port_limit process_count
        process_limit scheduler_id schedulers schedulers_online system_architecture system_version
        threads version wordsize wall_clock
      ]a
  @flags ~w[
        fullsweep_after max_heap_size message_queue_data min_bin_vheap_size min_heap_size priority
        trap_exit
      ]a
  @system_messages [:get_state, :get_status, :resume, :suspend]

  # Remember what was there before the answer.
  def prepare(main, own, dependencies) do
    loaded = for {module, _} <- :code.all_loaded(), do: module
    set = &MapSet.new/1

    known = %{
      main: main,
      own: set.(own ++ dependencies),
      dependencies: set.(dependencies),
      toolchain: set.(loaded),
      names: set.(Process.registered()),
      processes: set.(Process.list()),
      tables: set.(:ets.all()),
      keys: set.([__MODULE__ | for({key, _} <- :persistent_term.get(), do: key)]),
      apps: set.(for {app, _, _} <- Application.loaded_applications(), do: app)
    }

    :persistent_term.put(__MODULE__, known)
  end

  # Refuse modules that were there before.
  def own_only(modules) do
    taken = Enum.find(modules, &(toolchain?(&1) or MapSet.member?(known().dependencies, &1)))
    taken && refuse("a module #{inspect(taken)} of its own")
  end

  defp known, do: :persistent_term.get(__MODULE__)

  def tell(message), do: send(known().main, message)

  def refuse(what) do
    tell({:refused, what})
    Process.sleep(:infinity)
  end

  def failed(error) do
    tell({:failed, Exception.message(error)})
    Process.sleep(:infinity)
  end

  def refuse(module, name), do: refuse("#{inspect(module)}.#{name}")

  # Which rule a function falls under.
  defp rule(module, name) when is_atom(module) and is_atom(name) do
    case @rules do
      %{{^module, ^name} => rule} -> rule
      %{} -> default(module, name)
    end
  end

  defp rule(_module, _name), do: :harmless

  defp default(module, name) do
    case @defaults do
      %{^module => rule} ->
        rule

      %{} ->
        cond do
          MapSet.member?(known().own, module) -> :harmless
          toolchain?(module) -> family(module)
          true -> of_tests(module, name)
        end
    end
  end

  defp toolchain?(module), do: MapSet.member?(known().toolchain, module) or on_path?(module)
  defp on_path?(module), do: :code.where_is_file('#{module}.beam') != :non_existing

  defp family(module) do
    with "Elixir." <> name <- Atom.to_string(module),
         root = Module.concat([hd(String.split(name, "."))]),
         false <- String.ends_with?(name, "Error"),
         true <- root in @families do
      @defaults[root]
    else
      true -> :harmless
      _ -> :refused
    end
  end

  # Modules that the tests define may be called; tests may not.
  defp of_tests(module, name) do
    test? =
      String.starts_with?(Atom.to_string(name), ["test ", "doctest ", "property ", "__ex_unit"])

    if test? and function_exported?(module, :__ex_unit__, 0), do: :refused, else: :harmless
  end

  # A call whose function was not known, or whose arguments are to be looked at.
  def call(module, name, arguments) do
    case rule(module, name) do
      :harmless ->
        apply(module, name, arguments)

      :apply when length(arguments) == 3 ->
        apply(__MODULE__, :call, arguments)

      :apply ->
        apply(module, name, arguments)

      :capture ->
        apply(__MODULE__, :capture, arguments)

      :decode ->
        term = apply(module, name, arguments)
        holds?(term, &(is_pid(&1) or is_port(&1) or is_function(&1))) && refuse(module, name)
        term

      rule ->
        allowed?(rule, module, name, arguments) || refuse(module, name)
        apply(module, name, arguments)
    end
  end

  def capture(module, name, arity) do
    rule(module, name) == :harmless || refuse(module, name)
    Function.capture(module, name, arity)
  end

  # A value that a supervisor is given.
  def vetted(value) do
    vet(value, nil)
    value
  end

  defp allowed?(:vet, module, name, arguments) do
    Enum.any?(destinations(module, name, arguments), &protected?/1) && refuse(module, name)

    module in [:erlang, Kernel, Process, :timer] && Enum.any?(arguments, &system?/1) &&
      refuse(module, name)

    vet(arguments, module)
    true
  end

  defp allowed?(:file, _, name, [path | _]) when name in [:write, :write!, :write_file],
    do: not protected_path?(path)

  defp allowed?(:file, _, _, arguments), do: not Enum.any?(arguments, &protected_path?/1)

  defp allowed?(:table, _, _, [table | _] = arguments) do
    tables = if is_tuple(table), do: Tuple.to_list(table), else: [table]

    not Enum.any?(tables, &MapSet.member?(known().tables, &1)) and
      not Enum.any?(arguments, &protected_path?/1)
  end

  defp allowed?(:table, _, _, []), do: true

  defp allowed?(:info, _, _, [pid, item]) do
    items = List.wrap(item)
    Enum.all?(items, &(&1 in @items or (&1 in @own_items and pid == self())))
  end

  defp allowed?(:system, _, _, [item]), do: item in @system_items

  defp allowed?(:flag, _, _, [flag, _]), do: flag in @flags
  defp allowed?(:fun_info, _, _, [_, item]), do: item != :env
  defp allowed?(:leader, _, _, arguments), do: length(arguments) < 2
  defp allowed?(:name, _, _, arguments), do: not Enum.any?(arguments, &protected?/1)
  defp allowed?(:encode, _, _, [term | _]), do: not holds?(term, &is_function/1)
  defp allowed?(:key, _, _, [key | _]), do: not MapSet.member?(known().keys, key)
  defp allowed?(:level, _, _, [options]), do: match?([level: _], options)

  defp allowed?(:app, _, _, [apps | _]) do
    apps = if is_list(apps), do: Enum.map(apps, &elem(&1, 0)), else: [apps]
    not Enum.any?(apps, &MapSet.member?(known().apps, &1))
  end

  defp allowed?(_, _, _, _), do: false

  defp destinations(module, name, [_, second | _])
       when module in [:erlang, :timer] and
              name in [:send_after, :send_interval, :start_timer, :exit_after, :kill_after],
       do: [second]

  defp destinations(_, _, arguments), do: Enum.take(arguments, 1)

  defp protected?({name, node}) when is_atom(node), do: protected?(name)
  defp protected?(pid) when is_pid(pid), do: MapSet.member?(known().processes, pid)
  defp protected?(name), do: is_atom(name) and MapSet.member?(known().names, name)

  # What `:sys` sends.
  defp system?({:system, _, {what, _}}), do: what in [:replace_state, :debug, :terminate]
  defp system?({:system, _, what}), do: what in @system_messages or is_tuple(what)
  defp system?(_), do: false

  # Refuse what, given as data, would be applied without being looked at.
  defp vet([module, name, arguments | _] = list, by)
       when is_atom(module) and is_atom(name) and is_list(arguments) do
    applicable?(module, name, arguments, by) || refuse(module, name)
    vet_each(list, by)
  end

  defp vet([_ | _] = list, by), do: vet_each(list, by)

  defp vet({:via, module, _} = via, by) when is_atom(module) do
    rule(module, :whereis_name) in [:harmless, :vet] || refuse(module, :whereis_name)
    vet(Tuple.to_list(via), by)
  end

  defp vet(tuple, by) when is_tuple(tuple), do: vet(Tuple.to_list(tuple), by)
  defp vet(%{} = map, by), do: vet_each(:maps.to_list(map), by)
  defp vet(_, _), do: :ok

  defp vet_each([first | rest], by) do
    vet(first, by)
    vet(rest, by)
  end

  defp vet_each([], _), do: :ok

  defp applicable?(module, name, arguments, by) do
    case rule(module, name) do
      :harmless -> true
      :vet -> starts?(name) or (by == :timer and allowed?(:vet, module, name, arguments))
      _ -> false
    end
  end

  defp starts?(name), do: String.starts_with?(Atom.to_string(name), ["start", "child_spec"])

  defp holds?([first | rest], is), do: holds?(first, is) or holds?(rest, is)
  defp holds?(tuple, is) when is_tuple(tuple), do: holds?(Tuple.to_list(tuple), is)
  defp holds?(%{} = map, is), do: holds?(:maps.to_list(map), is)
  defp holds?(term, is), do: is.(term)

  # What the kernel tells of this process, its memory among it, looks like files. Links, by which a
  # file would have another name, cannot be made.
  defp protected_path?(path) when is_binary(path) or is_list(path) or is_atom(path) do
    path = [path] |> :filename.flatten() |> IO.chardata_to_string() |> Path.expand()
    String.starts_with?(path, ["/proc", "/sys", "/dev"]) or @documented in Path.split(path)
  rescue
    _ -> false
  end

  defp protected_path?(_), do: false

  # Return a module's code with all calls as above; nil for one that holds tests.
  def rewritten(module, code, macros) do
    with chunk when is_binary(chunk) <- :judge.chunk(code, 'Dbgi'),
         {:debug_info_v1, :elixir_erl, {:elixir_v1, _, _} = data} <-
           :erlang.binary_to_term(chunk),
         {:ok, forms} <- :elixir_erl.debug_info(:erlang_v1, module, data, []),
         true <- {:attribute, 1, :module, module} in Enum.map(forms, &on_line_one/1) do
      functions = for {:function, _, name, arity, _} <- forms, do: {name, arity}

      unless {:__ex_unit__, 0} in functions do
        forms = for form <- forms, new = form(form, MapSet.new(functions), macros), do: new
        compiled(module, forms)
      end
    else
      _ -> refuse("#{inspect(module)}, which has no debug information")
    end
  end

  defp on_line_one({:attribute, _, name, value}), do: {:attribute, 1, name, value}
  defp on_line_one(form), do: form

  defp compiled(module, forms) do
    source = for {:attribute, _, :file, {file, _}} <- forms, do: {:source, file}

    case :compile.noenv_forms(forms, [:no_auto_import, :return_errors | Enum.take(source, 1)]) do
      {:ok, ^module, code} -> code
      {:ok, ^module, code, _} -> code
      error -> refuse("#{inspect(module)}, which cannot be compiled again: #{inspect(error)}")
    end
  end

  # Compiler options, on_load and the like are left out.
  defp form({:attribute, _, name, _} = form, _, _)
       when name in [:module, :file, :optional_callbacks, :__impl__, :__protocol__, :vsn],
       do: form

  # The types of callbacks are left out: they may name others.
  defp form({:attribute, line, :callback, {{_, arity} = each, _}}, _, _) do
    any = {:type, line, :any, []}
    product = {:type, line, :product, List.duplicate(any, arity)}
    {:attribute, line, :callback, {each, [{:type, line, :fun, [product, any]}]}}
  end

  defp form({:attribute, line, :export, names}, _, macros) do
    kept =
      Enum.reject(names, fn {name, _} = each -> :judge.macro?(name) and each not in macros end)

    {:attribute, line, :export, kept}
  end

  defp form({:function, line, name, 1, clauses}, local, _) when name in [:init, :child_spec] do
    {:function, line, name, 1, for(clause <- clauses, do: vetting(guarded(clause, local)))}
  end

  defp form({:function, line, name, arity, clauses}, local, _) do
    {:function, line, name, arity, guarded(clauses, local)}
  end

  defp form(_, _, _), do: nil

  defp vetting({:clause, line, patterns, guards, body}) do
    {first, [last]} = Enum.split(body, -1)
    {:clause, line, patterns, guards, first ++ [guard(line, :vetted, [last])]}
  end

  defp guarded({:call, line, {:remote, _, module, name} = called, arguments}, local) do
    arguments = guarded(arguments, local)

    case static(module, name) do
      :harmless ->
        {:call, line, called, arguments}

      :refused ->
        guard(line, :refuse, [module, name])

      _ ->
        guard(line, :call, [guarded(module, local), guarded(name, local), list(arguments, line)])
    end
  end

  defp guarded({:call, line, {:atom, _, name} = called, arguments}, local) do
    MapSet.member?(local, {name, length(arguments)}) || refuse("#{name}/#{length(arguments)}")
    {:call, line, called, guarded(arguments, local)}
  end

  defp guarded({:op, line, :!, to, message}, local) do
    guarded(
      {:call, line, {:remote, line, {:atom, line, :erlang}, {:atom, line, :send}}, [to, message]},
      local
    )
  end

  defp guarded({:fun, line, {:function, module, name, {:integer, _, arity}}} = capture, local) do
    case static(module, name) do
      :harmless ->
        capture

      :unknown ->
        arity = {:integer, line, arity}
        guard(line, :capture, [guarded(module, local), guarded(name, local), arity])

      _ ->
        variables = for number <- Enum.take(1..255, arity), do: {:var, line, :"judged#{number}"}
        body = guarded({:call, line, {:remote, line, module, name}, variables}, local)
        {:fun, line, {:clauses, [{:clause, line, variables, [], [body]}]}}
    end
  end

  defp guarded({:fun, line, {:function, module, name, arity}}, local) when is_tuple(module) do
    guard(line, :capture, Enum.map([module, name, arity], &guarded(&1, local)))
  end

  defp guarded({:fun, _, {:function, name, arity}} = capture, local) do
    MapSet.member?(local, {name, arity}) || refuse("#{name}/#{arity}")
    capture
  end

  # A failed assertion that the answer catches has failed, and its values are not for the answer.
  defp guarded({:try, line, body, otherwise, [_ | _] = clauses, last}, local) do
    [body, otherwise, clauses, last] = guarded([body, otherwise, clauses, last], local)
    {:try, line, body, otherwise, [assertion(line) | clauses], last}
  end

  defp guarded({:catch, _, _}, _), do: refuse("a catch of unknown form")
  defp guarded({:fun, _, {:function, _, _, _}}, _), do: refuse("a capture of unknown form")
  defp guarded([first | rest], local), do: [guarded(first, local) | guarded(rest, local)]

  defp guarded(form, local) when is_tuple(form) do
    form |> Tuple.to_list() |> Enum.map(&guarded(&1, local)) |> List.to_tuple()
  end

  defp guarded(form, _), do: form

  defp assertion(line) do
    number = System.unique_integer([:positive])
    [error, stack] = for name <- ~w[error stack], do: {:var, line, :"judged_#{name}#{number}"}

    kind =
      {:map_field_exact, line, {:atom, line, :__struct__}, {:atom, line, ExUnit.AssertionError}}

    failed = {:match, line, {:map, line, [kind]}, error}
    pattern = {:tuple, line, [{:atom, line, :error}, failed, stack]}
    {:clause, line, [pattern], [], [guard(line, :failed, [error])]}
  end

  # A module that is not there yet may be one of the tests'.
  defp static({:atom, _, module}, {:atom, _, name}) do
    own? = MapSet.member?(known().own, module)
    rule = rule(module, name)
    if rule == :harmless and not own? and not toolchain?(module), do: :unknown, else: rule
  end

  defp static(_, _), do: :unknown

  defp guard(line, name, arguments) do
    {:call, line, {:remote, line, {:atom, line, __MODULE__}, {:atom, line, name}}, arguments}
  end

  defp list(forms, line), do: List.foldr(forms, {nil, line}, &{:cons, line, &1, &2})
end
