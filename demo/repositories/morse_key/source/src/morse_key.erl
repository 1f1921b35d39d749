%% @doc Morse code: texts as dots and dashes, and back.
-module(morse_key).

-export([encode/1, decode/1, duration/1]).

-define(GAP, $\s).

%% @doc Returns the signs of a text, with a blank between letters and a slash between words.
%% Characters that have no sign are left out.
-spec encode(string()) -> string().
encode(Text) ->
    Words = string:lexemes(string:uppercase(Text), " "),
    lists:flatten(lists:join(" / ", [encode_word(Word) || Word <- Words])).

encode_word(Word) ->
    lists:join(?GAP, [Sign || Letter <- Word, {L, Sign} <- signs(), L =:= Letter]).

%% @doc Returns the text that signs stand for; a sign that nobody uses becomes a question mark.
-spec decode(string()) -> string().
decode(Signs) ->
    Words = string:split(Signs, " / ", all),
    lists:flatten(lists:join(" ", [decode_word(Word) || Word <- Words])).

decode_word(Word) ->
    [letter(Sign) || Sign <- string:lexemes(Word, " ")].

letter(Sign) ->
    case lists:keyfind(Sign, 2, signs()) of
        {Letter, _} -> Letter;
        false -> $?
    end.

%% @doc Returns how long signs take, in units of a dot: a dash takes three, a gap between two
%% letters three, and one between two words seven.
-spec duration(string()) -> non_neg_integer().
duration("") -> 0;
duration(Signs) -> lists:sum([units(Sign) || Sign <- Signs]) - 1.

units($.) -> 2;
units($-) -> 4;
units($/) -> 2;
units(?GAP) -> 2.

signs() ->
    [{$A, ".-"}, {$B, "-..."}, {$C, "-.-."}, {$D, "-.."}, {$E, "."}, {$F, "..-."}, {$G, "--."},
     {$H, "...."}, {$I, ".."}, {$J, ".---"}, {$K, "-.-"}, {$L, ".-.."}, {$M, "--"}, {$N, "-."},
     {$O, "---"}, {$P, ".--."}, {$Q, "--.-"}, {$R, ".-."}, {$S, "..."}, {$T, "-"}, {$U, "..-"},
     {$V, "...-"}, {$W, ".--"}, {$X, "-..-"}, {$Y, "-.--"}, {$Z, "--.."}, {$0, "-----"}].
