-module(erl_meter_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../include/erl_meter.hrl").

with_registry(Test) ->
    {setup,
        fun() ->
            {ok, Pid} = erl_meter_registry:start_link(),
            Pid
        end,
        fun(Pid) ->
            unlink(Pid),
            gen_server:stop(Pid)
        end, Test}.

counters_test_() ->
    with_registry(fun() ->
        ?assertEqual(1, erl_meter:increment(requests)),
        ?assertEqual(6, erl_meter:increment(requests, 5)),
        ?assertEqual({ok, 6}, erl_meter:value(requests)),
        ?assertEqual(error, erl_meter:value(unheard_of))
    end).

histogram_test_() ->
    with_registry(fun() ->
        ok = erl_meter_registry:declare_histogram(latency, [10, 100, 1000]),
        ?assertEqual({error, exists}, erl_meter_registry:declare_histogram(latency, [1])),
        [ok = erl_meter:observe(latency, Value) || Value <- [5, 7, 50, 5000]],
        {ok, Histogram} = erl_meter_registry:histogram(latency),
        ?assertEqual(10, erl_meter_histogram:quantile(0.5, Histogram)),
        ?assertEqual(infinity, erl_meter_histogram:quantile(1.0, Histogram))
    end).

empty_histogram_test() ->
    Empty = erl_meter_histogram:new(nothing, [1, 2]),
    ?assertEqual(undefined, erl_meter_histogram:mean(Empty)),
    ?assertEqual(undefined, erl_meter_histogram:quantile(0.9, Empty)).

labels_test() ->
    Line = erl_meter_text:format({{requests, [{code, 200}]}, counter, 7}),
    ?assertEqual("requests{code=\"200\"} 7\n", lists:flatten(Line)).
