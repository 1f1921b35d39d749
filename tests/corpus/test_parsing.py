import contextlib
import time
import tracemalloc

import pytest
from tree_sitter import Parser

from corpus.elixir.grammar import PARSER
from corpus.erlang.grammar import PARSER as ERLANG_PARSER
from corpus.parsing import UNWATCHED, ParseLimit, Unparsable, count_errors, parse, unread_bytes

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


@pytest.mark.parametrize("parser", [PARSER, ERLANG_PARSER])
def test_lone_carriage_returns_take_time_that_grows_with_their_number(parser: Parser) -> None:
    start = time.process_time()
    root = parse(parser, b"x = 1" + b"\r" * 160_000 + b"\n").root_node
    assert time.process_time() - start < 2  # it was eighty seconds
    assert root.end_byte == 160_006


def test_a_lone_carriage_return_is_a_blank_and_one_before_a_newline_ends_a_line() -> None:
    assert parse(PARSER, b"a\r+\rb\r\nc\r\n").root_node.has_error is False
    assert parse(PARSER, b"a\r+\rb\r\nc\r\n").root_node.named_child_count == 2


def test_a_run_of_quotes_that_nobody_writes_is_refused() -> None:
    parse(ERLANG_PARSER, b'f() -> "' + b'"' * 498)
    with pytest.raises(Unparsable, match="500 double quotes in a row"):
        parse(ERLANG_PARSER, b'f() -> "' + b'"' * 499)


def test_runs_of_quotes_just_below_the_limit_take_time_that_grows_with_their_number() -> None:
    start = time.process_time()
    parse(ERLANG_PARSER, (b'"' * 499 + b"\n") * 400)
    assert time.process_time() - start < 3


@pytest.mark.parametrize("kilobytes", [8, 16, 64])
def test_recovery_from_errors_ends_within_its_limit(kilobytes: int) -> None:
    start = time.process_time()
    with contextlib.suppress(Unparsable):
        parse(ERLANG_PARSER, b";?+\n" * (250 * kilobytes))
    assert time.process_time() - start < 4


@pytest.mark.parametrize("line", [b" \n", b"\t\t\n", b"  \r\n"])
def test_blank_lines_take_time_that_grows_with_their_number(line: bytes) -> None:
    start = time.process_time()
    root = parse(PARSER, b"x = 1\n" + line * 50_000 + b"  y = 2\n").root_node
    assert time.process_time() - start < 1.5
    second = root.named_children[1]
    assert second.start_byte == 6 + 50_000 * len(line) + 2
    assert second.start_point.row == 50_001
