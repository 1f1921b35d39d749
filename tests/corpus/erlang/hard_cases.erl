#!/usr/bin/env escript
%% @author nobody
%% @doc Everything that was hard to read.
%%   In one file.
%% @end
-module(hard_cases).
-behaviour(gen_server).
-export([safely/1, twice/1, 'größe'/1, ?MADE/1]).
-export([smile/0]).
-deprecated([twice/1]).
-type pair(A) :: {A, A}.
-opaque handle() :: ?HANDLE.
-callback greet(Name :: binary()) -> ok.
-callback part() -> ok.
-optional_callbacks([part/0]).

-ifdef(OTP_RELEASE).
-define(WITH_STACKTRACE(T, R, S), T:R:S ->).
-else.
-define(WITH_STACKTRACE(T, R, S), T:R -> S = erlang:get_stacktrace(),).
-endif.
-define(OPEN, (fun() -> ).

%% @doc Calls a function and tells how it failed.
safely(F) ->
    try F()
    catch
        ?WITH_STACKTRACE(C, R, S)
            {C, R, S}
    end.

%%--------------------------------------------------------------------
%% @doc Twice the number.
%%
%% @see safely/1
%%--------------------------------------------------------------------
-spec twice(integer()) -> integer().
twice(X) when is_integer(X);
              X > $\x{1F600} -> % not here; -> f(
    2 * X;
twice(?PATTERN(_)) ->
    case ?X of a -> 1; _ -> 2 end.

%% @private
'größe'(Wert) -> Wert.
smile() -> [$\x{1F600}, $\^A, $\s, $%, $", ";. ", 'a. b', 1.0, $.].
-spec ?MODULE:maybes(maybe) -> {maybe, else}.
maybes(X) -> {maybe, else, X}.

-ifdef(TEST).
mode() -> test.
-elif(?DEBUG).
mode() -> debug.
-else.
%% @doc How it runs.
mode() -> real.
-endif.

?MADE(X) -> X.
?clauses(a);
made(b) -> 1;
made(_) -> fun(Y) -> Y; (_, _) -> 1 end.
record(X) -> X?R.a, #?R{a = X}, ?R{b = X}, fun record/1, fun ?M:f/1.
null() -> receive ?HANDLE(x) null() after 1 -> ok end.
