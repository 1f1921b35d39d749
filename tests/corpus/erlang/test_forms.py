import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Node

from corpus.erlang import extract
from corpus.erlang.extract import _PLAIN_HEAD, read_forms
from corpus.erlang.grammar import PARSER
from corpus.erlang.record import FileRecord
from corpus.extraction import (
    Behaviour,
    BehaviourEvidence,
    Callback,
    Clause,
    Extraction,
    TypeDefinition,
)
from corpus.parsing import NestedTooDeeply, parse

PIECES = st.sampled_from(
    ["-module(a).\n", "-export([f/1, 'g h'/0]).\n", "f(X) -> X;\n", "f(_) -> ok.\n", "?M", "fun",
     "-spec f(A) -> B", "-behaviour(b).\n", "-doc ", '"""\n', '"', "'", "when X > 1 ", " end",
     "-type t() :: ", "-callback ", "(", ")", "[", "]", ".\n", "-ifdef(X).\n", "% c\n", "\0", "é",
     "#{", "}", "-define(A, b)", "<<", ">>", "-moduledoc false.\n", "-optional_callbacks([f/1",
     "~s"]
)  # fmt: skip


def test_a_module_has_exports_behaviours_types_and_callbacks() -> None:
    source = b"""%% a comment
-module('my server').
-behaviour(gen_server).
-behavior(other).
-behaviour(?MACRO).
-export([start/1, stop/0]).
-export(['quoted fun'/2]).
-type t() :: a | b.
-opaque pair(A, B) :: {A, B}.
-callback init(A :: term()) -> ok.
-callback stop() -> ok.
-optional_callbacks([stop/0]).
f() -> ok.
"""
    (module,) = extract(source).modules
    assert (module.name, module.kind) == ("my server", "module")
    assert (module.start_line, module.end_line) == (2, 13)
    assert module.behaviours == (
        Behaviour("gen_server", BehaviourEvidence.DIRECT, 1.0),
        Behaviour("other", BehaviourEvidence.DIRECT, 1.0),
    )
    assert module.exports == (("start", 1), ("stop", 0), ("quoted fun", 2))
    assert module.types == (
        TypeDefinition("t", 0, "type", 8),
        TypeDefinition("pair", 2, "opaque", 9),
    )
    assert module.callbacks == (
        Callback("init", 1, "callback", False, 10),
        Callback("stop", 0, "callback", True, 11),
    )


def test_clauses_of_one_name_and_arity_make_one_function() -> None:
    source = b"""-module(a).
-spec f(A) -> B when A :: B;
       (C) -> D.
-spec other:f(A) -> B.
f(X) when is_list(X), X =/= []; X ->
    a;
f(_) -> b.
f(X, % two
  Y) -> {X, Y}.
'g h'() -> ok.
"""
    one, two, quoted = extract(source).functions
    assert (one.module, one.name, one.arity, one.kind, one.defaults) == ("a", "f", 1, "function", 0)
    assert one.specs == ("f(A) -> B when A :: B;\n       (C) -> D",)
    assert one.clauses == (
        Clause(5, 6, 81, 124, "is_list(X), X =/= []; X"),
        Clause(7, 7, 125, 135, None),
    )
    assert source[125:135] == b"f(_) -> b."
    assert (two.name, two.arity, two.specs) == ("f", 2, ())
    assert (quoted.name, quoted.arity) == ("g h", 0)


def test_documentation_attributes_of_otp_27_belong_to_what_follows() -> None:
    source = b'''-module(a).
-moduledoc """
  About a.
    More.
  """.
-moduledoc #{since => "1"}.
-doc "f\\tdoc \\x{e9}".
-doc #{since => "1"}.
f() -> 1.
-doc "for the type".
-type t() :: a.
g() -> 1.
-doc false.
h() -> 1.
-doc hidden.
i() -> 1.
-doc({file, "i.md"}).
j() -> 1.
-doc ~S"raw \\t".
k() -> 1.
'''
    found = extract(source)
    (module,) = found.modules
    assert (module.doc_kind, module.doc) == ("string", "About a.\n  More.")
    assert {f.name: (f.doc_kind, f.doc) for f in found.functions} == {
        "f": ("string", "f\tdoc é"),
        "g": (None, None),
        "h": ("hidden", None),
        "i": ("hidden", None),
        "j": ("string", None),
        "k": ("string", "raw \\t"),
    }
    assert len(found.doc_spans) == 9
    assert all(source[start:end].startswith(b"-") for start, end in found.doc_spans)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"""\nHello.\n"""', "Hello."),
        ('"""\n  a\n\n   b\\t\n  """', "a\n\n b\\t"),
        ('"""\r\n  a\r\n  """', "a"),
        ('"""\n\n"""', ""),
        ('"""\n"""', ""),
        ('""""\n"""\n""""', '"""'),
        ('~b"""\n  a\\tb\n  """', "a\tb"),
        ('~S"""\na\\t\n"""', "a\\t"),
        ('~"a\\tb"', "a\tb"),
        ("~S(a\\t)", "a\\t"),
        ("~s[a\\t]", "a\t"),
        (r'"\101 \^A \b \0 \x41 \x{20AC} \q"', "A \x01 \b \0 A € q"),
        (r'"\x{110000}"', r"\x{110000}"),
        ('"a"\n % between\n "b"', "ab"),
        ('("a" "b")', "ab"),
        ('""', ""),
        ('?NAME "a"', None),
        ('"a" ++ "b"', None),
    ],
)
def test_documentation_is_what_its_literal_stands_for(literal: str, text: str | None) -> None:
    (function,) = extract(f"-module(a).\n-doc {literal}.\nf() -> 1.\n".encode()).functions
    assert (function.doc_kind, function.doc) == ("string", text)


@settings(max_examples=500)
@given(st.lists(st.sampled_from(['"""', '"', "\n", " ", "\\", "x{", "~S", "é", "\t", "a"])))
def test_any_literal_is_read_without_an_error(pieces: list[str]) -> None:
    extract(f"-module(a).\n-doc {''.join(pieces)}.\nf() -> 1.\n".encode())


def test_quoted_atoms_lose_quotes_and_escapes() -> None:
    found = extract(b"-module('a b').\n-export(['it\\'s'/0]).\n'it\\'s'() -> ok.\n")
    assert [(f.module, f.name) for f in found.functions] == [("a b", "it's")]
    assert found.modules[0].exports == (("it's", 0),)


def test_under_export_all_every_function_is_exported() -> None:
    head = b"-module(a).\n-export([f/0]).\n-compile([debug_info, export_all]).\n"
    source = head + b"f() -> 1.\ng(X) -> X.\n"
    assert extract(source).modules[0].exports == (("f", 0), ("g", 1))
    without = extract(source.replace(b"export_all", b"nowarn_export_all"))
    assert without.modules[0].exports == (("f", 0),)


def test_a_macro_that_makes_clauses_is_no_function() -> None:
    source = b"-module(a).\n?inline(a, b);\n?inline(c, d);\nf(X) -> X.\n"
    assert [(f.name, f.arity) for f in extract(source).functions] == [("f", 1)]


def test_the_body_of_a_macro_may_be_a_fragment() -> None:
    assert (
        extract(b"-define(CATCH(C, R, S), C:R:S ->).\n-define(D, d := true).\n").parse_errors == 0
    )
    assert extract(b"-define(A, 1).\nf( ->\n").parse_errors > 0


def test_a_header_without_a_module_defines_nothing_by_itself() -> None:
    found = extract(b"-define(A, 1).\nf() -> 1.\n")
    assert (found.modules, found.functions, found.parse_errors) == ((), (), 0)


def test_a_name_that_a_macro_makes_is_not_listed() -> None:
    assert [f.name for f in extract(b"-module(a).\n?F(x) -> 1.\ng() -> 2.\n").functions] == ["g"]


def test_brackets_nested_by_a_machine_are_refused() -> None:
    with pytest.raises(NestedTooDeeply, match="brackets stand open at once"):
        extract(b"-module(a).\nf() -> " + b"[" * 100_000)


def test_nothing_gives_nothing() -> None:
    found = extract(b"")
    assert (found.modules, found.functions, found.parse_errors) == ((), (), 0)


@given(st.binary(max_size=300))
def test_any_bytes_give_an_extraction(source: bytes) -> None:
    assert extract(source).parse_errors >= 0


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=30))
def test_any_pieces_of_erlang_give_consistent_lines(pieces: list[str]) -> None:
    source = ("-module(a).\n" + "".join(pieces)).encode()
    for function in extract(source).functions:
        for clause in function.clauses:
            assert clause.start_line == source.count(b"\n", 0, clause.start_byte) + 1
            assert clause.start_byte < clause.end_byte <= len(source)


@pytest.mark.parametrize(
    "form",
    [
        b"f() -> maybe.",
        b"f(maybe) -> 1; f(no) -> 2.",
        b"f() -> {maybe, 1}.",
        b"f(X) -> X == maybe.",
        b"f(X) -> [maybe | X].",
        b"f(X) -> case X of maybe -> 1; _ -> 2 end.",
        b"-type t() :: yes | maybe.\nf() -> maybe(1).",
    ],
)
def test_maybe_is_an_atom_in_older_code(form: bytes) -> None:
    found = extract(b"-module(m).\n" + form + b"\ng() -> maybe.\n")
    assert found.parse_errors == 0
    assert [function.name for function in found.functions] == ["f", "g"]


def test_maybe_is_a_type_in_older_code_and_a_keyword_in_newer() -> None:
    older = extract(b"-module(m).\n-type t() :: {maybe(pid()), maybe(pid())}.\nf() -> ok.\n")
    newer = extract(b"-module(m).\nf(X) ->\n  maybe\n    {ok, Y} ?= X,\n    Y\n  end.\n")
    for extraction in (older, newer):
        assert extraction.parse_errors == 0
        assert [function.name for function in extraction.functions] == ["f"]
    assert [(kind.name, kind.arity) for kind in older.modules[0].types] == [("t", 0)]


def test_functions_under_conditions_are_alternatives() -> None:
    source = b"""-module(m).
-spec f(a) -> b.
-ifdef(TEST).
f(a) -> 1.
-if(?OTP_RELEASE   >= 27).
%% @doc Newer.
g() -> 1.
-elif(?X).
g() -> 2.
-else.
g() -> 3.
-endif.
-else.
-spec f(c) -> d.
f(b) -> 2;
f(c) -> 3.
-endif.
h() -> 1.
"""
    found = extract(source).functions
    assert [(f.name, f.branch, len(f.clauses), f.doc, f.specs) for f in found] == [
        ("f", "ifdef TEST", 1, None, ("f(a) -> b",)),
        ("g", "ifdef TEST / if ?OTP_RELEASE >= 27", 1, "Newer.", ()),
        ("g", "ifdef TEST / if ?OTP_RELEASE >= 27: elif ?X", 1, None, ()),
        ("g", "ifdef TEST / if ?OTP_RELEASE >= 27: else", 1, None, ()),
        ("f", "ifdef TEST: else", 2, None, ("f(a) -> b", "f(c) -> d")),
        ("h", None, 1, None, ()),
    ]


def test_a_condition_is_told_in_short_and_a_stray_end_does_nothing() -> None:
    condition = b"defined(X) andalso " * 20 + b"true"
    source = b"-module(m).\n-endif.\n-else.\n-if(" + condition + b").\nf() -> 1.\n-endif.\n"
    (function,) = extract(source).functions
    assert function.branch is not None
    assert (len(function.branch), function.branch[-1]) == (120, "…")


def test_conditions_inside_conditions_are_told_up_to_twenty() -> None:
    opening = b"".join(b"-ifdef(X%d).\n" % n for n in range(30))
    closing = b"-else.\n" + b"-endif.\n" * 11
    source = b"-module(m).\n" + opening + b"f() -> 1.\n" + closing + b"f() -> 2.\n"
    branches = [(function.branch or "").split(" / ") for function in extract(source).functions]
    assert [(len(branch), branch[-1]) for branch in branches] == [
        (20, "ifdef X19"),
        (19, "ifdef X18"),
    ]


HEAD_PARTS = st.sampled_from(
    ["f", "(", ")", "(", ")", ",", ",", "X", "_", "a", "1", "16#f", "[H|T]", "{a, X}", "#r{a = 1}",
     "<<X>>", '"a"', "'a'", "$,", '"a, b"', "'[a'", '$"', "<<$>, Y>>", "[{a, [X, Y]}, Z]",
     '#{a := <<"b, c">>}', '""', "~", "~s(a, b)", "?M", "?M(a, b)", "=", "+", "-",
     "begin a, b end", "fun f/1", "when", "when", "is_a(X, 1)", ";", "andalso", "% c,\n", "é",
     "case a of b", "end", "->"]
)  # fmt: skip


@given(st.lists(HEAD_PARTS, max_size=10))
def test_a_head_says_the_same_whether_or_not_the_tree_is_asked(parts: list[str]) -> None:
    source = f"-module(m).\n-export([f/1, {' '.join(parts[:2])}]).\n".encode()
    source += f"f({' '.join(parts)} -> ok.\nf(X) when X > 1, is_a(X) -> ok.\ng() -> ok.\n".encode()
    root = parse(PARSER, source).root_node
    if not root.has_error:
        found = read(source, root, is_as_written=True)
        assert found is None or found == read(source, root, is_as_written=False)


SPEC_PARTS = st.sampled_from(
    ["(", ")", "(", ")", ",", ",", "A", "_", "a", "1..5", "a()", "list(pair(a, B))", "[a, ...]",
     "{a, B}", "#{a := b(), c => d}", "#r{a :: b}", "<<_:8, _:_*8>>", "fun((A, B) -> c)", "'a, b'",
     "A :: a(b, c)", "m:t(A)", "|", "?M", "?M(a, b)", "% c,\n", "é", "->", "when A :: b, C :: d",
     ";", " ", "\n"]
)  # fmt: skip


@given(st.lists(SPEC_PARTS, max_size=8), st.lists(SPEC_PARTS, max_size=5))
def test_a_specification_says_the_same_whether_or_not_the_tree_is_asked(
    arguments: list[str], result: list[str]
) -> None:
    spec = f"-spec f({' '.join(arguments)}) -> a{' '.join(result)}."
    source = f"-module(m).\n{spec}\nf() -> 1.\nf(X) -> 1.\nf(X, Y) -> 1.\n".encode()
    root = parse(PARSER, source).root_node
    if not root.has_error:
        assert read(source, root, is_as_written=True) == read(source, root, is_as_written=False)


def read(source: bytes, root: Node, *, is_as_written: bool) -> Extraction | None:
    record = FileRecord(source, is_as_written=is_as_written)
    return record.extraction(0, 0) if read_forms(record, root.named_children) else None


@pytest.mark.parametrize(
    "filler",
    [
        ", ",
        "a",
        " ",
        "()",
        "a = b, ",
        "\n",
        "-",
        "when a ",
        "f(a",
        "[a",
        "{a}, ",
        '"a',
        '"a"',
        "<<",
        "$a",
        "[{a}",
    ],
)
def test_heads_that_never_end_take_time_that_grows_with_their_length(filler: str) -> None:
    start = time.process_time()
    for head in (b"f(", b"f(a) when a"):
        assert _PLAIN_HEAD.match(head + filler.encode() * 50_000 + b"\x00%") is None
    assert time.process_time() - start < 0.5
