-module(erl_meter_histogram).
-moduledoc """
Histograms with fixed buckets. No processes here.
""".

-include("erl_meter.hrl").

-export([new/2, add/2, count/1, mean/1, quantile/2]).

-doc """
Returns an empty histogram with these upper bounds, in any order, and one above them all.
""".
-spec new(erl_meter:name(), [number()]) -> #histogram{}.
new(Name, Bounds) ->
    Sorted = lists:usort(Bounds),
    Counts = maps:from_list([{Bound, 0} || Bound <- Sorted ++ [infinity]]),
    #histogram{name = Name, bounds = Sorted, counts = Counts}.

%% @doc Counts a value in the first bucket whose bound is not below it.
-spec add(number(), #histogram{}) -> #histogram{}.
add(Value, #histogram{bounds = Bounds, counts = Counts, sum = Sum} = Histogram) ->
    Bound = bucket(Value, Bounds),
    Updated = maps:update_with(Bound, fun(Count) -> Count + 1 end, Counts),
    Histogram#histogram{counts = Updated, sum = Sum + Value}.

-spec count(#histogram{}) -> non_neg_integer().
count(#histogram{counts = Counts}) ->
    lists:sum(maps:values(Counts)).

-spec mean(#histogram{}) -> float() | undefined.
mean(#histogram{sum = Sum} = Histogram) ->
    case count(Histogram) of
        0 -> undefined;
        Count -> Sum / Count
    end.

%% @doc Returns the bound below which at least the given part of the values lies.
-spec quantile(float(), #histogram{}) -> number() | infinity | undefined.
quantile(Part, #histogram{bounds = Bounds, counts = Counts} = Histogram) when
    Part >= 0, Part =< 1
->
    case count(Histogram) of
        0 -> undefined;
        Total -> walk(Bounds, Counts, Part * Total)
    end.

walk([], _Counts, _Missing) ->
    infinity;
walk([Bound | Bounds], Counts, Missing) ->
    case maps:get(Bound, Counts) of
        Enough when Enough >= Missing -> Bound;
        Count -> walk(Bounds, Counts, Missing - Count)
    end.

bucket(_Value, []) -> infinity;
bucket(Value, [Bound | _]) when Value =< Bound -> Bound;
bucket(Value, [_ | Bounds]) -> bucket(Value, Bounds).
