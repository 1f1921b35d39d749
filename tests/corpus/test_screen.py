"""What a screen excludes, the rules behind it would not have found either."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.filters import Candidate, Limits, data_tags
from corpus.filters.encoded import screen_for
from corpus.filters.generated import may_tell, signature, statement
from corpus.redaction.redacting import FINDERS, LIST, SCREEN, SEAM, join_literals
from corpus.screen import Screen, Words

TOKEN = "kV9w" + "Xq2LmZt7Rb4Y" + "sD8f"
PIECES = (
    *("secret_key_base", "signing_salt", "cookie", "password", "PASS", "pwd:", "token", "Bearer"),
    *("api_key", "apikey", "private-key", "key", "secret", '"salt"', "'cookie'", "passed", "do"),
    *(": ", " => ", "=", " := ", " || ", " <> ", " ++ ", "(", ", do: ", ", ", ":", " ", "\t", "\n"),
    *('"', "'", '"""\n', "~s(", "~c[", "<<", ">>", "\\", "\\\n  ", "\\r\\n", "node(), ", ":a, "),
    *(
        "api",
        TOKEN,
        "9fLq0TzX",
        "p4$$W0rd!",
        "aB3",
        ")",
        "]",
        "}",
        "{",
        "#",
        "%",
        ":QGNWGRCGTCYZWBZSHLHF",
        "\u00e9",
        "\v",
        "\f",
    ),
    *("postgres://ada:", "s3cr3tPw", "@db.shop.io", "ada@shop.io", "@", ".", "93.184.216.34"),
    *("{93, 184, 216, 34}", "{8,8,8,8}", "host ", "2606:2800:220:1:248:1893:25c8:1946", "kty"),
    *('"d": "', "Base.decode64!(", "Basic ", "YWRhOng5S2xxUDJ6VnQ4Um0=", "-----BEGIN "),
    *("PRIVATE KEY-----\n", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7", "\n-----END "),
    *("{0x2606, 0x2800, 0x220, 0x1, 0x248, 0x1893, 0x25c8, 0x1946}", "@private", "@hidden"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
SAID = (
    *(
        "# ",
        "%% ",
        "\n",
        "\n\n",
        " ",
        ".",
        ",",
        "'",
        "do not",
        "don't",
        "Never",
        "to",
        "be",
        "ever",
    ),
    *("manually", "hand", "edit", "modify", "changed", "touch", "alter", "this file", "@doc "),
    *("generated", "generates", "lost", "overwritten", "automatically ", "machine ", "created"),
    *("written", "by mix gen.data", "x = 1\n", 'defmodule A do\n  @moduledoc """\n', '  """\n'),
    *(
        "-moduledoc(",
        "-module(a).\n",
        "This module was ",
        "Auto",
        '-file("a.yrl",',
        "use Protobuf, ",
    ),
    *("def a, do: 1\n", "\u00a0", "\t", 'protoc_gen_elixir_version: "0.1', "by hand", "\r\n"),
)
HEADS = st.lists(st.sampled_from(SAID), max_size=16).map("".join)


@given(st.lists(st.integers(0, 400), max_size=20), st.integers(1, 400))
def test_a_long_run_is_found_wherever_it_is(lengths: list[int], least: int) -> None:
    raw = b"-".join(b"xy" * (length // 2) + b"x" * (length % 2) for length in lengths)
    screen = Screen({"run": b"[xy]{%d}" % least, "none": b"z"})
    assert screen(raw) == ({"run"} if any(length >= least for length in lengths) else set())


@given(st.lists(st.sampled_from((b"ab", b"bab", b" ! ", b"!", b".a", b"xa", b" ")), max_size=12))
def test_every_place_of_every_word_is_found(pieces: list[bytes]) -> None:
    text, words = b"".join(pieces), (b"ab", b"bab", b" ! ", b".a")
    places = [
        (offset, number)
        for offset in range(len(text))
        for number, word in enumerate(words)
        if text.startswith(word, offset)
    ]
    assert Words(words)(text) == places


@pytest.mark.parametrize("language", ["elixir", "erlang"])
@given(text=TEXTS)
@example(text=f'Set the API\nkey: "{TOKEN}"\n')
@example(text='"ecto://ada:\u00c5q8Zr4LmT9xWc@db.shop.io"')
@example(text='token: "\u00c5q8Zr4LmT9xWc2VbN"')
def test_what_redaction_would_find_is_never_screened_out(language: str, text: str) -> None:
    raw = text.encode()
    signs = SCREEN(raw)
    joined = join_literals(raw, language).text
    assert signs & {SEAM, LIST} or joined == raw
    signs = SCREEN(joined)
    for finder in FINDERS:
        if next(finder.find(joined), None) is not None:
            assert finder.find.__name__ in signs


@pytest.mark.parametrize("language", ["elixir", "erlang"])
@given(head=HEADS)
def test_what_says_that_a_file_is_generated_is_never_screened_out(language: str, head: str) -> None:
    raw = head.encode()
    if statement(language, raw) or signature(Candidate("a", raw, language), raw):
        assert may_tell(raw)


@given(st.lists(st.sampled_from(["1, ", "0x1f ", "ab ", '"""\n', "<svg>", " d=", "~w(", ")"])))
def test_data_is_found_with_limits_of_any_size(pieces: list[str]) -> None:
    raw = "".join(pieces).encode()
    small = Limits(numbers=2, encoded=4, encoded_numbers=2, drawing=4, fixture=8)
    huge = Limits(numbers=10**9, encoded=10**9, encoded_numbers=10**9)
    assert data_tags(raw, huge) == []
    runs = re.search(rb"(?:\d, ){2}\d", raw)
    assert runs is None or data_tags(raw, small)


def test_one_screen_reads_in_several_threads() -> None:
    screen = screen_for(Limits())
    texts = [b"x" * 600, b"y = 1", b'"""' * 10] * 200
    expected = [screen(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(screen, texts)) == expected
