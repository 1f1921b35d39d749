-module(morse_key_tests).

-include_lib("eunit/include/eunit.hrl").

encodes_words_test() ->
    ?assertEqual("... --- ... / .", morse_key:encode("sos e")).

decodes_what_it_encodes_test() ->
    ?assertEqual("MORSE KEY", morse_key:decode(morse_key:encode("Morse key"))).

an_unknown_sign_is_a_question_mark_test() ->
    ?assertEqual("?E", morse_key:decode("........ .")).

durations_have_gaps_test() ->
    ?assertEqual(0, morse_key:duration("")),
    ?assertEqual(1, morse_key:duration(".")),
    ?assertEqual(1 + 3 + 3, morse_key:duration(". -")),
    ?assertEqual(1 + 7 + 1, morse_key:duration(". / .")).
