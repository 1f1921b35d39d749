import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.erlang import extract, grammar
from corpus.erlang.repair import Mended, forms, mend
from corpus.extraction import Extraction
from corpus.parsing import ParseLimit, Unparsable, parse

PIECES = st.sampled_from(
    ["f(X) -> X", "f() ->", ";", ".\n", ". ", ".", "?M", "?M(", "?? X", "a", "1.5", "$.",
     "$\\x{1F600}",
     '"', '"a. b"', "'", "'a. b'", "%c. \n", '"""\n', '\n"""', "~s(", ")", "~B[", "]", "{", "}",
     "<<", ">>", "#", "||", "=>", ",", "->", "fun(", "case X of", "end", "maybe", "else", "?=", "é",
     "\\", "\0", "-define(X, ", "-export([", "-spec f(", "is_subtype(K, a)", "when", "\r\n", "\x85"]
)  # fmt: skip


def read(forms: str) -> Extraction:
    return extract(f"-module(m).\n{forms}\n".encode())


LIMIT = ParseLimit()


def mended(source: bytes, limit: ParseLimit = LIMIT) -> Mended:
    return mend(source, parse(grammar.PARSER, source).root_node, limit)


def named(extraction: Extraction) -> list[str]:
    return [f"{function.name}/{function.arity}" for function in extraction.functions]


@pytest.mark.parametrize(
    "form",
    [
        # A macro may stand for a clause head, ...
        "f(F) -> try F() catch ?WITH_STACKTRACE(C, R, S) {C, R, S} end.",
        "f(F) -> try F() catch ?W(C, _, _)\n ?LOG(C), a; _:_ -> b end.",
        "f(F) -> fun() -> try F() catch ?W(C,R,S) g(C) end end.",
        "f(X) -> receive ?HANDLE(X) g(X) after ?T -> ok end.",
        # ... for part of an expression, ...
        "f(X) -> ?BEGIN g(), X ?END.",
        "f(X) -> ?IF(X) a ?ELSE b ?END.",
        "f(X) -> ?LOG X.",
        "f(X) -> X ?OP 1.",
        'f(X) -> "a" ?S(X) "b" ?T.',
        "f(X) -> [?A, ?B(X) | ?C], [?A ?B].",
        # ... for a record or a field, ...
        "f(X) -> X?R.a, X?R{a = 1}, ?R{a = X}, #?R{}.",
        "f(X) -> #r{?FIELDS, a = X}, #{?ASSOC, b => X}.",
        "f(#{?ASSOC}) -> 1.",
        "f(?R{a = X}) -> X.",
        # ... and for a guard, a pattern or a module.
        "f(X) when ?IS(X), X > 1; ?OR -> X.",
        "f(X = ?P(a)) -> ?M:?F(X), (?M):f(), ?M(a):g().",
        # Characters, texts and names.
        "f(_) -> [$\\x{1F600}, $\\^A, $\\s, $%, $\", $', $\\\\, $., $ , $\\x41, $\\101, $?].",
        "f(Über) -> $\\x{1F600}, Über.",
        "f(_) -> {\"a\\\". b\", 'a\\'. b', $\\x{41}}.",
        'f(_) -> {"""\n  a " b \' c.\n  """, $\\x{41}}.',
        'f(_) -> [~s(a. b), ~B[c\\], ~"d. ", ~b|\'|, ~S/"/, $\\x{41}].',
        "f(_) -> [1.0, 2#1.01, 16#FF, 1_000.5e-3, $\\x{41}].",
        # Words that were atoms, and that are not any more.
        "f(else) -> maybe:g(#maybe{a = else}).",
        "f(X) -> maybe {ok, Y} ?= X, ?LOG(Y) Y else {error, E} -> E end.",
        # Comprehensions of newer releases.
        "f(X) -> [A, B || {A, B} <- X].",
        "f(X) -> #{A => 1, B => 2 || {A, B} <- X}.",
    ],
)
def test_what_no_grammar_knows_is_read(form: str) -> None:
    found = read(f"-export([f/1]).\n{form}\n%% between\ng() -> ok.")
    assert (named(found), found.parse_errors, found.unread_bytes) == (["f/1", "g/0"], 0, 0)
    lines = 3 + form.count("\n")
    assert [each.clauses[0][:2] for each in found.functions] == [(3, lines), (lines + 2, lines + 2)]


@pytest.mark.parametrize(
    "attribute",
    [
        "-deprecated([f/1]).",
        "-deprecated(f/1).",
        "-deprecated([{f, 1, $\\x{41}}]).",
        "-define(BEGIN, (fun() -> ).",
        "-define(CASE, case foo of).",
        "-define(TEXT(X), ??X, \"a. b\", $.).",
        "-define(HEAD(C, R, S), C:R:S ->).",
        "-export(?CALLBACKS).",
        "-export([?F/1, g/0]).",
        "-custom({a, ?B c}).",
        "-record(?R, {a = ?B :: ?T}).",
        "-type t() :: #{?ASSOC, a => b} | ?T.",
        "-spec h(?A, ?B()) -> ?C | {?D e}.",
        "?FUNCTIONS(a, b).",
        "?NAME(X) -> ?BEGIN X ?END.",
    ],
)  # fmt: skip
def test_what_no_grammar_knows_costs_neither_neighbour(attribute: str) -> None:
    found = read(f"f(X) -> X.\n{attribute}\ng() -> ok.")
    assert (named(found), found.parse_errors) == (["f/1", "g/0"], 0)


def test_attributes_with_macros_tell_the_rest() -> None:
    found = read(
        "-export([?F/1, g/0]).\n"
        "-spec ?MODULE:f(?A, #{?ASSOC}) -> ok.\n"
        "-spec ?OTHER:f(?A) -> {ok, ?B c}.\n"
        "-spec g(K) -> K when is_subtype(K, atom()).\n"
        "-type t(A) :: #{?ASSOC, a => A}.\n"
        "-callback c(#{?ASSOC}) -> ok.\n"
        "f(_, _) -> ok.\ng(X) -> X."
    )
    (module,) = found.modules
    assert module.exports == (("g", 0),)
    assert [(each.name, each.arity) for each in module.types] == [("t", 1)]
    assert [(each.name, each.arity, each.line) for each in module.callbacks] == [("c", 1, 7)]
    assert [each.specs for each in found.functions] == [
        ("f(?A, #{?ASSOC}) -> ok",),
        ("g(K) -> K when is_subtype(K, atom())",),
    ]


def test_names_and_texts_are_those_of_the_source() -> None:
    source = "-module(m).\n'größe x'(?P{a = Ü}) when Ü > $\\x{41} -> ?L Ü;\n'größe x'(_) -> é.\n"
    (function,) = extract(source.encode()).functions
    assert (function.name, function.arity) == ("größe x", 1)
    assert [clause.guard for clause in function.clauses] == ["Ü > $\\x{41}", None]
    first, second = (source.encode()[c.start_byte : c.end_byte] for c in function.clauses)
    assert first.decode() == "'größe x'(?P{a = Ü}) when Ü > $\\x{41} -> ?L Ü;"
    assert second.decode() == "'größe x'(_) -> é."


def test_what_cannot_be_read_costs_no_more_than_itself() -> None:
    found = read("f(1) -> a;\nf(2) -> ] b;\nf(3) -> c.\ng(a b, C) -> C.\nh( -> .\ni() -> ok.")
    assert named(found) == ["f/1", "g/2", "i/0"]
    assert [(c.start_line, c.end_line) for c in found.functions[0].clauses] == [
        (2, 2),
        (3, 3),
        (4, 4),
    ]
    assert found.parse_errors == 3
    assert found.unread_bytes == len("] b") + len("g(a b, C) -> C") + len("h( -> .")


def test_documentation_stays_behind_a_long_form_that_cannot_be_read() -> None:
    rows = "\n".join(f"    {row} then {row}" for row in range(18))
    found = read(f"+ (\n{rows}).\n\n%% @doc What f is.\nf() -> ok.\n")
    assert (found.functions[0].doc, found.parse_errors) == ("What f is.", 1)


def test_a_quote_that_nobody_closes_costs_its_form() -> None:
    found = read("f() -> \"abc.\ng() -> 'abc.\nh() -> ok.")
    assert (named(found), found.parse_errors) == (["f/0", "g/0", "h/0"], 2)


def test_a_quote_that_finds_the_end_of_another_costs_its_form_only() -> None:
    found = read(
        "f(X) -> 'abc.\n%% @doc G.\n'g h'() -> 'é'.\n"
        'i() ->\n "abc.\n\nj(X) -> "x".\n-spec k() -> a.\nk() -> "y".'
    )
    assert named(found) == ["f/1", "g h/0", "i/0", "j/1", "k/0"]
    assert (found.functions[1].doc, found.functions[4].specs) == ("G.", ("k() -> a",))
    assert found.parse_errors == 2


@pytest.mark.parametrize(
    "open_form",
    ["f(X) -> X", "f() ->\n  g(1,\n    2)", "-foo([a", "-export([f/0", "-spec f(a) -> b", "f(",
     "f(X) -> (X"],
)  # fmt: skip
@pytest.mark.parametrize(
    "following",
    ["%% @doc T.\n-spec t(a) -> b.\nt(X) when X ->\n X.",
     "%% @doc T.\nt(X) -> X.\n-spec t(a) -> b."],
)  # fmt: skip
def test_a_full_stop_that_is_missing_costs_one_form(open_form: str, following: str) -> None:
    found = read(f"e() -> ok.\n\n{open_form}\n\n{following}\n-ifdef(A).\nu() -> ok.\n-endif.")
    assert named(found) == ["e/0", "t/1", "u/0"]
    _, t, u = found.functions
    assert (t.doc, t.specs, len(t.clauses), u.branch) == ("T.", ("t(a) -> b",), 1, "ifdef A")
    assert (found.parse_errors, found.unread_bytes) == (1, len(open_form))


@pytest.mark.parametrize(
    "form",
    [
        "-define(T(N),\nf(X) ->\n  N(X)).\nf(X) -> ?T(X) ].",
        "-spec\nf(a) -> ?B;\n(c) -> d.\nf(X) -> X ].",
        "f(X)\nwhen (X) -> ?A;\nf(Y)\nwhen (Y) -> Y ].",
        "?BEFORE\nf(X) -> X ].",
        "f(X) ->\ncase X of\n?A(X) -> 1 ] end.",
    ],
)
def test_a_line_that_looks_like_a_form_may_be_part_of_one(form: str) -> None:
    assert named(read(f"{form}\ng() -> ok.")) == ["f/1", "g/0"]


def test_a_file_may_end_without_a_full_stop() -> None:
    found = read("f() -> ok.\ng() -> ok")
    assert (named(found), found.parse_errors) == (["f/0", "g/0"], 0)


def test_brackets_that_stay_open_leave_the_head() -> None:
    found = read("%% @doc F.\nf(1) -> a;\nf(X) when X > 1 -> g(X.\nh() -> case X of.\ni() -> ok.")
    assert named(found) == ["f/1", "h/0", "i/0"]
    assert [clause.guard for clause in found.functions[0].clauses] == [None, "X > 1"]
    assert (found.functions[0].doc, found.parse_errors) == ("F.", 2)


def test_a_full_stop_in_a_text_ends_no_form() -> None:
    source = b"""#!/usr/bin/env escript. x
%% a. b
f() -> {"a. b", 'a. b', $., 1.5, a.b, 1..2, ~s(a. b), ~B[a. \\], "\\". ", '\\'. '}.
g() -> \"\"\"
  a. b
  \"\"\". h() -> ok.
rest"""
    texts = [source[form.start : form.end] for form in forms(source)]
    assert [text.strip()[:6] for text in texts] == [b"#!/usr", b"g() ->", b"h() ->", b"rest"]


def test_prose_and_other_languages_cannot_be_read() -> None:
    prose = b"This is a letter. It has words (some), and dots. Don't parse it.\n" * 20
    python = b"def f(x):\n    return [y.z for y in x]\n\n" * 20
    terms = b'{application, a, [{vsn, "1.0"}]}.\n' * 20
    for source in (prose, python, terms):
        assert extract(source).unread_bytes > len(source) * 0.9


def test_mending_ends_within_its_time() -> None:
    with pytest.raises(Unparsable, match=r"mending its forms took more than 0\.0 s"):
        mended(b"f(.\n" * 1000, ParseLimit(seconds=0.001, seconds_a_megabyte=0))


@pytest.mark.parametrize(
    "piece",
    [b"f(.\n", b"f(?A(", b"?M ", b'"a', b"'", b'"""\n', b"case ", b"[X,Y||", b") ", b"end ", b"a. ",
     b"~s(", b"f(X) -> ?A X;\n", b"#{?A,", b"\\", b"$", b'"\\', b"-a(", b"fun("],
)  # fmt: skip
def test_mending_is_linear(piece: bytes) -> None:
    def seconds(source: bytes) -> float:
        root = parse(grammar.PARSER, source).root_node
        started = time.process_time()
        mend(source, root)
        return time.process_time() - started

    size = 2_000 // len(piece)
    once = min(seconds(piece * size) for _ in range(3))
    four = min(seconds(piece * size * 4) for _ in range(2))
    assert four < once * 10 + 0.02


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.lists(PIECES, max_size=40).map(lambda p: "".join(p).encode()))
def test_any_bytes_are_cut_into_forms_that_cover_them(source: bytes) -> None:
    position = 0
    for form in forms(source):
        assert form.start == position < form.end
        edge = form.start
        for token in form.tokens:
            assert edge <= token.start < token.end <= form.end
            assert source[token.start : token.end] == token.text
            edge = token.end
        position = form.end
    assert position == len(source)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.lists(PIECES, max_size=40).map(lambda p: "".join(p).encode()))
def test_mending_any_bytes_keeps_length_and_lines(source: bytes) -> None:
    result = mended(source)
    assert len(result.source) == len(source)
    assert 0 <= result.unread <= len(source)
    assert [n for n, byte in enumerate(result.source) if byte == 10] == [
        n for n, byte in enumerate(source) if byte == 10
    ]
    extract(source)
