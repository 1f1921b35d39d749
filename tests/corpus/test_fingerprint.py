"""Fingerprints: which edits leave a file the same, and that datasketch would sign it alike."""

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.fingerprint import (
    Code,
    Fingerprint,
    FingerprintConfig,
    UnknownLanguage,
    fingerprint,
    fingerprints,
    signature,
    tokenize,
)
from corpus.fingerprint.tokens import digests_of_runs
from tests.corpus.reference_tokens import reference_tokens

CONFIG = FingerprintConfig()
MODULE = b"""defmodule Counter do
  use GenServer

  def handle_call(:next, _from, n), do: {:reply, n, n + 1}
end
"""


def elixir(text: bytes, *doc_spans: tuple[int, int]) -> Fingerprint:
    return fingerprint(text, "elixir", doc_spans, CONFIG)


def same(left: Fingerprint, right: Fingerprint) -> bool:
    return (
        left.normalized_id == right.normalized_id
        and left.tokens == right.tokens
        and np.array_equal(left.shingles, right.shingles)
        and np.array_equal(left.signature, right.signature)
    )


def shingle_sets(tokens: list[bytes], size: int) -> set[tuple[bytes, ...]]:
    """All runs of `size` tokens, or the one run there is."""
    runs = max(1, len(tokens) - size + 1) if tokens else 0
    return {tuple(tokens[start : start + size]) for start in range(runs)}


def test_tokens_are_words_and_single_punctuation_bytes() -> None:
    tokens = tokenize('x_1=-1; naïve?("a b")\t'.encode()).values()
    assert tokens == [
        *(
            b"x_1",
            b"=",
            b"-",
            b"1",
            b";",
            "naïve".encode(),
            b"?",
            b"(",
            b'"',
            b"a",
            b"b",
            b'"',
            b")",
        )
    ]


def test_words_of_every_length_are_read_whole() -> None:
    words = [b"w" * length for length in (1, 7, 8, 9, 15, 16, 17, 64, 1000)]
    tokens = tokenize(b" ".join(words))
    assert tokens.values() == words
    assert len(set(tokens.hashes().tolist())) == len(words)


def test_a_long_word_is_hashed_to_its_last_byte_and_in_order() -> None:
    words = [b"a" * 16 + b"b" * 8, b"a" * 8 + b"b" * 8 + b"a" * 8, b"a" * 23 + b"b", b"a" * 24]
    assert len(set(tokenize(b" ".join(words)).hashes().tolist())) == 4


def test_equal_words_hash_alike_wherever_they_stand() -> None:
    hashes = tokenize(b"  GenServer.handle_continue GenServer handle_continue").hashes()
    assert hashes[0] == hashes[3]
    assert hashes[2] == hashes[4]


def test_blanks_and_comments_do_not_count() -> None:
    spread = MODULE.replace(b" ", b"  ").replace(b"\n", b" # note\r\n")
    assert same(elixir(MODULE), elixir(spread))


def test_documentation_does_not_count() -> None:
    doc = b'@moduledoc "Counts."\n'
    at = MODULE.index(b"use")
    documented = MODULE[:at] + doc + MODULE[at:]
    assert same(elixir(MODULE), elixir(documented, (at, at + len(doc))))


def test_a_comment_inside_documentation_is_removed_once() -> None:
    assert same(elixir(b"a b c"), elixir(b"a # doc\n b c", (0, 0), (2, 8), (4, 7)))


def test_a_byte_order_mark_does_not_count() -> None:
    assert same(elixir(MODULE), elixir(b"\xef\xbb\xbf" + MODULE))


def test_what_a_string_says_does_count() -> None:
    assert elixir(b'x = "# one"').normalized_id != elixir(b'x = "# two"').normalized_id


def test_where_tokens_end_does_count() -> None:
    assert elixir(b"ab c").normalized_id != elixir(b"a bc").normalized_id


def test_a_document_without_tokens_has_no_shingles() -> None:
    found = elixir(b"# only a comment\n")
    assert (found.tokens, len(found.shingles)) == (0, 0)
    assert found.signature.tolist() == [2**32 - 1] * 128
    assert same(found, elixir(b""))


@pytest.mark.parametrize("text", [b"a", b"a b", b"a b c", b"a b c d", b"a b c d e"])
def test_a_document_shorter_than_a_shingle_has_one(text: bytes) -> None:
    assert len(elixir(text).shingles) == 1


def test_a_fingerprint_has_known_numbers_so_that_old_ones_stay_comparable() -> None:
    found = elixir(MODULE)
    assert found.tokens == 29
    assert found.normalized_id == "9577cee0f56222a7c600173238d20f96cbf57acb3d2f112692a6fa502a7a955e"
    assert found.shingles[:2].tolist() == [159150169484304093, 890985218356849184]
    assert found.signature[:3].tolist() == [118395151, 266315268, 286413190]


def test_other_sizes_can_be_configured() -> None:
    config = FingerprintConfig(shingle=1, seed=7)
    found = fingerprint(b"a b a", "erlang", (), config)
    assert len(found.shingles) == 2
    assert (
        found.signature.tolist() != fingerprint(b"a b a", "erlang", (), CONFIG).signature.tolist()
    )


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownLanguage, match="'cobol'; known: eex, elixir, erlang, gleam"):
        fingerprint(b"", "cobol", (), CONFIG)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"a", b"bb", b"+", b"\n", b" ", b"long_name_", "é".encode()])))
def test_tokens_equal_the_reference(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    assert tokenize(text).values() == reference_tokens(text)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_tokens_of_any_bytes_equal_the_reference(text: bytes) -> None:
    assert tokenize(text).values() == reference_tokens(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"a", b"b", b"(", b"a_very_long_name_x"]), max_size=60))
def test_shingles_tell_runs_of_tokens_apart(tokens: list[bytes]) -> None:
    found = elixir(b" ".join(tokens)).shingles
    assert len(found) == len(shingle_sets(tokens, 5))
    assert (found[1:] > found[:-1]).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=3000), st.integers(1, 2**32 - 1))
def test_signatures_equal_datasketch(values: list[int], seed: int) -> None:
    shingles = np.unique(np.array(values, dtype=np.uint64))
    reference = MinHash(num_perm=128, seed=seed, hashfunc=int)
    reference.update_batch((shingles & np.uint64(2**32 - 1)).tolist())
    assert signature(shingles, 128, seed).tolist() == reference.hashvalues.tolist()


def test_signatures_of_large_files_equal_datasketch() -> None:
    values = np.unique(np.random.default_rng(7).integers(0, 2**64, 10_000, dtype=np.uint64))
    for count in (4_096, 4_097, 10_000, 5):
        reference = MinHash(num_perm=128, seed=1, hashfunc=int)
        reference.update_batch((values[:count] & np.uint64(2**32 - 1)).tolist())
        assert signature(values[:count], 128, 1).tolist() == reference.hashvalues.tolist()


def functions_of(*sources: str) -> list[int]:
    """Digests of the functions of a file in which each source is one function of one clause."""
    text = "\n".join(sources).encode()
    starts = np.cumsum([0, *(len(source.encode()) + 1 for source in sources)]).tolist()
    spans = [[(at, at + len(each.encode()))] for at, each in zip(starts, sources, strict=False)]
    return list(map(int, fingerprint(text, "elixir", (), CONFIG, spans).functions))


def test_a_function_has_the_same_digest_wherever_it_stands() -> None:
    add, sub = "def add(a, b), do: a + b", "def sub(a, b), do: a - b"
    assert len(functions_of(add, sub)) == 2
    assert set(functions_of(add)) < set(functions_of("def z, do: 1", add, sub))
    assert functions_of(add) == functions_of("def add(a,b),  # plus\n  do: a+b")
    assert functions_of(add, add) == functions_of(add)


@pytest.mark.parametrize(
    "other",
    ["def add(a, b), do: b + a", "def add(a, b), do: a + c", "defp add(a, b), do: a + b", "def"],
)
def test_functions_that_differ_in_a_token_differ(other: str) -> None:
    assert functions_of("def add(a, b), do: a + b") != functions_of(other)


def test_the_clauses_of_a_function_are_one_in_their_order() -> None:
    text = b"def f(0), do: 1\ndef f(n), do: n\n"
    first, second = (0, 15), (16, 31)

    def digests(*functions: list[tuple[int, int]]) -> list[int]:
        return list(map(int, fingerprint(text, "elixir", (), CONFIG, functions).functions))

    assert len(digests([first, second])) == 1
    assert digests([first, second]) != digests([second, first])
    assert len(digests([first], [second], [first, second])) == 3
    assert digests([first], []) == digests([first])
    assert digests() == digests([]) == []


def test_a_function_behind_a_cut_documentation_is_read_where_it_stands() -> None:
    doc, function = '@doc "Adds, ä la carte."\n'.encode(), b"def add(a, b), do: a + b\n"
    spans = [[(len(doc), len(doc + function))]]
    found = fingerprint(doc + function, "elixir", [(0, len(doc))], CONFIG, spans)
    assert found.functions.tolist() == functions_of(function.decode().strip())


runs = st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=3), max_size=6)


@given(text=st.binary(max_size=40), groups=runs)
def test_digests_of_functions_are_equal_where_the_tokens_are(
    text: bytes, groups: list[list[tuple[int, int]]]
) -> None:
    """Against the tokens of the clauses themselves, as text."""
    spans = [[(min(span), max(span)) for span in group] for group in groups]
    tokens = tokenize(text)
    told = {
        tuple(
            tuple(
                token
                for token, start in zip(tokens.values(), tokens.starts.tolist(), strict=True)
                if first <= start < end
            )
            for first, end in group
        )
        for group in spans
        if group
    }
    found, bounds = digests_of_runs(tokens, tokens.hashes(), [spans])
    assert bounds.tolist() == [0, len(found)]
    assert len(found) == (len(told) if len(tokens) else 0)


WORDS = [b"a", b"bb", b"+", b"\n", b" ", b"nine_long", b"w" * 17, b"w" * 40, "é".encode()]
files = st.lists(
    st.tuples(
        st.one_of(st.binary(max_size=30), st.lists(st.sampled_from(WORDS)).map(b"".join)),
        st.lists(st.lists(st.tuples(st.integers(0), st.integers(0)), max_size=3), max_size=4),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(files, st.integers(1, 6))
def test_files_fingerprinted_together_are_as_alone(
    files: list[tuple[bytes, list[list[tuple[int, int]]]]], size: int
) -> None:
    config = FingerprintConfig(shingle=size)
    codes = []
    for text, groups in files:
        ends = [
            [sorted(edge % (len(text) + 1) for edge in run) for run in group] for group in groups
        ]
        codes.append(Code(text, [[(first, last) for first, last in group] for group in ends]))
    for together, code in zip(fingerprints(codes, config), codes, strict=True):
        (alone,) = fingerprints([code], config)
        assert same(together, alone)
        assert together.functions.tolist() == alone.functions.tolist()


def test_large_files_fingerprinted_together_are_as_alone() -> None:
    numbers = np.random.default_rng(5).integers(0, 9_999, 40_000).tolist()
    texts = [" ".join(map(str, numbers[:count])).encode() for count in (40_000, 3, 9_000, 0, 4_100)]
    together = fingerprints([Code(text) for text in texts], CONFIG)
    for found, text in zip(together, texts, strict=True):
        assert same(found, fingerprints([Code(text)], CONFIG)[0])
