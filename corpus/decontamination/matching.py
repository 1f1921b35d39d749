"""When a text holds a problem of a benchmark: grams of words, and grams of code without names.

A gram is a run of `GRAM` tokens. Two kinds are compared, since each misses what the other finds:

- **words**: runs of words and numbers in all of a text, comments and documentation as well, without
  punctuation. So a copy is found however it is formatted, unless its names are changed.
- **structure**: runs of tokens of the code, without comments and documentation, in which a name
  stands for nothing but the distance to its last occurrence in the gram (Baker, "A theory of
  parameterized pattern matching", STOC 1993). Reserved words, punctuation, numbers, modules of the
  standard library and the functions called on them stay, because they cannot be renamed.

A share of the grams of a passage has to be there, close together. Grams that say nothing are not
compared: of few different words, as in number tables; of structure that is mostly names; and those
that more than `COMMON` problems of a benchmark have, which is the benchmark's boilerplate. A
passage of fewer than `GRAM` words has no grams of words, and one with fewer than `LEAST` grams of
structure is not compared by it, since short code is alike by chance.
"""

import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.decontamination.benchmarks import Benchmark
from corpus.fingerprint import Hashes, comment_blocks, runs, tokenize
from corpus.fingerprint.tokens import mix
from corpus.markdown import blocks
from corpus.source import PROSE

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

GRAM: Final = 13
"""Tokens in a gram, of either kind."""
COMMON: Final = 1000
"""Problems of one benchmark that may have a gram before it counts as boilerplate."""
DIFFERENT: Final = 6
"""Different words, numbers not counted, in a gram of words that says something."""
TELLING: Final = 2
"""Reserved words, numbers and calls of the standard library in a gram of structure that says
something."""
LEAST: Final = 20
"""Grams of structure in a passage that is compared by them."""
BATCH_BYTES: Final = 256_000
"""Bytes of text that are compared at once: fast, and in little memory."""
SPREAD: Final = 2
"""How much longer than the passage the code with its grams may be."""

RESERVED: Final = frozenset(
    b"after and assert begin catch case cond def defdelegate defexception defguard defimpl "
    b"defmacro defmacrop defmodule defp defprotocol defstruct describe do else end false fn for "
    b"fun if import in nil not of or quote raise receive refute require rescue setup test true "
    b"try unless unquote use when with xor div rem band bor bnot".split()
)
"""Words of Elixir and Erlang that nobody renames."""
STANDARD: Final = frozenset(
    b"Access Agent Application Atom Base Bitwise Calendar Code Date DateTime DynamicSupervisor "
    b"Enum ExUnit File Float Function GenServer IO Integer Kernel Keyword List Logger Map MapSet "
    b"Module NaiveDateTime Node Path Process Range Regex Registry Stream String StringIO "
    b"Supervisor System Task Time Tuple URI Version".split()
)
"""Modules of Elixir's standard library. What is called on them cannot be renamed either."""
OTP: Final = frozenset(
    b"application array binary calendar code crypto dict digraph epp erlang error_logger ets file "
    b"filelib filename gb_sets gb_trees gen_event gen_server gen_statem gen_tcp init inet io "
    b"io_lib lists logger maps math orddict ordsets os persistent_term proc_lib proplists queue "
    b"rand re sets string supervisor sys timer unicode uri_string zlib".split()
)
"""Modules of Erlang's standard library; each is one only where something is called on it."""
_DOCUMENTATION_TEXT: Final = (
    rb'[ \t]+(?:~[sS])?(?:"""[^\n]*\n(?:(?![ \t]*""")[^\n]*\n)*(?:[ \t]*"""|[^\n]*\Z)'
    rb'|"(?!"")(?:[^"\\\n]|\\[^\n])*")'
)
DOCUMENTATION: Final = {
    "elixir": re.compile(rb"@(?:module|type)?doc" + _DOCUMENTATION_TEXT),
    "erlang": re.compile(rb"\n-(?:module)?doc" + _DOCUMENTATION_TEXT),
}
"""Documentation as it is nearly always written. What is not closed goes on to the end of the text,
so that each line is looked at once."""

WORDS, STRUCTURE = "words", "structure"
"""The kinds of grams."""

INDEXED: Final = pa.schema(
    [
        *(("benchmark", pa.string()), ("problem", pa.string()), ("part", pa.string())),
        *(("length_in_words", pa.int64()), (WORDS, pa.list_(pa.uint64()))),
        *(("length_in_tokens", pa.int64()), (STRUCTURE, pa.list_(pa.uint64()))),
    ]
)
"""One row a passage, with its grams, sorted and unique."""


def _set_of(characters: bytes) -> Flags:
    flags = np.zeros(256, dtype=bool)
    flags[[*characters]] = True
    return flags


_DIGITS: Final = string.digits.encode()
_NUMBER: Final = _set_of(_DIGITS)
_NAME: Final = _set_of(string.ascii_letters.encode() + b"_" + bytes(range(128, 256)))
_NAMES: Final = mix(np.arange(GRAM, dtype=np.uint64) + np.uint64(1 << 60))
"""What stands for a name: number n for one that was n tokens before, number 0 for a new one."""
_FACTOR: Final = np.uint64(0xFF51AFD7ED558CCD)
_DOT: Final = tokenize(b".").hashes()[0]
_COLON: Final = tokenize(b":").hashes()[0]


class Sieve:
    """A set of well-mixed 64-bit hashes. Most others are told apart by one look at a table."""

    def __init__(self, keys: Hashes) -> None:
        self.keys = np.unique(keys)
        bits = min(24, max(12, 5 + len(self.keys).bit_length()))
        self._byte, self._bit = np.uint64(64 - bits + 3), np.uint64(64 - bits)
        where = (self.keys >> self._bit).astype(np.int64)
        table = np.zeros(1 << bits, dtype=np.uint8)
        table[where] = 1
        self._table = np.packbits(table, bitorder="little")

    def places(self, hashes: Hashes) -> Places:
        """Return where hashes are in the set, ascending."""
        if not len(self.keys) or not len(hashes):
            return np.empty(0, dtype=np.int64)
        bits = ((hashes >> self._bit) & np.uint64(7)).astype(np.uint8)
        seen = self._table.take((hashes >> self._byte).astype(np.int64)) >> bits
        seen &= 1
        maybe = seen.nonzero()[0]
        there = self.keys.searchsorted(hashes[maybe])
        found: Places = maybe[self.keys.take(there, mode="clip") == hashes[maybe]]
        return found


def _hashes_of(words: Iterable[bytes]) -> Hashes:
    return tokenize(b" ".join(sorted(words))).hashes()


_RESERVED: Final = Sieve(_hashes_of(RESERVED | STANDARD))
_STANDARD: Final = Sieve(_hashes_of(STANDARD))
_OTP: Final = Sieve(_hashes_of(OTP))


class Text(NamedTuple):
    """A text and its language; structure is compared only of a text with one."""

    data: bytes
    language: str | None


class Grams(NamedTuple):
    """Grams of several texts: hashes, which text each is of, and the bytes that it spans there.

    `places` counts the words or the tokens of code before it, of all texts. `tells` is true for a
    gram that says something.
    """

    hashes: Hashes
    texts: Places
    places: Places
    starts: Places
    ends: Places
    tells: Flags


def grams_of(texts: Sequence[Text], among: "Index | None" = None) -> tuple[Grams, Grams]:
    """Return the grams of words and those of structure of some texts, or only those of an index.

    Of the latter `tells` is true, because an index has no others.
    """
    tokens = tokenize(*(text.data for text in texts))
    hashes = tokens.hashes()
    first = np.frombuffer(tokens.text, np.uint8).take(tokens.starts)
    is_name, is_number = _NAME.take(first), _NUMBER.take(first)
    owners = np.arange(len(texts)).repeat(np.diff(tokens.bounds))
    starts = tokens.starts - tokens.offsets.take(owners)

    def placed(found: Hashes, places: Places, sieve: Sieve | None, telling: Places | None) -> Grams:
        """Return the grams that begin at some places and are of one text as a whole."""
        chosen = np.arange(len(found)) if sieve is None else sieve.places(found)
        begin, end = places.take(chosen), places.take(chosen + (GRAM - 1))
        is_whole = owners.take(begin) == owners.take(end)
        chosen, begin, end = chosen[is_whole], begin[is_whole], end[is_whole]
        tells = np.ones(len(chosen), bool) if telling is None else telling.take(chosen) > 0
        ends = starts.take(end) + tokens.lengths.take(end)
        hashes_and_owners = found.take(chosen), owners.take(begin)
        return Grams(*hashes_and_owners, chosen, starts.take(begin), ends, tells)

    words = (is_name | is_number).nonzero()[0]
    values = hashes.take(words)
    code = _code(texts, owners, starts)
    kept = hashes.take(code)
    is_free = _free(kept, is_name.take(code), tokens.starts.take(code))
    tells: tuple[Places | None, Places | None] = None, None
    if among is None:
        fixed = (is_name | is_number).take(code) & ~is_free
        tells = (
            _different(values, (is_name & (tokens.lengths > 1)).take(words)) // DIFFERENT,
            _sums(fixed.astype(np.int64)) // TELLING,
        )
    sieves = (None, None) if among is None else (among.words.sieve, among.structure.sieve)
    return (
        placed(runs(values, GRAM), words, sieves[0], tells[0]),
        placed(_structure(kept, is_free), code, sieves[1], tells[1]),
    )


def _code(texts: Sequence[Text], owners: Places, starts: Places) -> Places:
    """Return the places of the tokens of code, which are in no comment and no documentation.

    Of a guide they are those of its code blocks.
    """
    is_code = np.ones(len(owners), dtype=bool)
    bounds = owners.searchsorted(np.arange(len(texts) + 1)).tolist()
    for text, (begin, end) in zip(texts, pairwise(bounds), strict=True):
        if text.language is None:
            is_code[begin:end] = False
            continue
        if text.language in PROSE:
            is_code[begin:end] = False
            for block in blocks(text.data):
                left, right = starts[begin:end].searchsorted([block.start_byte, block.end_byte])
                is_code[begin + left : begin + right] = True
            continue
        spans = list(comment_blocks(text.data, text.language))
        if text.language in DOCUMENTATION:
            spans += (m.span() for m in DOCUMENTATION[text.language].finditer(text.data))
        if spans:
            edges = begin + starts[begin:end].searchsorted(np.array(spans))
            for left, right in edges.tolist():
                is_code[left:right] = False
    return is_code.nonzero()[0]


def _free(values: Hashes, is_name: Flags, starts: Places) -> Flags:
    """Return which tokens are names that may be changed."""
    is_free = is_name.copy()
    is_free[_RESERVED.places(values)] = False
    padded = np.concatenate([values, np.zeros(2, np.uint64)])

    def keep(called: Places) -> None:
        is_free[called] = False
        is_free[called[called + 2 < len(values)] + 2] = False

    named = _STANDARD.places(values)
    keep(named[padded.take(named + 1) == _DOT])
    named = _OTP.places(values)
    # lists:sum(list) in Erlang, unlike `lists: sum`, and :lists.sum(list) in Elixir.
    touches = np.diff(starts, append=0) == 1
    after = padded.take(named + 1)
    keep(named[(after == _COLON) & touches.take(np.minimum(named + 1, len(values) - 1))])
    before = padded.take(named - 1, mode="clip")
    keep(named[(named > 0) & (after == _DOT) & (before == _COLON)])
    return is_free


def _distances(values: Hashes) -> npt.NDArray[np.uint8]:
    """Return how many tokens before each the same one is, 0 if it is not in a gram with it."""
    distances = np.zeros(len(values), dtype=np.uint8)
    short = values.astype(np.uint32)  # half the bytes to compare, and still well mixed
    for distance in range(min(GRAM, len(values)) - 1, 0, -1):
        is_same = short[distance:] == short[:-distance]
        np.copyto(distances[distance:], np.uint8(distance), where=is_same)
    return distances


def _structure(values: Hashes, is_free: Flags) -> Hashes:
    """Return the hashes of all runs of `GRAM` tokens, in which free names are distances."""
    count = max(0, len(values) - GRAM + 1)
    distances = _distances(values)
    distances[~is_free] = 0
    seen = np.where(is_free, _NAMES.take(distances), values)
    new = np.where(is_free, _NAMES[0], values)
    windows: Hashes = new[:count].copy()
    for place in range(1, GRAM):
        windows *= _FACTOR
        within = distances[place : place + count] <= place
        windows += np.where(within, seen[place : place + count], new[place : place + count])
    return mix(windows)


def _different(values: Hashes, is_name: Flags) -> Places:
    """Return the number of different names in every run of `GRAM` words."""
    count = max(0, len(values) - GRAM + 1)
    distances = _distances(values)
    found = np.zeros(count, dtype=np.int64)
    for place in range(GRAM):
        before = distances[place : place + count]
        found += is_name[place : place + count] & ((before == 0) | (before > place))
    return found


def _sums(values: Places) -> Places:
    """Return the sum of every run of `GRAM` values."""
    sums = np.concatenate([[0], values.cumsum()])
    return sums[GRAM:] - sums[:-GRAM] if len(values) >= GRAM else np.empty(0, dtype=np.int64)


def index_of(benchmarks: Sequence[Benchmark]) -> pa.Table:
    """Return the grams of every passage that can be compared, as `INDEXED`."""
    return pa.concat_tables([INDEXED.empty_table(), *map(_indexed, benchmarks)])


def _indexed(benchmark: Benchmark) -> pa.Table:
    rows = [(problem, each) for problem in benchmark.problems for each in problem.passages]
    if not rows:
        return INDEXED.empty_table()
    numbers = np.arange(len(benchmark.problems)).repeat(
        [len(problem.passages) for problem in benchmark.problems]
    )
    texts = [Text(each.text.encode(), each.language) for _, each in rows]
    kinds = _in_batches(texts)
    lists = [_by_text(_telling(each, numbers), len(texts)) for each in kinds]
    lengths = [np.bincount(each.texts, minlength=len(texts)) + (GRAM - 1) for each in kinds]
    return pa.table(
        {
            "benchmark": [benchmark.name] * len(rows),
            "problem": [problem.name for problem, _ in rows],
            "part": [each.part for _, each in rows],
            "length_in_words": lengths[0],
            "length_in_tokens": lengths[1],
            WORDS: lists[0],
            STRUCTURE: [each if len(each) >= LEAST else each[:0] for each in lists[1]],
        },
        schema=INDEXED,
    )


class _Found(NamedTuple):
    """Grams by the text that they are of, without their places."""

    hashes: Hashes
    texts: Places
    tells: Flags


def _in_batches(texts: Sequence[Text]) -> list[_Found]:
    """Return the grams of words and of structure; tokens of all texts at once take much memory."""
    kinds: tuple[list[_Found], list[_Found]] = [], []
    begin, size = 0, 0
    for end, text in enumerate(texts, 1):
        size += len(text.data)
        if size > BATCH_BYTES or end == len(texts):
            for found, grams in zip(kinds, grams_of(texts[begin:end]), strict=True):
                found.append(_Found(grams.hashes, grams.texts + begin, grams.tells))
            begin, size = end, 0
    return [_Found(*map(np.concatenate, zip(*found, strict=True))) for found in kinds]


def _telling(grams: _Found, numbers: Places) -> _Found:
    """Leave out grams that say nothing; `numbers` has the problem of each text."""
    problems = numbers.take(grams.texts)
    order = np.lexsort((problems, grams.hashes))
    hashes, problems = grams.hashes[order], problems[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = hashes[1:] != hashes[:-1]
    is_pair = is_new.copy()
    is_pair[1:] |= problems[1:] != problems[:-1]
    held = np.bincount(is_new.cumsum() - 1, is_pair)
    is_rare = held.take(hashes[is_new].searchsorted(grams.hashes)) <= COMMON
    chosen = (grams.tells & is_rare).nonzero()[0]
    return _Found(*(column.take(chosen) for column in grams))


def _by_text(grams: _Found, texts: int) -> list[Hashes]:
    bounds = grams.texts.searchsorted(np.arange(texts + 1)).tolist()
    return [np.unique(grams.hashes[begin:end]) for begin, end in pairwise(bounds)]


class Kind:
    """The grams of one kind of all passages."""

    def __init__(self, lists: pa.ChunkedArray, lengths: pa.ChunkedArray) -> None:
        self.lengths: list[int] = lengths.to_pylist()
        flat = lists.combine_chunks()
        grams = pc.list_flatten(flat).to_numpy()
        passages = pc.list_parent_indices(flat).to_numpy()
        order = grams.argsort(kind="stable")
        self.sieve = Sieve(grams)
        self.counts: Places = np.bincount(passages, minlength=len(flat))
        self._passages = passages[order]
        self._bounds = grams[order].searchsorted(self.sieve.keys).astype(np.int64)
        self._bounds = np.append(self._bounds, len(order))

    def pairs(self, hashes: Hashes) -> tuple[Places, Places]:
        """Return each place of `hashes` with every passage that has the gram.

        All have to be in the sieve.
        """
        keys = self.sieve.keys.searchsorted(hashes)
        begin, sizes = self._bounds.take(keys), np.diff(self._bounds).take(keys)
        places = np.arange(len(hashes)).repeat(sizes)
        within = np.arange(len(places)) - (sizes.cumsum() - sizes).repeat(sizes)
        return places, self._passages.take(begin.repeat(sizes) + within)


class Index:
    """The passages of benchmarks, by their grams."""

    def __init__(self, table: pa.Table) -> None:
        self.words = Kind(table[WORDS], table["length_in_words"])
        self.structure = Kind(table[STRUCTURE], table["length_in_tokens"])
        columns = (table[name].to_pylist() for name in ("benchmark", "problem", "part"))
        self.passages: list[tuple[str, str, str]] = list(zip(*columns, strict=True))

    def comparable(self) -> list[tuple[str, str, str]]:
        """Return benchmark, problem and part of the passages that have grams."""
        has_grams = (self.words.counts > 0) | (self.structure.counts > 0)
        return [self.passages[place] for place in has_grams.nonzero()[0].tolist()]


class Shares(NamedTuple):
    """The shares of the grams of a passage, from 0 to 1, from which on a text holds it."""

    words: float = 0.06
    structure: float = 0.6


class Match(NamedTuple):
    """A passage in a text: how it was found, how many of its grams, and the bytes they span."""

    text: int
    passage: int
    kind: str
    grams: int
    of: int
    start: int
    end: int


def matches(texts: Sequence[Text], index: Index, shares: Shares) -> list[Match]:
    """Return the passages that texts hold, in the order of texts and passages.

    A passage that is there twice is told once.
    """
    if not index.passages or not texts:
        return []
    words, structure = grams_of(texts, index)
    compared = (
        (WORDS, words, index.words, shares.words),
        (STRUCTURE, structure, index.structure, shares.structure),
    )
    found = []
    for name, grams, kind, share in compared:
        least = np.maximum(1, np.ceil(share * kind.counts)).astype(np.int64)
        for text, passage, hits in _by_passage(grams, kind, least):
            close = _closest(grams, hits, SPREAD * kind.lengths[passage])
            if len(np.unique(grams.hashes[close])) >= least[passage]:
                found.append(_match(text, passage, name, grams, close, kind))
    return sorted(found)


def _by_passage(grams: Grams, kind: Kind, least: Places) -> Iterator[tuple[int, int, Places]]:
    """Yield text, passage and the places of their common grams, if they are at least as many."""
    if not len(grams.hashes):
        return
    places, passages = kind.pairs(grams.hashes)
    texts = grams.texts.take(places)
    order = np.lexsort((places, passages, texts))
    places, passages, texts = places[order], passages[order], texts[order]
    is_new = (np.diff(texts) != 0) | (np.diff(passages) != 0)
    begin = np.concatenate([[0], is_new.nonzero()[0] + 1])
    end = np.append(begin[1:], len(places))
    enough = (end - begin) >= least.take(passages.take(begin))
    for first, last in zip(begin[enough].tolist(), end[enough].tolist(), strict=True):
        yield int(texts[first]), int(passages[first]), places[first:last]


def _match(text: int, passage: int, name: str, grams: Grams, hits: Places, kind: Kind) -> Match:
    """Return a match with the longest span of grams that overlap or touch."""
    positions = grams.places.take(hits)
    gaps = (np.diff(positions) > GRAM).nonzero()[0] + 1
    spans = list(pairwise([0, *gaps.tolist(), len(hits)]))
    begin, end = max(spans, key=lambda span: (span[1] - span[0], -span[0]))
    return Match(
        text=text,
        passage=passage,
        kind=name,
        grams=len(np.unique(grams.hashes.take(hits))),
        of=int(kind.counts[passage]),
        start=int(grams.starts[hits[begin]]),
        end=int(grams.ends[hits[end - 1]]),
    )


def _closest(grams: Grams, hits: Places, width: int) -> Places:
    """Return those hits in one window of `width` tokens that have the most different grams."""
    positions = grams.places.take(hits)
    if not len(hits) or positions[-1] - positions[0] < width:
        return hits
    values = grams.hashes.take(hits).tolist()
    inside = Counter[int]()
    best, first, begin = 0, 0, 0
    last = 0
    for end, value in enumerate(values):
        inside[value] += 1
        while positions[end] - positions[begin] >= width:
            inside[values[begin]] -= 1
            if not inside[values[begin]]:
                del inside[values[begin]]
            begin += 1
        if len(inside) > best:
            best, first, last = len(inside), begin, end
    return hits[first : last + 1]
