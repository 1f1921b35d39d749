from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.filters import Limits, decode, judge
from corpus.filters.chain import median_line_length
from corpus.reasons import Reason, Reject, Stage

MODULE = b"defmodule Shop do\n  def total(cart), do: Enum.sum(cart)\nend\n"
LIMITS = Limits()


def reason(path: str, raw: bytes = MODULE, limits: Limits = LIMITS) -> Reason | None:
    rejected = judge(path, raw, limits)
    return rejected.reason if rejected else None


@pytest.mark.parametrize("path", ["README.md", "mix.lock", "priv/static/app.js", "src/p.yrl"])
def test_what_is_no_source_code_is_left_out_with_its_name(path: str) -> None:
    assert judge(path, MODULE, LIMITS) == Reject(
        Stage.FILTER, Reason.NOT_SOURCE_CODE, PurePosixPath(path).name
    )


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("deps/jason/lib/jason.ex", "deps"),
        ("apps/shop/deps/jason/lib/jason.ex", "apps/shop/deps"),
        ("examples/shop/deps/jason/lib/jason.ex", "examples/shop/deps"),
        ("vendor/jason/lib/jason.ex", "vendor"),
        ("assets/vendor/heroicons/icons.exs", "assets/vendor"),
        ("_build/dev/lib/jason/x.ex", "_build"),
        ("lib/shop/_build/x.ex", "lib/shop/_build"),
        ("assets/node_modules/phoenix/mix.exs", "assets/node_modules"),
        ("lib/shop_web/assets/node_modules/a/b.ex", "lib/shop_web/assets/node_modules"),
        ("_checkouts/cowboy/src/cowboy.erl", "_checkouts"),
    ],
)
def test_other_peoples_folders_are_vendored(path: str, folder: str) -> None:
    assert judge(path, MODULE, LIMITS) == Reject(Stage.FILTER, Reason.VENDORED, folder)


@pytest.mark.parametrize(
    "path",
    [
        "lib/mix/tasks/deps.get.ex",
        "lib/mix/tasks/deps.ex",
        "lib/deps/x.ex",
        "lib/shop/vendor/invoice.ex",
        "lib/hex/deps/graph.ex",
        "src/deps/solver.erl",
        "web/vendor/page.ex",
        "apps/deps/lib/deps.ex",
        "apps/vendor/lib/vendor.ex",
        "test/fixtures/app/deps/a/lib/a.ex",
        "deps.exs",
        "lib/node_modules.ex",
    ],
)
def test_a_packages_own_code_about_dependencies_is_not_vendored(path: str) -> None:
    assert reason(path) is None


def test_a_copy_made_by_hex_cores_vendor_script_is_vendored() -> None:
    head = b"%% Vendored from hex_core v0.10.1 (abc1234), do not edit manually\n\n"
    assert judge("src/r3_hex_tarball.erl", head + b"-module(r3_hex_tarball).\n", LIMITS) == Reject(
        Stage.FILTER,
        Reason.VENDORED,
        "%% Vendored from hex_core v0.10.1 (abc1234), do not edit manually",
    )


def test_a_file_at_the_size_limit_stays_and_one_byte_more_does_not() -> None:
    limits = Limits(file=len(MODULE))
    assert judge("lib/shop.ex", MODULE, limits) is None
    assert judge("lib/shop.ex", MODULE + b"\n", limits) == Reject(
        Stage.FILTER, Reason.OVERSIZED, "61 bytes, the limit is 60"
    )


def test_a_nul_byte_makes_a_file_binary() -> None:
    assert judge("lib/shop.ex", b"\x7fELF\0\0", LIMITS) == Reject(
        Stage.FILTER, Reason.BINARY, "NUL at byte 4"
    )


def test_utf16_is_binary() -> None:
    assert reason("lib/shop.ex", "defmodule Shop do\nend\n".encode("utf-16")) is Reason.BINARY


def test_the_first_byte_that_is_no_utf8_is_named() -> None:
    assert judge("lib/shop.ex", b"# caf\xe9\nx", LIMITS) == Reject(
        Stage.FILTER, Reason.NOT_UTF8, "byte 0xe9 at 5"
    )
    assert judge("lib/shop.ex", b"\xef\xbb\xbf# caf\xe9\nx", LIMITS) == Reject(
        Stage.FILTER, Reason.NOT_UTF8, "byte 0xe9 at 8"
    )


@pytest.mark.parametrize(
    ("path", "raw", "detail"),
    [
        ("lib/shop.ex", b"", "nothing but blanks"),
        ("lib/shop.ex", b" \r\n\t\n", "nothing but blanks"),
        ("lib/shop.ex", b"\xef\xbb\xbf", "nothing but blanks"),
        ("lib/shop.ex", b"# to do\n\n  # later\n", "only comments"),
        ("include/shop.hrl", b"%% Copyright (c) 2020 Somebody\n", "only comments"),
        ("lib/shop.html.heex", b"\n\n", "nothing but blanks"),
    ],
)
def test_a_file_of_blanks_and_comments_is_empty(path: str, raw: bytes, detail: str) -> None:
    assert judge(path, raw, LIMITS) == Reject(Stage.FILTER, Reason.EMPTY, detail)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        (".formatter.exs", b"[]"),
        ("lib/shop.ex", b"\xef\xbb\xbfdefmodule Shop do\nend"),
        ("include/shop.hrl", b"%% limit\n-define(LIMIT, 1)."),
        ("lib/shop.html.heex", b"# Cart"),
    ],
)
def test_a_short_file_with_code_is_not_empty(path: str, raw: bytes) -> None:
    assert reason(path, raw) is None


def test_a_file_is_minified_when_its_median_line_is_too_long() -> None:
    long = b"f(" + b"x, " * 400 + b"x)\n"
    assert judge("lib/shop.ex", long * 3, LIMITS) == Reject(
        Stage.FILTER, Reason.MINIFIED, "the median line has 1204 bytes"
    )
    assert reason("lib/shop.ex", long * 3 + b"ok\n" * 2) is Reason.MINIFIED
    assert reason("lib/shop.ex", long * 3 + b"ok\n" * 4) is None


def test_one_embedded_asset_does_not_make_a_file_minified() -> None:
    assert reason("lib/shop.ex", MODULE + b'@icon "' + b"x" * 100_000 + b'"\n') is None


def test_the_median_line_counts_blank_lines_and_any_line_end() -> None:
    assert median_line_length(b"abcd\r\n\nab\n") == 2.0
    assert median_line_length(b"abcd\nab") == 3.0
    assert median_line_length(b"") == 0.0


@given(st.lists(st.integers(0, 40), max_size=12), st.booleans())
def test_the_quick_look_at_line_lengths_never_changes_the_verdict(
    lengths: list[int], ends: bool
) -> None:
    raw = b"x\n" + b"\n".join(b"x" * length for length in lengths) + b"\n" * ends
    is_minified = reason("a.heex", raw, Limits(line_length=10)) is Reason.MINIFIED
    assert is_minified == (median_line_length(raw) > 10)


def test_text_is_utf8_without_its_mark_and_keeps_its_line_ends() -> None:
    assert decode(b"\xef\xbb\xbfa\r\n\xc3\xa9\n", "elixir") == "a\r\né\n"


@pytest.mark.parametrize(
    "head",
    [
        b"%% -*- coding: latin-1 -*-\n",
        b"#!/usr/bin/env escript\n%% coding: Latin-1\n",
        b"-module(a). % coding = latin1\n",
    ],
)
def test_erlang_that_declares_latin1_is_read_as_latin1(head: bytes) -> None:
    assert decode(head + b"% caf\xe9\n", "erlang") == (head + "% café\n".encode()).decode()
    assert reason("src/a.erl", head + b'-define(A, "caf\xe9").\n') is None


@pytest.mark.parametrize(
    ("raw", "language"),
    [
        (b"%% -*- coding: latin-1 -*-\n% caf\xe9\n", "elixir"),
        (b"%% -*- coding: utf-8 -*-\n% caf\xe9\n", "erlang"),
        (b"% one\n% two\n%% coding: latin-1\n% caf\xe9\n", "erlang"),
        (b"% caf\xe9\n", "erlang"),
    ],
)
def test_latin1_that_is_not_declared_is_no_text(raw: bytes, language: str) -> None:
    decoded = decode(raw, language)
    assert isinstance(decoded, Reject)
    assert decoded.reason is Reason.NOT_UTF8


@given(st.binary(), st.sampled_from(["elixir", "erlang", "heex", "eex", None]))
def test_any_bytes_are_text_or_a_reject(raw: bytes, language: str | None) -> None:
    assert isinstance(decode(raw, language), str | Reject)


@given(st.sampled_from(["lib/a.ex", "src/a.erl", "lib/a.heex", "a.md", "a"]), st.binary())
def test_any_file_gets_a_verdict(path: str, raw: bytes) -> None:
    rejected = judge(path, raw, LIMITS)
    assert rejected is None or rejected.detail
