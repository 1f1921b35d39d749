%% @doc Metrics of a running system.
%%
%% Counters only grow, gauges go up and down, histograms count values by size. Updates go
%% straight to ETS and cost well under a microsecond; only reporters cost more.
-module(erl_meter).

-export([increment/1, increment/2, set/2, observe/2, value/1, time/2]).
-export_type([name/0]).

-type name() :: atom() | {atom(), [{atom(), term()}]}.
%% A name, alone or with labels.

%% @doc Adds one to a counter.
-spec increment(name()) -> non_neg_integer().
increment(Name) ->
    increment(Name, 1).

%% @doc Adds to a counter, which starts at zero.
-spec increment(name(), pos_integer()) -> non_neg_integer().
increment(Name, By) when is_integer(By), By > 0 ->
    erl_meter_registry:update_counter(Name, By).

%% @doc Sets a gauge.
-spec set(name(), number()) -> ok.
set(Name, Value) when is_number(Value) ->
    erl_meter_registry:set_gauge(Name, Value).

%% @doc Adds a value to a histogram that was declared before.
-spec observe(name(), number()) -> ok | {error, unknown}.
observe(Name, Value) when is_number(Value) ->
    case erl_meter_registry:histogram(Name) of
        {ok, Histogram} ->
            erl_meter_registry:put(erl_meter_histogram:add(Value, Histogram));
        error ->
            {error, unknown}
    end.

%% @doc Returns the value of a counter or gauge.
-spec value(name()) -> {ok, number()} | error.
value(Name) ->
    erl_meter_registry:value(Name).

%% @doc Runs a function and records how long it took, in microseconds.
-spec time(name(), fun(() -> Result)) -> Result.
time(Name, Fun) when is_function(Fun, 0) ->
    Start = erlang:monotonic_time(microsecond),
    try
        Fun()
    after
        observe(Name, erlang:monotonic_time(microsecond) - Start)
    end.
