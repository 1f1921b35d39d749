#!/usr/bin/env escript
%% The `behaviour` attributes of every BEAM file in a folder: one line for each module, its name and
%% its behaviours with tabs between.

main([Folder]) ->
    io:setopts([{encoding, unicode}]),
    [tell(File) || File <- lists:sort(filelib:wildcard(Folder ++ "/*.beam"))].

tell(File) ->
    {ok, {Module, [{attributes, Attributes}]}} = beam_lib:chunks(File, [attributes]),
    Named = lists:append([Names || {Key, Names} <- Attributes, Key =:= behaviour orelse Key =:= behavior]),
    io:format("~ts~n", [lists:join("\t", [atom_to_list(Each) || Each <- [Module | lists:usort(Named)]])]).
