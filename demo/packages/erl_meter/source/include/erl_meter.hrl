%% The kinds of metrics and their records.
-record(counter, {name :: erl_meter:name(), value = 0 :: non_neg_integer()}).
-record(gauge, {name :: erl_meter:name(), value = 0 :: number(), at :: integer()}).
-record(histogram, {
    name :: erl_meter:name(),
    bounds = [] :: [number()],
    counts = #{} :: #{number() | infinity => non_neg_integer()},
    sum = 0 :: number()
}).
