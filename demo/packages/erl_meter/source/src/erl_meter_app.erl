-module(erl_meter_app).

-behaviour(application).

-export([start/2, stop/1]).

start(_Type, _Arguments) ->
    erl_meter_sup:start_link().

stop(_State) ->
    ok.
