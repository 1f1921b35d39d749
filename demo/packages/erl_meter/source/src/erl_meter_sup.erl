-module(erl_meter_sup).

-behaviour(supervisor).

-export([start_link/0, init/1]).

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

init([]) ->
    {ok, Reporters} = application:get_env(erl_meter, reporters),
    Registry = #{id => registry, start => {erl_meter_registry, start_link, []}},
    Flags = #{strategy => rest_for_one, intensity => 5, period => 10},
    {ok, {Flags, [Registry | lists:map(fun reporter/1, Reporters)]}}.

reporter({Module, Options}) ->
    #{
        id => Module,
        start => {erl_meter_reporter, start_link, [Module, Options]},
        restart => transient,
        shutdown => 2000
    }.
