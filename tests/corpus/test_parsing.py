import tracemalloc

import pytest

from corpus.elixir.grammar import PARSER
from corpus.extraction import Unparsable
from corpus.parsing import UNWATCHED, ParseLimit, count_errors, parse, unread_bytes

QUADRATIC = b"&&" + b"\r\na\n0x" * 48_000


def test_a_parse_that_would_take_minutes_is_given_up_and_the_parser_goes_on() -> None:
    limit = ParseLimit(seconds=0.2, seconds_a_megabyte=0)
    with pytest.raises(Unparsable, match=r"more than 0.2 s; only hostile input does that"):
        parse(PARSER, QUADRATIC, limit)
    assert parse(PARSER, b"a + b").root_node.has_error is False


def test_a_large_file_read_in_pieces_gives_the_tree_of_the_whole() -> None:
    source = b"defmodule A do\n" + b'  def f(x), do: {x, "\xc3\xa9"}\n' * 9000 + b"end\n"
    assert str(parse(PARSER, source).root_node) == str(PARSER.parse(source).root_node)


def test_errors_are_counted_with_what_is_missing() -> None:
    assert count_errors(parse(PARSER, b"a + b").root_node) == 0
    assert count_errors(parse(PARSER, b"defmodule A do\n").root_node) == 1


@pytest.mark.parametrize(
    ("source", "unread"),
    [
        (b"a + b\n", 0),
        (b"a = 1\nb )\nc = 3\n", 10),
        (b"a = 1\r\nb = ) )\r\n", 9),
        (b"defmodule A do\n", 0),
        (b"defmodule A do\n  def f(x), do: [)\n  def g, do: 1\nend\n", 19),
    ],
)
def test_what_cannot_be_read_is_measured_in_bytes_of_lines(source: bytes, unread: int) -> None:
    assert unread_bytes(parse(PARSER, source).root_node, source) == unread


def test_a_large_file_is_let_go_after_its_parse() -> None:
    source = b"a = 1\n" * UNWATCHED
    parse(PARSER, source)  # the parser keeps its own stack, once
    tracemalloc.start()
    try:
        parse(PARSER, source)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < len(source) / 10
