%% @doc A reporter takes all metrics at a steady pace and brings them somewhere.
%%
%% The callbacks run in a process of their own for each reporter, so that one that hangs
%% keeps no other one waiting.
-module(erl_meter_reporter).

-behaviour(gen_server).

-export([start_link/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-callback init(Options :: map()) -> {ok, State :: term()} | {error, Reason :: term()}.
-callback report(Metrics :: [tuple()], State :: term()) -> {ok, NewState :: term()}.
-callback terminate(State :: term()) -> any().

-optional_callbacks([terminate/1]).

-record(state, {module :: module(), inner :: term(), interval :: pos_integer()}).

-spec start_link(module(), map()) -> {ok, pid()} | {error, term()}.
start_link(Module, Options) ->
    gen_server:start_link(?MODULE, {Module, Options}, []).

init({Module, Options}) ->
    case Module:init(Options) of
        {ok, Inner} ->
            {ok, Default} = application:get_env(erl_meter, interval),
            Interval = maps:get(interval, Options, Default),
            {ok, schedule(#state{module = Module, inner = Inner, interval = Interval})};
        {error, Reason} ->
            {stop, Reason}
    end.

handle_call(flush, _From, State) ->
    {reply, ok, report(State)}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info(report, State) ->
    {noreply, schedule(report(State))}.

report(#state{module = Module, inner = Inner} = State) ->
    {ok, NewInner} = Module:report(erl_meter_registry:all(), Inner),
    State#state{inner = NewInner}.

schedule(#state{interval = Interval} = State) ->
    _ = erlang:send_after(Interval, self(), report),
    State.
