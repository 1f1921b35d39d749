"""Where comments are found, in code that tries to hide them and in code that is broken."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.fingerprint import comment_spans
from tests.corpus.reference_tokens import reference_comments


def comments(text: str, language: str = "elixir") -> list[str]:
    data = text.encode()
    return [data[start:end].decode() for start, end in comment_spans(data, language)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a # one\n# two", ["# one", "# two"]),
        ('"# no" # yes', ["# yes"]),
        ('"\\"# no" # yes', ["# yes"]),
        ("'# no' # yes", ["# yes"]),
        (':"# no" # yes', ["# yes"]),
        ('"""\n# no "# no\n  """ # yes', ["# yes"]),
        ("'''\n# no\n''' # yes", ["# yes"]),
        ('"""\n # no """ # no\n""" # yes', ["# yes"]),
        ('"a#{b # yes\n}# no"', ["# yes"]),
        ('"#{"#{x # one\n} # no"} # no" # two', ["# one", "# two"]),
        ('"#{%{a: {1}} # one\n}# no"', ["# one"]),
        ('"\\#{# no" # yes', ["# yes"]),
        ("~s(# no) # yes", ["# yes"]),
        ("~s(#{1 # one\n}# no)", ["# one"]),
        ("~S(#{1 # no) # yes", ["# yes"]),
        ("~r/[#{}]# no/u # yes", ["# yes"]),
        ('~H"""\n<a href="#">\n""" # yes', ["# yes"]),
        ("~HTML[# no] # yes", ["# yes"]),
        ("~w|# no| # yes", ["# yes"]),
        ("~~~b # yes", ["# yes"]),
        ("?# # yes", ["# yes"]),
        ("?\\# # yes", ["# yes"]),
        ('?" # yes', ["# yes"]),
        ("?? # yes", ["# yes"]),
        ("ok?# yes", ["# yes"]),
        ("größe?# yes", ["# yes"]),
        ('"never closed # no', []),
        ("# last\r\n", ["# last\r"]),
    ],
)
def test_elixir_comments(text: str, found: list[str]) -> None:
    assert comments(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a. % one\n%% two", ["% one", "%% two"]),
        ('"% no" % yes', ["% yes"]),
        ('"\\"% no" % yes', ["% yes"]),
        ("'% no' % yes", ["% yes"]),
        ("$% % yes", ["% yes"]),
        ('$" % yes', ["% yes"]),
        ("$\\\\ % yes", ["% yes"]),
        ('"" % yes', ["% yes"]),
        ('"" "" % yes', ["% yes"]),
        ('-doc """\n% no "\n""". % yes', ["% yes"]),
        ('-doc """"\n"""\n% no\n"""". % yes', ["% yes"]),
        ("'never closed % no", []),
    ],
)
def test_erlang_comments(text: str, found: list[str]) -> None:
    assert comments(text, "erlang") == found


@pytest.mark.parametrize("language", ["heex", "eex"])
def test_template_comments(language: str) -> None:
    text = "<p># no<%# one %></p><%!-- two\n %> --%><!-- three --><%= 1 %>"
    found = ["<%# one %>", "<%!-- two\n %> --%>", "<!-- three -->"]
    assert comments(text, language) == found


def test_a_long_line_of_openings_is_read_once() -> None:
    assert comments('"#{' * 100_000 + "# yes") == ["# yes"]


ELIXIR_PIECES = [
    *["\n", "\r\n", " ", "\t", "\\", "#", "#{", "{", "}", "(", ")", "[", "]", "<", ">", "/", "|"],
    *['"', "'", '"""', "'''", '"""\n', '\n  """', "?", "~", "~s", "~S", "~W9", "a", "é", "_", "1"],
]
ERLANG_PIECES = ["%", '"', "'", '"""', '""""', "\n", "\r\n", " ", "\\", "$", "a", '"""\n', '\n """']
TEMPLATE_PIECES = ["<", "%", "<%", "%>", "#", "!", "--", "->", "<!--", "-->", "--%>", "\n", "a"]


def texts(pieces: list[str]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(pieces), max_size=40).map(lambda found: "".join(found).encode())


@settings(max_examples=1000)
@given(texts(ELIXIR_PIECES))
def test_elixir_comments_equal_the_reference(text: bytes) -> None:
    assert list(comment_spans(text, "elixir")) == reference_comments(text, "elixir")


@settings(max_examples=500)
@given(texts(ERLANG_PIECES))
def test_erlang_comments_equal_the_reference(text: bytes) -> None:
    assert list(comment_spans(text, "erlang")) == reference_comments(text, "erlang")


@settings(max_examples=500)
@given(texts(TEMPLATE_PIECES))
def test_template_comments_equal_the_reference(text: bytes) -> None:
    assert list(comment_spans(text, "heex")) == reference_comments(text, "heex")
