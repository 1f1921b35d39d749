%% @doc Writes metrics as lines of text, to a device or into a fun.
-module(erl_meter_text).

-behaviour(erl_meter_reporter).

-export([init/1, report/2, format/1]).

init(#{write := Write}) when is_function(Write, 1) ->
    {ok, Write};
init(#{device := Device}) ->
    {ok, fun(Line) -> io:put_chars(Device, Line) end};
init(_Options) ->
    {error, nowhere_to_write}.

report(Metrics, Write) ->
    lists:foreach(fun(Metric) -> Write(format(Metric)) end, Metrics),
    {ok, Write}.

%% @doc Formats one metric, with its labels in braces.
-spec format(tuple()) -> iolist().
format({Name, histogram, Histogram}) ->
    Count = integer_to_list(erl_meter_histogram:count(Histogram)),
    [name(Name), "_count ", Count, $\n];
format({Name, _Kind, Value}) ->
    [name(Name), $\s, number(Value), $\n].

name({Name, Labels}) ->
    Pairs = [[atom_to_list(Key), "=\"", io_lib:format("~p", [Value]), $"] || {Key, Value} <- Labels],
    [atom_to_list(Name), ${, lists:join(",", Pairs), $}];
name(Name) ->
    atom_to_list(Name).

number(Value) when is_integer(Value) -> integer_to_list(Value);
number(Value) when is_float(Value) -> float_to_list(Value, [{decimals, 6}, compact]).
