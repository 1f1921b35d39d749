#!/usr/bin/env escript
%%! +sbtu
%% Does tasks with the reference implementation of Hex that rebar3 embeds (modules r3_hex_*).
%%
%%     escript reference.escript REBAR3 REQUEST
%%
%% REBAR3 is the path of rebar3's escript. REQUEST is a file for file:consult/1, one task a term:
%%
%%     {pack, Tarball, Metadata, [{Name, Path}]}       write a Hex tarball
%%     {unpack, Tarball}                               open one
%%     {sign_versions | sign_package, Message, Key}    build a registry resource, in base 64
%%     {decode_versions, Path, Key, Repository}        verify and decode a registry resource
%%     {decode_package, Path, Key, Repository, Name}
%%     {consult, Path}                                 read Erlang terms, with their types
%%
%% Text is binaries, keys are PEM. Each task is answered by one line of JSON:
%% {"ok": true, "value": ...} or {"ok": false, "error": "..."}. A task that fails or crashes does
%% not disturb the others.
-mode(compile).

main([Rebar3, Request]) ->
    load_reference(Rebar3),
    ok = io:setopts(standard_io, [binary, {encoding, unicode}]),
    {ok, Tasks} = file:consult(Request),
    lists:foreach(fun(Task) -> answer(catching(Task)) end, Tasks).

%% The archive inside the escript holds compiled modules; those of hex_core are loaded as they are.
load_reference(Rebar3) ->
    {ok, Sections} = escript:extract(Rebar3, []),
    {ok, Files} = zip:unzip(proplists:get_value(archive, Sections), [memory]),
    [
        {module, _} = code:load_binary(list_to_atom(filename:basename(Name, ".beam")), Name, Beam)
     || {Name, Beam} <- Files,
        filename:extension(Name) =:= ".beam",
        lists:prefix("r3_", filename:basename(Name))
    ].

catching(Task) ->
    try
        do(Task)
    catch
        Class:Reason -> {error, {Class, Reason}}
    end.

answer({ok, Value}) ->
    io:put_chars([json(#{ok => true, value => Value}), $\n]);
answer({error, Reason}) ->
    io:put_chars([json(#{ok => false, error => printed(Reason)}), $\n]).

do({pack, Tarball, Metadata, Files}) ->
    Contents = [{unicode:characters_to_list(Name), read(Path)} || {Name, Path} <- Files],
    case r3_hex_tarball:create(Metadata, Contents, config()) of
        {ok, #{tarball := Body} = Created} ->
            ok = file:write_file(Tarball, Body),
            {ok, checksums(Created)};
        Error ->
            Error
    end;
do({unpack, Tarball}) ->
    case r3_hex_tarball:unpack(read(Tarball), memory, config()) of
        {ok, #{metadata := Metadata, contents := Contents} = Unpacked} ->
            Files = [
                [unicode:characters_to_binary(Name), byte_size(Data), hex(crypto:hash(sha256, Data))]
             || {Name, Data} <- Contents
            ],
            {ok, (checksums(Unpacked))#{metadata => Metadata, files => Files}};
        Error ->
            Error
    end;
do({sign_versions, Versions, Key}) ->
    signed(r3_hex_registry:encode_versions(Versions), Key);
do({sign_package, Package, Key}) ->
    signed(r3_hex_registry:encode_package(Package), Key);
do({decode_versions, Path, Key, Repository}) ->
    decoded(Path, Key, fun(Payload) -> r3_hex_registry:decode_versions(Payload, Repository) end);
do({decode_package, Path, Key, Repository, Name}) ->
    decoded(Path, Key, fun(Payload) ->
        r3_hex_registry:decode_package(Payload, Repository, Name)
    end);
do({consult, Path}) ->
    case file:consult(Path) of
        {ok, Terms} -> {ok, [typed(Term) || Term <- Terms]};
        Error -> Error
    end.

%% The limits of today's hex_core; older versions of rebar3 embed half of them.
config() ->
    (r3_hex_core:default_config())#{
        tarball_max_size => 16 * 1024 * 1024,
        tarball_max_uncompressed_size => 128 * 1024 * 1024
    }.

read(Path) ->
    {ok, Data} = file:read_file(Path),
    Data.

checksums(#{inner_checksum := Inner, outer_checksum := Outer}) ->
    #{inner_checksum => hex(Inner), outer_checksum => hex(Outer)}.

signed(Payload, Key) ->
    {ok, base64:encode(zlib:gzip(r3_hex_registry:sign_protobuf(Payload, Key)))}.

decoded(Path, Key, Decode) ->
    case r3_hex_registry:decode_and_verify_signed(zlib:gunzip(read(Path)), Key) of
        {ok, Payload} -> legible(Decode(Payload));
        Error -> Error
    end.

legible({ok, Packages}) -> {ok, [without_digests(Package) || Package <- Packages]};
legible(Error) -> Error.

%% JSON has no bytes: checksums become hexadecimal text.
without_digests(Package) ->
    maps:map(
        fun
            (Key, Value) when Key =:= inner_checksum; Key =:= outer_checksum -> hex(Value);
            (_, Value) -> Value
        end,
        Package
    ).

hex(Binary) ->
    list_to_binary([io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= Binary]).

printed(Reason) ->
    unicode:characters_to_binary(io_lib:format("~0tp", [Reason])).

%% Terms so that their type survives JSON.
typed(Term) when is_integer(Term) -> Term;
typed(Term) when is_list(Term) -> [typed(Item) || Item <- Term];
typed(Term) when is_float(Term) -> #{float => printed(Term)};
typed(Term) when is_atom(Term) -> #{atom => atom_to_binary(Term)};
typed(Term) when is_binary(Term) -> #{binary => binary_to_list(Term)};
typed(Term) when is_tuple(Term) -> #{tuple => typed(tuple_to_list(Term))};
typed(Term) when is_map(Term) ->
    #{map => [[typed(Key), typed(Value)] || {Key, Value} <- lists:sort(maps:to_list(Term))]}.

json(Term) when is_map(Term) ->
    Pairs = [[json(text(Key)), $:, json(Value)] || {Key, Value} <- maps:to_list(Term)],
    [${, lists:join($,, Pairs), $}];
json(Term) when is_list(Term) -> [$[, lists:join($,, [json(Item) || Item <- Term]), $]];
json(Term) when is_tuple(Term) -> json(tuple_to_list(Term));
json(Term) when is_integer(Term) -> integer_to_list(Term);
json(Term) when is_float(Term) -> printed(Term);
json(Term) when is_boolean(Term) -> atom_to_list(Term);
json(undefined) -> "null";
json(Term) when is_atom(Term) -> json(text(Term));
json(Term) when is_binary(Term) -> [$", [escaped(Point) || Point <- points(Term)], $"].

text(Term) when is_atom(Term) -> atom_to_binary(Term);
text(Term) when is_binary(Term) -> Term.

points(Binary) ->
    case unicode:characters_to_list(Binary) of
        Points when is_list(Points) -> Points;
        _ -> binary_to_list(Binary)
    end.

escaped($") -> "\\\"";
escaped($\\) -> "\\\\";
escaped(Point) when Point < 32 -> io_lib:format("\\u~4.16.0b", [Point]);
escaped(Point) -> Point.
