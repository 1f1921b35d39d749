# The compiler's own view of Elixir files, as JSON lines: the truth for corpus.elixir.
#
#     find . -name '*.ex' | elixir benchmarks/compiler_ast.exs
#
# Reads paths from standard input. Each line is {"path", "modules", "functions"} in the shape of
# `python -m corpus inspect`, with the doc texts added, or {"path", "error"} where this
# toolchain cannot parse the file. It shares the rules of corpus/elixir/walk.py (what counts as
# module code, what `quote` hides) and nothing else: it walks the tree of Code.string_to_quoted,
# and asks the compiler which behaviour `use` of a standard module leaves behind.

defmodule CompilerAST.JSON do
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value) or is_integer(value), do: to_string(value)
  def encode(value) when is_binary(value), do: [?", escape(scrub(value)), ?"]
  def encode(list) when is_list(list), do: [?[, Enum.map_intersperse(list, ?,, &encode/1), ?]]

  def encode(map) when is_map(map) do
    pairs = for {key, value} <- map, do: [?", to_string(key), "\":", encode(value)]
    [?{, Enum.intersperse(pairs, ?,), ?}]
  end

  # JSON is UTF-8: other bytes become U+FFFD, as they do in Python's decoder.
  defp scrub(text), do: if(String.valid?(text), do: text, else: replace(text))
  defp replace(<<char::utf8, rest::binary>>), do: <<char::utf8, replace(rest)::binary>>
  defp replace(<<_, rest::binary>>), do: <<0xFFFD::utf8, replace(rest)::binary>>
  defp replace(<<>>), do: <<>>

  defp escape(text) do
    for <<char::utf8 <- text>>, into: "" do
      case char do
        ?" -> "\\\""
        ?\\ -> "\\\\"
        char when char < 32 -> "\\u" <> String.pad_leading(Integer.to_string(char, 16), 4, "0")
        char -> <<char::utf8>>
      end
    end
  end
end

defmodule CompilerAST.EndLine do
  # The last line of an expression, from the metadata of everything inside it. Before Elixir 1.15
  # the tree does not say where parentheses around one expression close (`do: (` over several
  # lines), so there this answer falls short; no such code is in the sources measured.

  def of(ast), do: last(ast, 0)

  # A heredoc's text starts on the line after its quotes; other strings where they stand.
  defp last({:__block__, meta, [text]}, line) when is_binary(text),
    do: max(line, meta[:line] + heredoc(meta) + breaks(text))

  defp last({:__block__, meta, [chars]}, line) when is_list(chars) do
    if meta[:delimiter],
      do: max(line, meta[:line] + heredoc(meta) + breaks(to_string(chars))),
      else: last(chars, from_meta(meta, line))
  end

  defp last({:<<>>, meta, parts}, line) do
    if meta[:delimiter], do: parts(parts, meta, line), else: children(parts, meta, line)
  end

  defp last({{:., _, [List, :to_charlist]}, meta, [parts]}, line), do: parts(parts, meta, line)

  defp last({sigil, meta, [{:<<>>, _, parts}, modifiers]}, line)
       when is_atom(sigil) and is_list(modifiers) do
    if meta[:delimiter],
      do: parts(parts, meta, line),
      else: children([{:<<>>, meta, parts}, modifiers], meta, line)
  end

  defp last({form, meta, args}, line) when is_list(meta), do: children([form, args], meta, line)
  defp last({left, right}, line), do: last(right, last(left, line))
  defp last(list, line) when is_list(list), do: Enum.reduce(list, line, &last/2)
  defp last(_, line), do: line

  defp children(args, meta, line), do: last(args, from_meta(meta, line))

  defp from_meta(meta, line) do
    [meta[:line], meta[:closing][:line], meta[:end][:line], line]
    |> Enum.reject(&is_nil/1)
    |> Enum.max()
  end

  defp parts(parts, meta, line) do
    start = meta[:line] + heredoc(meta)

    Enum.reduce(parts, start, fn
      text, at when is_binary(text) -> at + breaks(text)
      {:"::", _, [{_, meta, _}, _]}, _ -> meta[:closing][:line]
      {{:., _, _}, meta, _}, _ -> meta[:closing][:line]
    end)
    |> max(line)
  end

  defp heredoc(meta), do: if(meta[:delimiter] in ["\"\"\"", "'''"], do: 1, else: 0)
  defp breaks(text), do: length(:binary.matches(text, "\n"))
end

defmodule CompilerAST.Use do
  # Which behaviours `use` of one of the toolchain's own modules leaves in the BEAM file: each is
  # compiled once into an empty module.

  def behaviours(name) do
    case Process.get({:use, name}) do
      nil -> tap(ask(name), &Process.put({:use, name}, &1))
      known -> known
    end
  end

  defp ask(name) do
    module = if String.starts_with?(name, ":"), do: nil, else: Module.concat([name])

    if module && Code.ensure_loaded?(module) && macro_exported?(module, :__using__, 1),
      do: compile(module),
      else: []
  end

  defp compile(module) do
    probe = Module.concat(CompilerAST.Probe, module)
    body = quote do: use(unquote(module))
    {:module, ^probe, binary, _} = Module.create(probe, body, __ENV__)
    {:ok, {_, [attributes: attributes]}} = :beam_lib.chunks(binary, [:attributes])
    attributes |> Keyword.get_values(:behaviour) |> Enum.concat() |> Enum.map(&inspect/1)
  rescue
    _ -> []
  end
end

defmodule CompilerAST.Names do
  # Alias expansion; nil for what only running could tell.

  def full({:__aliases__, _, [{:__MODULE__, _, context} | rest]}, env) when is_atom(context),
    do: env.module && Enum.join([env.module | rest], ".")

  def full({:__aliases__, _, [first | _] = parts}, env) when is_atom(first),
    do: parts |> Enum.map(&Atom.to_string/1) |> expand(env)

  def full({:__MODULE__, _, context}, env) when is_atom(context), do: env.module

  # `:"Elixir.Straße"` is a module of Elixir too, though `inspect` shows it as an atom.
  def full({:__block__, _, [atom]}, _) when is_atom(atom) and atom not in [nil, true, false] do
    name = atom |> Atom.to_string() |> Macro.unescape_string()

    if name == "Elixir" or name =~ ~r/^Elixir(\.\p{Lu}\w*)+$/u,
      do: String.replace_prefix(name, "Elixir.", ""),
      else: name |> String.to_atom() |> inspect()
  end

  def full(_, _), do: nil

  def all({{:., _, [prefix, :{}]}, _, names}, env) do
    for {:__aliases__, _, parts} <- names, prefix = full(prefix, env) do
      Enum.join([prefix | parts], ".")
    end
  end

  def all(ast, env), do: List.wrap(full(ast, env))

  def last_segment(name), do: name |> String.split(".") |> List.last()

  defp expand(["Elixir"], _), do: "Elixir"
  defp expand(["Elixir" | rest], _), do: Enum.join(rest, ".")
  defp expand([first | rest], env), do: Enum.join([Map.get(env.aliases, first, first) | rest], ".")
end

defmodule CompilerAST.Walk do
  alias CompilerAST.{EndLine, Names}

  @definitions [:def, :defp, :defmacro, :defmacrop, :defdelegate, :defguard, :defguardp]
  @private [:defp, :defmacrop, :defguardp]
  @conditional [:if, :unless, :case, :cond, :with, :try, :receive]
  @sections [:do, :else, :rescue, :catch, :after]
  @attributes [:moduledoc, :doc, :typedoc, :impl, :behaviour, :spec, :callback, :macrocallback] ++
                [:type, :typep, :opaque, :optional_callbacks]

  # Modules in file order, each with its functions.
  def run(ast) do
    env = %{module: nil, index: nil, aliases: %{}, in_function: false, branch: []}
    {_, modules} = walk(ast, env, [])
    Enum.reverse(modules)
  end

  # walk(ast, env, modules) -> {env, modules}. Only aliases survive in the env that comes back.
  # `modules` is newest first; env.index counts from the oldest.

  defp walk({:quote, _, args}, env, modules) when is_list(args), do: {env, modules}

  defp walk({kind, meta, [head | rest]} = ast, env, modules) when kind in @definitions do
    modules = if collects?(env), do: define(modules, env, kind, head, ast), else: modules
    {_, modules} = blocks(rest, meta, %{env | in_function: true}, modules)
    {env, modules}
  end

  defp walk({kind, meta, [name | rest]} = ast, env, modules)
       when kind in [:defmodule, :defprotocol] do
    env = nest(name, env)

    case Names.full(name, env) do
      nil -> {env, modules}
      full -> {env, open(modules, env, kind, full, [], ast, rest, meta)}
    end
  end

  defp walk({:defimpl, meta, [protocol | rest]} = ast, env, modules) do
    full = Names.full(protocol, env)
    targets = if full, do: targets(option(rest, :for), env), else: []

    modules =
      for target <- targets, reduce: modules do
        modules ->
          name = full <> "." <> String.trim_leading(target, ":")
          open(modules, env, :defimpl, name, [full], ast, rest, meta)
      end

    {env, modules}
  end

  defp walk({:use, _, [target | _]}, env, modules) do
    if collects?(env) do
      names = Names.all(target, env)
      behaviours = Enum.flat_map(names, &CompilerAST.Use.behaviours/1)
      {env, modules |> add(env, :uses, names) |> add(env, :behaviours, behaviours)}
    else
      {env, modules}
    end
  end

  defp walk({kind, _, [target | rest]}, env, modules) when kind in [:alias, :require] do
    as = option(rest, :as)

    aliases =
      for name <- Names.all(target, env), as != nil or kind == :alias, into: env.aliases do
        case as do
          nil -> {Names.last_segment(name), name}
          as -> {Names.full(as, %{env | aliases: %{}}), name}
        end
      end

    {%{env | aliases: aliases}, modules}
  end

  defp walk({kind, _, args}, env, modules)
       when kind in [:defstruct, :defexception] and is_list(args) do
    modules = if collects?(env), do: update(modules, env, &settle/1), else: modules

    if kind == :defexception and collects?(env),
      do: {env, add(modules, env, :behaviours, ["Exception"])},
      else: {env, modules}
  end

  defp walk({:@, _, [{name, _, [value | _]}]}, env, modules) when name in @attributes do
    if collects?(env),
      do: {env, update(modules, env, &attribute(name, value, &1, env))},
      else: {env, modules}
  end

  # What stands before it in a module is put aside by the next definition of that name.
  defp walk({:defoverridable, _, [list]}, env, modules) do
    names =
      for {{:__block__, _, [name]}, {:__block__, _, [arity]}} <- pairs(list),
          is_atom(name) and is_integer(arity),
          do: {name, arity}

    if collects?(env),
      do: {env, update(modules, env, &%{&1 | overridable: names ++ &1.overridable})},
      else: {env, modules}
  end

  # `@use X` is an attribute of that name, and no `use`.
  defp walk({:@, _, [{name, _, args}]}, env, modules) when is_atom(name) and is_list(args),
    do: walk(args, env, modules)

  defp walk({kind, _, args} = ast, %{in_function: false} = env, modules) when is_list(args) do
    if kind in @conditional or has_else?(ast),
      do: fork(ast, env, modules),
      else: walk_any(ast, env, modules)
  end

  defp walk(ast, env, modules), do: walk_any(ast, env, modules)

  defp has_else?({_, meta, args}) do
    meta[:do] != nil and
      Enum.any?(List.last(args), &match?({{:__block__, _, [:else]}, _}, &1))
  end

  # Each branch starts with the pending attributes; the first that changes them has its way.
  defp fork({kind, _, args}, env, modules) do
    {sections, conditions} =
      args |> Enum.flat_map(&List.wrap/1) |> Enum.split_with(&section?/1)

    {env, modules} = walk(conditions, env, modules)
    told = bare({kind, conditions})

    branches =
      for {{:__block__, _, [key]}, body} <- sections, {label, code} <- clauses(key, body) do
        {env.branch ++ [{told, bare(label)}], code}
      end

    start = pending(modules, env)

    {modules, outcome} =
      Enum.reduce(branches, {modules, start}, fn {branch, code}, {modules, outcome} ->
        modules = restore(modules, env, start)
        {_, modules} = walk(code, %{env | branch: branch}, modules)
        {modules, if(outcome == start, do: pending(modules, env), else: outcome)}
      end)

    {env, restore(modules, env, outcome)}
  end

  defp section?({{:__block__, _, [key]}, _}) when key in @sections, do: true
  defp section?(_), do: false

  defp clauses(key, [{:->, _, _} | _] = clauses),
    do: for({:->, _, [left, _]} = clause <- clauses, do: {{key, left}, [clause]})

  defp clauses(key, body), do: [{key, body}]

  defp bare(ast) when is_tuple(ast) and tuple_size(ast) == 3 and is_list(elem(ast, 1)),
    do: {bare(elem(ast, 0)), bare(elem(ast, 2))}

  defp bare(ast) when is_tuple(ast), do: ast |> Tuple.to_list() |> bare() |> List.to_tuple()
  defp bare(ast) when is_list(ast), do: Enum.map(ast, &bare/1)
  defp bare(ast), do: ast

  defp pending(_, %{index: nil}), do: nil

  defp pending(modules, env) do
    module = Enum.at(modules, length(modules) - env.index - 1)
    {module.doc, module.impl}
  end

  defp restore(modules, _, nil), do: modules
  defp restore(modules, env, {doc, impl}), do: update(modules, env, &%{&1 | doc: doc, impl: impl})

  # A clause of a function literal or of a block is a scope.
  defp walk_any({:->, _, args}, env, modules) do
    {_, modules} = walk(args, env, modules)
    {env, modules}
  end

  defp walk_any({form, meta, args}, env, modules) when is_list(args) do
    {env, modules} = walk(form, env, modules)
    blocks(args, meta, env, modules)
  end

  defp walk_any({left, right}, env, modules) do
    {env, modules} = walk(left, env, modules)
    walk(right, env, modules)
  end

  defp walk_any(list, env, modules) when is_list(list),
    do: Enum.reduce(list, {env, modules}, fn ast, {env, modules} -> walk(ast, env, modules) end)

  defp walk_any(_, env, modules), do: {env, modules}

  # Arguments of a call; if it has a do block, that is the last one, and each section a scope.
  defp blocks(args, meta, env, modules) do
    {args, sections} = if meta[:do], do: Enum.split(args, -1), else: {args, []}
    {env, modules} = walk(args, env, modules)

    modules =
      for {_, body} <- List.flatten(sections), reduce: modules do
        modules -> walk(body, env, modules) |> elem(1)
      end

    {env, modules}
  end

  defp collects?(env), do: env.module != nil and not env.in_function

  defp open(modules, env, kind, name, behaviours, ast, rest, meta) do
    module = %{
      name: name, kind: kind, lines: [meta[:line], EndLine.of(ast)], moduledoc: nil, doc: nil,
      impl: nil, uses: [], behaviours: behaviours, specs: [], functions: [], overridable: []
    }

    inner = %{env | module: name, index: length(modules), in_function: false}
    {_, modules} = blocks(rest, meta, inner, [module | modules])
    modules
  end

  # A plain name inside a module goes below it and becomes an alias of it.
  defp nest({:__aliases__, _, [first | _]}, %{module: around} = env)
       when is_atom(first) and first != Elixir and around != nil do
    first = Atom.to_string(first)
    if first == "Elixir", do: env, else: put_in(env.aliases[first], around <> "." <> first)
  end

  defp nest(_, env), do: env

  defp targets(nil, env), do: List.wrap(env.module)
  defp targets({:__block__, _, [list]}, env) when is_list(list), do: names(list, env)
  defp targets(ast, env), do: names([ast], env)
  defp names(asts, env), do: asts |> Enum.map(&Names.full(&1, env)) |> Enum.reject(&is_nil/1)

  defp option(args, name) do
    for list <- args, {{:__block__, _, [^name]}, value} <- pairs(list), reduce: nil do
      nil -> value
      first -> first
    end
  end

  defp pairs({:__block__, _, [list]}) when is_list(list), do: pairs(list)
  defp pairs(list) when is_list(list), do: List.flatten(list)
  defp pairs(_), do: []

  # Modules are kept newest first, so the one at env.index counts from the end.
  defp update(modules, env, fun), do: List.update_at(modules, length(modules) - env.index - 1, fun)

  defp add(modules, env, key, names),
    do: update(modules, env, &%{&1 | key => Enum.uniq(&1[key] ++ names)})

  defp settle(module), do: %{module | doc: nil, impl: nil}

  defp define(modules, env, kind, head, {_, meta, _} = ast) do
    heads =
      case head do
        {:__block__, _, [list]} when kind == :defdelegate and is_list(list) -> list
        head -> [head]
      end

    clause = [meta[:line], EndLine.of(ast)]
    found = for head <- heads, {name, args} <- [signature(head)], do: {name, args}

    update(modules, env, fn module ->
      found
      |> Enum.reduce(module, fn {name, args}, module ->
        module |> override({name, length(args)}) |> clause(kind, name, args, clause, env.branch)
      end)
      |> settle()
    end)
  end

  # Kept under a branch of its own, told by how many functions there were.
  defp override(module, name) do
    if name in module.overridable do
      aside = fn function ->
        if {elem(function.key, 0), elem(function.key, 1)} == name,
          do: %{function | key: put_elem(function.key, 2, {:overridden, function.key, make_ref()})},
          else: function
      end

      %{
        module
        | overridable: Enum.reject(module.overridable, &(&1 == name)),
          functions: Enum.map(module.functions, aside)
      }
    else
      module
    end
  end

  defp clause(module, kind, name, args, lines, branch) do
    defaults = Enum.count(args, &match?({:\\, _, [_, _]}, &1))
    doc = if kind in @private, do: nil, else: module.doc
    key = {name, length(args), branch}

    new = %{
      key: key, kind: kind, defaults: defaults, clauses: [lines], doc: doc, impl: module.impl
    }

    case Enum.split_with(module.functions, &(&1.key == key)) do
      {[], others} ->
        %{module | functions: others ++ [new]}

      {[old], _} ->
        merged = %{
          old
          | clauses: old.clauses ++ [lines],
            kind: if(old.kind in @private and kind not in @private, do: kind, else: old.kind),
            defaults: max(old.defaults, defaults),
            doc: doc || old.doc,
            impl: module.impl || old.impl
        }

        %{module | functions: Enum.map(module.functions, &if(&1.key == key, do: merged, else: &1))}
    end
  end

  defp signature({:when, _, [head, _]}), do: signature(head)
  defp signature({:__block__, _, [head]}), do: signature(head)
  defp signature({:unquote, _, _}), do: nil

  # `def unquote(:"a name")(x)` is plain: the atom stands there.
  defp signature({{:unquote, _, [{:__block__, meta, [name]}]}, at, args})
       when is_atom(name) and is_list(args) do
    name = if meta[:delimiter], do: unescaped(name), else: name
    if signature({:plain, at, args}), do: {name, args}
  end

  defp signature({name, _, context}) when is_atom(name) and is_atom(context), do: {name, []}

  defp signature({name, _, args}) when is_atom(name) and is_list(args) do
    if Enum.any?(args, &match?({:unquote_splicing, _, _}, &1)), do: nil, else: {name, args}
  end

  defp signature(_), do: nil

  defp unescaped(name),
    do: name |> Atom.to_string() |> Macro.unescape_string() |> String.to_atom()

  defp attribute(:moduledoc, value, module, _),
    do: %{module | moduledoc: doc(value, module.moduledoc)}

  defp attribute(:doc, value, module, _), do: %{module | doc: doc(value, module.doc)}

  defp attribute(:impl, {:__block__, _, [flag]}, module, _) when is_boolean(flag),
    do: %{module | impl: to_string(flag)}

  defp attribute(:impl, value, module, env), do: %{module | impl: Names.full(value, env)}

  defp attribute(:behaviour, value, module, env),
    do: %{module | behaviours: Enum.uniq(module.behaviours ++ Names.all(value, env))}

  defp attribute(:spec, value, module, env) do
    with {:"::", _, [head, _]} <- without_when(value), {name, args} <- signature(head) do
      %{module | specs: [{{name, length(args)}, env.branch} | module.specs]}
    else
      _ -> module
    end
  end

  defp attribute(kind, _, module, _) when kind in [:callback, :macrocallback],
    do: %{module | doc: nil}

  defp attribute(_, _, module, _), do: module

  defp without_when({:when, _, [inner, _]}), do: inner
  defp without_when(ast), do: ast

  # ["string", text], ["hidden", nil] or nil; keywords are metadata and change nothing.
  defp doc({:__block__, _, [false]}, _), do: ["hidden", nil]
  defp doc({:__block__, _, [none]}, _) when none in [nil, true], do: nil
  defp doc({:__block__, meta, [list]}, old) when is_list(list), do: if(meta[:delimiter], do: ["string", nil], else: old)
  defp doc(list, old) when is_list(list), do: old

  defp doc({:__block__, _, [text]}, _) when is_binary(text),
    do: ["string", Macro.unescape_string(text)]

  defp doc({:sigil_S, _, [{:<<>>, _, [text]}, _]}, _), do: ["string", text]

  defp doc({:sigil_s, _, [{:<<>>, _, [text]}, _]}, _) when is_binary(text),
    do: ["string", Macro.unescape_string(text)]

  defp doc(_, _), do: ["string", nil]
end

defmodule CompilerAST do
  def inspect_file(path) do
    options = [
      columns: true,
      token_metadata: true,
      unescape: false,
      literal_encoder: fn literal, meta -> {:ok, {:__block__, meta, [literal]}} end
    ]

    case Code.string_to_quoted(File.read!(path), options) do
      {:ok, ast} -> report(path, CompilerAST.Walk.run(ast))
      {:error, {_, message, token}} -> %{path: path, error: text(message, token)}
    end
  rescue
    error -> %{path: path, error: Exception.message(error)}
  end

  defp text({before, rest}, token), do: "#{before}#{token}#{rest}"
  defp text(message, token), do: "#{message}#{token}"

  defp report(path, modules) do
    %{
      path: path,
      modules: Enum.map(modules, &module/1),
      functions: for(module <- modules, function <- module.functions, do: function(function, module))
    }
  end

  defp module(module) do
    [first, last] = module.lines
    [kind, text] = module.moduledoc || [nil, nil]

    %{
      name: module.name, kind: to_string(module.kind), start_line: first, end_line: last,
      moduledoc: kind, text: text, uses: module.uses, behaviours: module.behaviours
    }
  end

  defp function(function, module) do
    {name, arity, branch} = function.key
    [doc, text] = function.doc || [nil, nil]

    specs =
      Enum.count(module.specs, fn {key, within} ->
        key == {name, arity} and meet?(within, path(branch))
      end)

    %{
      module: module.name, name: to_string(name), arity: arity, kind: to_string(function.kind),
      branch: branch != [],
      defaults: function.defaults, clauses: function.clauses, doc: doc, text: text,
      specs: specs, impl: function.impl
    }
  end

  defp path({:overridden, {_, _, branch}, _}), do: path(branch)
  defp path(branch), do: branch

  # One of two branches lies in the other.
  defp meet?([same | one], [same | other]), do: meet?(one, other)
  defp meet?([], _), do: true
  defp meet?(_, other), do: other == []
end

for path <- IO.stream(:stdio, :line), path = String.trim_trailing(path, "\n"), path != "" do
  IO.puts(CompilerAST.JSON.encode(CompilerAST.inspect_file(path)))
end
