"""Where comments are found, in code that tries to hide them and in code that is broken."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.fingerprint import comment_blocks, comment_spans
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


HIDING_PLACES = r'''
defmodule Hiding do # one
  @doc """
  # no " #{1 + 1 # two
  } # no
  """
  def f(x, ok?) when ok?, do: [?#, ?\#, ?", :"# no", "# no": 1] # three
  def g, do: ~S(# no #{) <> ~s[#{"#{%{a: "# no"}.a}"} # no] # four
  def h, do: ~r/[#]# no/u # five
  def i, do: {'# no', "\"# no", ~w|# no|a} # six
  def k do
    ~S"""
    # no """ # no
    """ # seven
  end
end
'''
COMPILER = """
{:ok, _, comments} = Code.string_to_quoted_with_comments(File.read!(hd(System.argv())))
Enum.each(comments, &IO.puts(&1.text))
"""


@pytest.mark.toolchain
@pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Debian's package elixir")
def test_elixir_comments_equal_the_compilers(tmp_path: Path) -> None:
    source = tmp_path / "hiding.ex"
    source.write_text(HIDING_PLACES)
    command = ["elixir", "-e", COMPILER, str(source)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    found = comments(HIDING_PLACES)
    assert found == ["# one", "# two", "# three", "# four", "# five", "# six", "# seven"]
    assert answer.stdout.splitlines() == found


@pytest.mark.parametrize("language", ["elixir", "erlang", "heex"])
@pytest.mark.parametrize(
    "piece", ['"', "'", "~", "?", "$", '"""\n', '"""\n #{', '""""\n "', "<!-- --"]
)
def test_time_grows_with_the_length_only(language: str, piece: str) -> None:
    """A quadratic scanner would need minutes here."""
    text = (piece * 200_000).encode()
    assert sum(end - start for start, end in comment_spans(text, language)) <= len(text)


ELIXIR_PIECES = [
    *["\n", "\r\n", " ", "\t", "\\", "#", "#{", "{", "}", "(", ")", "[", "]", "<", ">", "/", "|"],
    *['"', "'", '"""', "'''", '"""\n', '\n  """', "?", "~", "~s", "~S", "~W9", "a", "é", "_", "1"],
]
ERLANG_PIECES = ["%", '"', "'", '"""', '""""', "\n", "\r\n", " ", "\\", "$", "a", '"""\n', '\n """']
TEMPLATE_PIECES = ["<", "%", "<%", "%>", "#", "!", "--", "->", "<!--", "-->", "--%>", "\n", "a"]


def texts(pieces: list[str]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(pieces), max_size=40).map(lambda found: "".join(found).encode())


@settings(max_examples=1000, deadline=None)
@given(texts(ELIXIR_PIECES))
def test_elixir_comments_equal_the_reference(text: bytes) -> None:
    assert list(comment_spans(text, "elixir")) == reference_comments(text, "elixir")


@settings(max_examples=500, deadline=None)
@given(texts(ERLANG_PIECES))
def test_erlang_comments_equal_the_reference(text: bytes) -> None:
    assert list(comment_spans(text, "erlang")) == reference_comments(text, "erlang")


@settings(max_examples=500, deadline=None)
@given(texts(TEMPLATE_PIECES))
def test_template_comments_equal_the_reference(text: bytes) -> None:
    assert list(comment_spans(text, "heex")) == reference_comments(text, "heex")


def joined(text: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans as one where only blanks stand between them."""
    blocks: list[tuple[int, int]] = []
    for start, end in spans:
        if blocks and not text[blocks[-1][1] : start].strip():
            start = blocks.pop()[0]
        blocks.append((start, end))
    return blocks


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("elixir", "# a\n\n  # b\nc # d\n# e", ["# a\n\n  # b", "# d\n# e"]),
        ("elixir", '"#{a # b\n # c\n}" # d', ["# b\n # c", "# d"]),
        ("erlang", "%% a\n\t%% b\nc. % d\n", ["%% a\n\t%% b", "% d"]),
        ("heex", "<%# a %> <%# b %>", ["<%# a %>", "<%# b %>"]),
    ],
)
def test_blocks_are_comments_with_blanks_between(
    language: str, text: str, found: list[str]
) -> None:
    data = text.encode()
    assert [data[start:end].decode() for start, end in comment_blocks(data, language)] == found


@pytest.mark.parametrize("language", ["elixir", "erlang"])
@settings(max_examples=500, deadline=None)
@given(st.data())
def test_blocks_hold_all_comments(language: str, data: st.DataObject) -> None:
    text = data.draw(texts(ELIXIR_PIECES if language == "elixir" else ERLANG_PIECES))
    found = list(comment_spans(text, language))
    assert list(comment_blocks(text, language)) == joined(text, found)


@pytest.mark.parametrize("language", ["elixir", "erlang"])
@pytest.mark.parametrize("piece", ["#\n", "%\n", "#\n\n a", "%\n\n a", "%" + "\n" * 99, "#\t"])
def test_time_for_blocks_grows_with_the_length_only(language: str, piece: str) -> None:
    text = (piece * 100_000).encode()
    assert sum(end - start for start, end in comment_blocks(text, language)) <= len(text)
