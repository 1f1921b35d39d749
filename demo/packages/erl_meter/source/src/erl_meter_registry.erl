%% @doc Owns the table of metrics. All reads and most writes pass it by.
-module(erl_meter_registry).

-behaviour(gen_server).

-include("erl_meter.hrl").

-export([start_link/0, declare_histogram/2]).
-export([update_counter/2, set_gauge/2, histogram/1, put/1, value/1, all/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(TABLE, ?MODULE).

-spec start_link() -> {ok, pid()} | ignore | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% @doc Declares a histogram with the upper bounds of its buckets, in ascending order.
-spec declare_histogram(erl_meter:name(), [number()]) -> ok | {error, exists}.
declare_histogram(Name, Bounds) ->
    gen_server:call(?MODULE, {declare, Name, Bounds}).

-spec update_counter(erl_meter:name(), pos_integer()) -> non_neg_integer().
update_counter(Name, By) ->
    ets:update_counter(?TABLE, Name, {3, By}, {Name, counter, 0}).

-spec set_gauge(erl_meter:name(), number()) -> ok.
set_gauge(Name, Value) ->
    true = ets:insert(?TABLE, {Name, gauge, Value}),
    ok.

-spec histogram(erl_meter:name()) -> {ok, #histogram{}} | error.
histogram(Name) ->
    case ets:lookup(?TABLE, Name) of
        [{Name, histogram, Histogram}] -> {ok, Histogram};
        _ -> error
    end.

-spec put(#histogram{}) -> ok.
put(#histogram{name = Name} = Histogram) ->
    true = ets:insert(?TABLE, {Name, histogram, Histogram}),
    ok.

-spec value(erl_meter:name()) -> {ok, number()} | error.
value(Name) ->
    case ets:lookup(?TABLE, Name) of
        [{Name, histogram, _}] -> error;
        [{Name, _Kind, Value}] -> {ok, Value};
        [] -> error
    end.

-spec all() -> [tuple()].
all() ->
    lists:sort(ets:tab2list(?TABLE)).

%% gen_server

init([]) ->
    process_flag(trap_exit, true),
    ?TABLE = ets:new(?TABLE, [named_table, public, set, {write_concurrency, true}]),
    {ok, #{}}.

handle_call({declare, Name, Bounds}, _From, State) ->
    New = {Name, histogram, erl_meter_histogram:new(Name, Bounds)},
    Reply =
        case ets:insert_new(?TABLE, New) of
            true -> ok;
            false -> {error, exists}
        end,
    {reply, Reply, State};
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info({'EXIT', _Pid, Reason}, State) ->
    {stop, Reason, State};
handle_info(_Message, State) ->
    {noreply, State}.

terminate(_Reason, _State) ->
    ok.
