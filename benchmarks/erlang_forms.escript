#!/usr/bin/env escript
%% -*- erlang -*-
%% Erlang's own view of Erlang files, as JSON lines: the truth for corpus.erlang.
%%
%%     find . -name '*.erl' | escript benchmarks/erlang_forms.escript
%%
%% Reads paths from standard input. Each line is {"path", "modules", "functions", "unreadable"} in
%% the shape that benchmarks/extraction.py compares, or {"path", "error"} where this toolchain
%% cannot scan the file. Forms are cut by erl_scan and read by erl_parse, with every macro in the
%% place of an atom; where that is no Erlang (a macro may stand for anything), the heads of clauses
%% are found among erl_scan's tokens, and `unreadable` counts the other forms. EDoc comments are
%% read by edoc_tags. Nothing is shared with corpus/erlang but the rules of what counts.

-mode(compile).

-record(state, {module, start, last, moduledoc, moduletext, exports = [], all = false, behaviours = [],
                types = [], callbacks = [], optional = [], specs = [], functions = [], doc,
                edoc = [], branch = [], line = 0, unreadable = 0}).

main([]) ->
    io:setopts(standard_io, [binary, {encoding, utf8}]),
    logger:set_primary_config(level, none),
    each(io:get_line("")).

each(eof) -> ok;
each(Line) ->
    Path = string:trim(unicode:characters_to_list(Line)),
    Report = try file(Path)
             catch throw:Why -> #{error => Why}
             end,
    io:put_chars([json(Report#{path => unicode:characters_to_binary(Path)}), $\n]),
    each(io:get_line("")).

file(Path) ->
    {ok, Bytes} = file:read_file(Path),
    Encoding = case epp:read_encoding_from_binary(Bytes) of none -> utf8; Known -> Known end,
    Text = case unicode:characters_to_list(strip_mark(Bytes), Encoding) of
               List when is_list(List) -> List;
               _ -> throw(<<"not in its encoding">>)
           end,
    Last = length(string:split(string:trim(Text, trailing), "\n", all)),
    facts(scan(older(without_shebang(Text)), {1, 1}, #state{last = Last})).

%% Triple-quoted strings in the words of toolchains before OTP 27, line by line: a string with
%% escapes. Indentation stays, which nobody compares.
older(Text) ->
    case list_to_integer(erlang:system_info(otp_release)) >= 27 of
        true -> Text;
        false -> code(Text)
    end.

code("%" ++ _ = Text) -> until("\n", Text);
code([$$, $\\, C | Rest]) -> [$$, $\\, C | code(Rest)];
code([$$, C | Rest]) -> [$$, C | code(Rest)];
code("\"\"\"" ++ Rest) ->
    {Quotes, Behind} = lists:splitwith(fun(C) -> C =:= $" end, Rest),
    case string:trim(hd(string:split(Behind, "\n"))) of
        "" -> [$" | triple(Behind, "\"\"\"" ++ Quotes)];
        _ -> "\"\"\"" ++ code(Rest)
    end;
code([Quote | Rest]) when Quote =:= $"; Quote =:= $' -> [Quote | until([Quote], Rest)];
code([C | Rest]) -> [C | code(Rest)];
code([]) -> [].

until(_, []) -> [];
until(End, [$\\, C | Rest]) when End =/= "\n" -> [$\\, C | until(End, Rest)];
until([C], [C | Rest]) -> [C | code(Rest)];
until(End, [C | Rest]) -> [C | until(End, Rest)].

triple([$\n | Rest], Quotes) ->
    case lists:prefix(Quotes, string:trim(Rest, leading, "\t ")) of
        true -> [$\n, $" | code(lists:nthtail(length(Quotes), string:trim(Rest, leading, "\t ")))];
        false -> [$\n | triple(Rest, Quotes)]
    end;
triple([C | Rest], Quotes) when C =:= $"; C =:= $\\ -> [$\\, C | triple(Rest, Quotes)];
triple([C | Rest], Quotes) -> [C | triple(Rest, Quotes)];
triple([], _) -> [].

strip_mark(<<16#EF, 16#BB, 16#BF, Rest/binary>>) -> Rest;
strip_mark(Bytes) -> Bytes.

without_shebang("#!" ++ Rest) -> lists:dropwhile(fun(C) -> C =/= $\n end, Rest);
without_shebang(Text) -> Text.

scan(eof, _, State) -> State;
scan(Text, Location, State) ->
    case erl_scan:tokens([], Text, Location, [return_comments]) of
        {done, {ok, Tokens, End}, Rest} -> scan(Rest, End, form(Tokens, State));
        {done, {eof, _}, _} -> State;
        {more, More} ->
            case erl_scan:tokens(More, eof, Location, [return_comments]) of
                {done, {ok, Tokens, _}, _} -> form(Tokens, State);
                {done, {eof, _}, _} -> State;
                {done, {error, {At, _, Why}, _}, _} -> throw(scan_error(At, Why))
            end;
        {done, {error, {At, _, Why}, _}, _} -> throw(scan_error(At, Why))
    end.

scan_error({Line, _}, Why) ->
    unicode:characters_to_binary(io_lib:format("~b: ~ts", [Line, erl_scan:format_error(Why)])).

%% A form ----------------------------------------------------------------------------------------

form(All, State0) ->
    State = comments(All, State0),
    Tokens = [T || T <- All, element(1, T) =/= comment],
    Line = case Tokens of [] -> State#state.line; _ -> line(lists:last(Tokens)) end,
    read(Tokens, State#state{line = Line}).

read([], State) -> State;
read([{'-', _}, {atom, _, Name} | Rest], State)
  when Name =:= ifdef; Name =:= ifndef; Name =:= elif; Name =:= else; Name =:= endif ->
    conditional(Name, plain(Rest), State);
read([{'-', _}, {'if', _} | Rest], State) -> conditional('if', plain(Rest), State);
read([{'-', _}, {'else', _} | Rest], State) -> conditional(else, plain(Rest), State);
read([{'-', _}, {atom, _, Name} | _], State)
  when Name =:= define; Name =:= undef; Name =:= include; Name =:= include_lib -> State;
read([{'-', _} | _] = Tokens, State) ->
    case parsed(Tokens) of
        {ok, {attribute, At, Name, Value}} -> attribute(Name, Value, line_of(At), State);
        error -> unparsed(Tokens, State)
    end;
read(Tokens, State) ->
    case parsed(Tokens) of
        {ok, {function, _, Name, Arity, Clauses}} ->
            Starts = [element(2, Clause) || Clause <- Clauses],
            function({Name, Arity}, spans(Tokens, Starts), State);
        _ -> heads(Tokens, State)
    end.

%% Attributes that are no Erlang before macros are expanded, or not yet for this toolchain.
unparsed([_, {atom, _, spec}, {atom, _, Name}, {'(', _} | Rest], State) ->
    spec({Name, arity(Rest, 1, 0, false)}, State);
unparsed([Hyphen, {atom, At, nominal} | Rest], State) ->
    case parsed([Hyphen, {atom, At, opaque} | Rest]) of
        {ok, {attribute, _, opaque, Value}} -> attribute(nominal, Value, line_of(At), State);
        error -> clear(State#state{unreadable = State#state.unreadable + 1})
    end;
unparsed(_, State) -> clear(State#state{unreadable = State#state.unreadable + 1}).

conditional(endif, _, #state{branch = [_ | Outer]} = State) -> State#state{branch = Outer};
conditional(Name, What, #state{branch = [{Start, _} | Outer]} = State)
  when Name =:= else; Name =:= elif ->
    State#state{branch = [{Start, {Name, What}} | Outer]};
conditional(Name, What, #state{branch = Outer} = State) ->
    State#state{branch = [{{Name, What}, first} | Outer]}.

plain(Tokens) -> [{element(1, T), catch element(3, T)} || T <- Tokens].

clear(State) -> State#state{edoc = []}.

%% What a -doc attribute documents: a function, a type or a callback. Comments belong to functions.
documented(State) -> State#state{doc = undefined, edoc = []}.
typed(State) -> State#state{doc = undefined}.

attribute(module, Name, Line, #state{module = undefined} = State) when is_atom(Name) ->
    {Kind, Text} = case State#state.moduledoc of
                       undefined -> edoc(State#state.edoc);
                       Known -> {Known, State#state.moduletext}
                   end,
    clear(State#state{module = Name, start = Line, moduledoc = Kind, moduletext = Text});
attribute(export, Names, _, State) when is_list(Names) ->
    clear(State#state{exports = State#state.exports ++ named(Names)});
attribute(compile, Options, _, State) ->
    All = lists:member(export_all, lists:flatten([Options])),
    clear(State#state{all = State#state.all orelse All});
attribute(Behaviour, Name, _, State)
  when is_atom(Name), (Behaviour =:= behaviour orelse Behaviour =:= behavior) ->
    case is_named(Name) of
        true -> clear(State#state{behaviours = State#state.behaviours ++ [Name]});
        false -> clear(State)
    end;
attribute(optional_callbacks, Names, _, State) when is_list(Names) ->
    clear(State#state{optional = State#state.optional ++ named(Names)});
attribute(spec, {Key, _}, _, State) ->
    case Key of
        {Name, Arity} -> spec({Name, Arity}, State);
        {Module, Name, Arity} when Module =:= State#state.module; Module =:= '?MODULE' ->
            spec({Name, Arity}, State);
        _ -> State
    end;
attribute(callback, {Key, _}, Line, State) ->
    case Key of
        {Name, Arity} -> typed(State#state{callbacks = [{Name, Arity, Line} | State#state.callbacks]});
        _ -> typed(State)
    end;
attribute(record, _, _, State) -> State;
attribute(Kind, {Name, _, Arguments}, Line, State) 
  when Kind =:= type; Kind =:= opaque; Kind =:= nominal ->
    case is_named(Name) of
        true ->
            Type = {Name, length(Arguments), Kind, Line},
            typed(State#state{types = [Type | State#state.types]});
        false -> typed(State)
    end;
attribute(Name, Value, _, State) when Name =:= doc; Name =:= moduledoc ->
    Doc = case Value of
              false -> {hidden, null};
              hidden -> {hidden, null};
              Text when is_list(Text) -> {string, text(Text)};
              Map when is_map(Map) -> keep;
              _ -> {string, null}
          end,
    case {Name, Doc} of
        {_, keep} -> State;
        {doc, _} -> State#state{doc = Doc};
        {moduledoc, {Kind, Told}} -> State#state{moduledoc = Kind, moduletext = Told}
    end;
attribute(_, _, _, State) -> clear(State).

text_of(Name) -> atom_to_binary(Name).

text(Text) -> unicode:characters_to_binary(Text).

spec({Name, _} = Key, State) ->
    case is_named(Name) of
        true -> State#state{specs = [{Key, path(State)} | State#state.specs]};
        false -> State
    end.

named(Names) -> [{Name, Arity} || {Name, Arity} <- Names, is_named(Name)].

is_named(Name) -> hd(atom_to_list(Name) ++ "-") =/= $?.

path(#state{branch = Branch}) -> lists:reverse(Branch).

function({Name, Arity}, Spans, State) ->
    {Doc, Rest} = case State#state.doc of
                      undefined -> {edoc(State#state.edoc), documented(State)};
                      Known -> {Known, documented(State)}
                  end,
    Key = {Name, Arity, path(State)},
    Functions = case lists:keyfind(Key, 1, Rest#state.functions) of
                    false -> [{Key, Spans, Doc} | Rest#state.functions];
                    {_, Before, Old} ->
                        Told = case Doc of {null, _} -> Old; _ -> Doc end,
                        lists:keyreplace(Key, 1, Rest#state.functions, {Key, Before ++ Spans, Told})
                end,
    case is_named(Name) of
        true -> Rest#state{functions = Functions};
        false -> Rest
    end.

%% Lines of clauses, from where each begins.
spans(Tokens, Starts) -> spans(Tokens, tl(Starts), line(hd(Tokens)), line(hd(Tokens))).

spans([], _, First, Last) -> [{First, Last}];
spans([Token | Tokens], [Start | Starts], First, Last) when element(2, Token) =:= Start ->
    [{First, Last} | spans(Tokens, Starts, line(Token), line(Token))];
spans([Token | Tokens], Starts, First, _) -> spans(Tokens, Starts, First, line(Token)).

%% Macros in the place of atoms --------------------------------------------------------------------

parsed(Tokens) ->
    Macros = [fun(Ts) -> Ts end, fun(Ts) -> macros(Ts, whole) end, fun(Ts) -> macros(Ts, name) end],
    Newer = [fun(Ts) -> Try(maybe_blocks(Ts)) end || Try <- Macros],
    parsed(Tokens, Macros ++ Newer).

%% `maybe` and `else` are words of the language since OTP 27, and by a feature since OTP 25.
maybe_blocks(Tokens) ->
    [case Token of
         {atom, At, Word} when Word =:= 'maybe'; Word =:= else -> {Word, At};
         _ -> Token
     end || Token <- Tokens].

parsed(_, []) -> error;
parsed(Tokens, [Try | Tries]) ->
    case catch erl_parse:parse_form(Try(Tokens)) of
        {ok, {error, _}} -> parsed(Tokens, Tries);
        {ok, Form} -> {ok, Form};
        _ -> parsed(Tokens, Tries)
    end.

macros([{'?', At}, {'?', _}, {_, _, Name} | Rest], How) ->
    [{string, At, spelled(Name)} | macros(Rest, How)];
macros([{'?', At}, Token | Rest], How) ->
    Atom = {atom, At, list_to_atom([$? | name(Token)])},
    case {How, Rest} of
        {whole, [{'(', _} | Arguments]} -> [Atom | macros(behind(Arguments, 1), How)];
        _ -> [Atom | macros(Rest, How)]
    end;
macros([Token | Rest], How) -> [Token | macros(Rest, How)];
macros([], _) -> [].

name({Name, _}) -> atom_to_list(Name);
name({_, _, Name}) -> spelled(Name).

spelled(Name) -> lists:flatten(io_lib:format("~ts", [Name])).

behind(Tokens, 0) -> Tokens;
behind([Token | Tokens], Depth) ->
    behind(Tokens, Depth + bracket(element(1, Token)));
behind([], _) -> [].

bracket(Open) when Open =:= '('; Open =:= '['; Open =:= '{'; Open =:= '<<' -> 1;
bracket(Close) when Close =:= ')'; Close =:= ']'; Close =:= '}'; Close =:= '>>' -> -1;
bracket(_) -> 0.

%% Heads of clauses among tokens: `name(` first, and behind a `;` that follows an arrow outside of
%% brackets and blocks.

heads([{atom, At, Name}, {'(', _} | Rest] = Tokens, State) ->
    Starts = starts(Tokens, 0, false, [{atom, At}]),
    Spans = lists:zip(Starts, spans(Tokens, [Start || {_, Start} <- Starts])),
    Own = [Span || {{atom, _}, Span} <- Spans],
    function({Name, arity(Rest, 1, 0, false)}, Own, State);
heads([{'?', _} | _] = Tokens, State) ->
    %% Macros that make clauses, and perhaps clauses after them.
    case behind_macros(Tokens) of
        [] -> documented(State);
        Rest -> heads(Rest, State)
    end;
heads(_, State) -> documented(State).

behind_macros([{';', _}, {atom, _, _} = Name | Rest]) -> [Name | Rest];
behind_macros([_ | Rest]) -> behind_macros(Rest);
behind_macros([]) -> [].

starts([{';', _}, {atom, At, _} | Rest], 0, true, Found) -> starts(Rest, 0, false, [{atom, At} | Found]);
starts([{';', _}, {'?', At} | Rest], 0, true, Found) -> starts(Rest, 0, macro, [{macro, At} | Found]);
starts([{';', _}, {'?', At} | Rest], 0, macro, Found) -> starts(Rest, 0, macro, [{macro, At} | Found]);
starts([{';', _}, {atom, At, _} | Rest], 0, macro, Found) -> starts(Rest, 0, false, [{atom, At} | Found]);
starts([{'->', _} | Rest], 0, _, Found) -> starts(Rest, 0, true, Found);
starts([{'fun', _}, {'(', _} | Rest], Depth, Is, Found) -> starts(Rest, Depth + 2, Is, Found);
starts([{'fun', _}, {var, _, _}, {'(', _} | Rest], Depth, Is, Found) ->
    starts(Rest, Depth + 2, Is, Found);
starts([Token | Rest], Depth, Is, Found) ->
    Kind = element(1, Token),
    Block = case lists:member(Kind, ['begin', 'case', 'if', 'receive', 'try', 'maybe']) of
                true -> 1;
                false when Kind =:= 'end' -> -1;
                false -> 0
            end,
    starts(Rest, Depth + Block + bracket(Kind), Is, Found);
starts([], _, _, Found) -> lists:reverse(Found).

arity([{')', _} | _], 1, Commas, Any) -> case Any of true -> Commas + 1; false -> 0 end;
arity([{',', _} | Rest], 1, Commas, _) -> arity(Rest, 1, Commas + 1, true);
arity([Token | Rest], Depth, Commas, _) ->
    arity(Rest, Depth + bracket(element(1, Token)), Commas, true);
arity([], _, Commas, _) -> Commas.

%% EDoc --------------------------------------------------------------------------------------------

%% Comments that begin their line wait for a function; specifications, types, records and what is
%% for the preprocessor change nothing (edoc_extract:collect/3).
comments(Tokens, #state{line = Last, edoc = Before} = State) ->
    Comments = lists:takewhile(fun(Token) -> element(1, Token) =:= comment end, Tokens),
    Found = [{Line, Column, Text} || {comment, {Line, Column}, Text} <- Comments, Line > Last],
    State#state{edoc = lists:reverse(Found) ++ Before}.

%% The last @doc of the blocks, unless a tag hides all.
edoc(Comments) ->
    Tags = lists:append([tags(Block) || Block <- blocks(lists:reverse(Comments))]),
    Hidden = [1 || {Name, _} <- Tags, Name =:= private orelse Name =:= hidden],
    Docs = [Text || {doc, Text} <- Tags, string:trim(Text) =/= ""],
    case {Hidden, Docs} of
        {[_ | _], _} -> {hidden, null};
        {[], []} -> {null, null};
        {[], _} -> {string, text(lists:last(Docs))}
    end.

blocks([]) -> [];
blocks([{Line, Column, Text} | Rest]) -> blocks(Rest, Line, Column, [Text]).

blocks([{Line, Column, Text} | Rest], Last, Column, Block) when Line =:= Last + 1 ->
    blocks(Rest, Line, Column, [Text | Block]);
blocks(Rest, _, _, Block) -> [lists:reverse(Block) | blocks(Rest)].

tags(Lines) ->
    Texts = [lists:dropwhile(fun(C) -> C =:= $% end, Line) || Line <- Lines],
    [{element(2, Tag), element(5, Tag)} || Tag <- edoc_tags:scan_lines(Texts, 1)].

%% What was found ----------------------------------------------------------------------------------

facts(#state{module = undefined, unreadable = Unreadable}) ->
    #{modules => [], functions => [], unreadable => Unreadable};
facts(State) ->
    #state{module = Module, functions = Functions} = State,
    Found = lists:reverse(Functions),
    Own = case State#state.all of
              true -> [{Name, Arity} || {{Name, Arity, _}, _, _} <- Found];
              false -> []
          end,
    #{unreadable => State#state.unreadable,
      modules => [#{name => text_of(Module), kind => <<"module">>, start_line => State#state.start,
                    end_line => State#state.last,
                    moduledoc => State#state.moduledoc, text => State#state.moduletext,
                    behaviours => [text_of(B) || B <- lists:usort(State#state.behaviours)],
                    exports => [{text_of(N), A} || {N, A} <- lists:usort(State#state.exports ++ Own)],
                    types => [{text_of(N), A, K, L} || {N, A, K, L} <- State#state.types],
                    callbacks => [{text_of(N), A, L, lists:member({N, A}, State#state.optional)}
                                  || {N, A, L} <- State#state.callbacks]}],
      functions => [function_facts(Module, Function, State#state.specs) || Function <- Found]}.

function_facts(Module, {{Name, Arity, Path}, Spans, {Kind, Text}}, Specs) ->
    Met = [1 || {{N, A}, Other} <- Specs, N =:= Name, A =:= Arity, meet(Path, Other)],
    #{module => text_of(Module), name => text_of(Name), arity => Arity, kind => <<"function">>, clauses => Spans, doc => Kind, text => Text,
      specs => length(Met), branch => Path =/= []}.

%% One of two branches lies in the other.
meet([Same | One], [Same | Other]) -> meet(One, Other);
meet(One, Other) -> One =:= [] orelse Other =:= [].

line(Token) -> line_of(element(2, Token)).

line_of({Line, _}) -> Line;
line_of(Line) -> Line.

json(Map) when is_map(Map) ->
    Pairs = [[json(Key), $:, json(Value)] || {Key, Value} <- maps:to_list(Map)],
    [${, lists:join($,, Pairs), $}];
json(null) -> "null";
json(undefined) -> "null";
json(true) -> "true";
json(false) -> "false";
json(Atom) when is_atom(Atom) -> json(atom_to_binary(Atom));
json(Number) when is_integer(Number) -> integer_to_list(Number);
json(Text) when is_binary(Text) -> [$", [escaped(C) || <<C/utf8>> <= Text], $"];
json(Tuple) when is_tuple(Tuple) -> json(tuple_to_list(Tuple));
json(List) -> [$[, lists:join($,, [json(Each) || Each <- List]), $]].

escaped($") -> "\\\"";
escaped($\\) -> "\\\\";
escaped(C) when C < 32 -> io_lib:format("\\u~4.16.0b", [C]);
escaped(C) -> C.
