#!/usr/bin/env escript
%% -*- coding: utf-8 -*-
%%! -hidden
%% What edoc:get_doc/2 says of the Erlang files named on standard input, one JSON object a line:
%% of each function name, arity, whether it is hidden, and the words of its description; of the
%% module the words of its own. Private and hidden functions are asked for as well.
-mode(compile).
-include_lib("xmerl/include/xmerl.hrl").

main(_) ->
    ok = io:setopts([{encoding, unicode}]),
    read().

read() ->
    case io:get_line("") of
        eof -> ok;
        Line -> io:put_chars([json(told(string:trim(Line))), $\n]), read()
    end.

told(File) ->
    %% EDoc ends with exit/1, and prints warnings through the group leader, which is standard output.
    Leader = group_leader(),
    Sink = spawn(fun silence/0),
    group_leader(Sink, self()),
    Options = [{private, true}, {hidden, true}, {todo, false}],
    Result = try edoc:get_doc(File, Options) of
                 {Module, Document} ->
                     #{module => atom_to_binary(Module), functions => functions(Document),
                       private => attribute(private, Document),
                       hidden => attribute(hidden, Document),
                       description => description(Document)}
             catch
                 _:Reason -> #{error => iolist_to_binary(io_lib:format("~0tp", [Reason]))}
             end,
    group_leader(Leader, self()),
    exit(Sink, kill),
    Result.

silence() ->
    receive
        {io_request, From, As, _} -> From ! {io_reply, As, ok};
        _ -> ok
    end,
    silence().

functions(Document) ->
    [#{name => attribute(name, E), arity => attribute(arity, E), private => attribute(private, E),
       hidden => attribute(hidden, E), description => description(E)}
     || Group = #xmlElement{name = functions} <- Document#xmlElement.content,
        E = #xmlElement{name = function} <- Group#xmlElement.content].

attribute(Name, #xmlElement{attributes = Attributes}) ->
    case lists:keyfind(Name, #xmlAttribute.name, Attributes) of
        false -> <<>>;
        #xmlAttribute{value = Value} -> unicode:characters_to_binary(io_lib:format("~ts", [Value]))
    end.

description(#xmlElement{content = Content}) ->
    case [E || E = #xmlElement{name = description} <- Content] of
        [Told | _] ->
            unicode:characters_to_binary(lists:join($\s, [text(E) || E = #xmlElement{name = fullDescription} <- Told#xmlElement.content]));
        [] -> null
    end.

text(#xmlElement{content = Content}) -> lists:map(fun text/1, Content);
text(#xmlText{value = Value}) -> Value;
text(_) -> [].

json(Map) when is_map(Map) ->
    [${, lists:join($,, [[json(Key), $:, json(Value)] || {Key, Value} <- maps:to_list(Map)]), $}];
json(null) -> "null";
json(Atom) when is_atom(Atom) -> json(atom_to_binary(Atom));
json(List) when is_list(List) -> [$[, lists:join($,, lists:map(fun json/1, List)), $]];
json(Text) when is_binary(Text) ->
    [$", [escaped(C) || <<C/utf8>> <= Text], $"].

escaped($") -> "\\\"";
escaped($\\) -> "\\\\";
escaped(C) when C < 32 -> io_lib:format("\\u~4.16.0b", [C]);
escaped(C) -> C.
