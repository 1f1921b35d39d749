r"""Find data in source: tables, word lists, drawings, dumps, fixtures.

Half a megabyte of coordinates in a heredoc is useless for learning Elixir. A span is always inside
a literal and has balanced brackets: in `[{1, 2}, {3, 4}]` it is the text between the outer
brackets. A file that parsed before therefore still parses with the word that replaces the span
(`corpus.filters.encoded`). Small tables, documentation, and names (atoms, also as keys) are code,
and are kept.

Every pattern runs once over the file: its repetitions have no minimum count and end where the
character class ends, so that no byte is read twice.
"""

import re
import string
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from corpus.filters.verdict import Limits, Redaction

FIGURE = (
    rb"(?:[-+]?(?:0[xob][0-9A-Fa-f_]{1,40}|[0-9][0-9_]{0,40}(?:\#[0-9A-Za-z]{1,40}|\.[0-9]{1,40})?"
    rb"(?:[eE][-+]?[0-9]{1,4})?)|U\+[0-9A-F]{1,8})(?![\w\#@])"
)
"""A number of any size in Elixir's, Erlang's or Unicode's notation."""
FIGURES = re.compile(
    rb"(?<![\w\#@])(?<!\w\.)" + FIGURE + rb"(?:(?:[\s,;(){}\[\]<>]|\.\.|::?(?=[0-9]))+"
    rb"" + FIGURE + rb")*",
    re.ASCII,
)
"""Numbers, and the characters between them in lists, tuples, binaries (with the sizes of their
parts), ranges or text.
"""
STRING = rb'"(?:[^"\\\n#]|\\[^\n]|#(?!\{)){0,200}"'
"""Without interpolation."""
BINARY = rb"(?:<<" + STRING + rb"(?:/utf8)?>>|(?:~[cs])?" + STRING + rb")"
LITERAL = rb"(?:" + BINARY + rb"|:[a-zA-Z]\w{0,60}|" + FIGURE + rb")"
NAME = rb"(?:[a-z]\w{0,60}|'[^'\\\n]{0,60}')(?![\w(.:])"
LITERALS = re.compile(
    LITERAL + rb"(?:[\s{}\[\]]*,[\s{}\[\]]*(?:" + LITERAL + rb"|" + NAME + rb"))*(?![\w\"])",
    re.ASCII,
)
"""Strings, atoms and numbers in a list, or in a list of lists or tuples."""
ATOM = re.compile(rb":[a-zA-Z]\w{0,60}|(?<![\w:\#])" + NAME)
FIGURE_ALONE = re.compile(rb"(?<![\w\#@])" + FIGURE, re.ASCII)
BRACKET = re.compile(rb"[(){}\[\]<>]")
CLOSES = {b")": b"(", b"}": b"{", b"]": b"[", b">": b"<"}


WORD = (string.ascii_letters + string.digits).encode()
LONGEST_RUN = 1_000
"""Of a longer run its beginning is searched: few files have one that does not go on, and Hyperscan
repeats a class at most 32,767 times.
"""


def run_of(characters: bytes, least: int) -> bytes:
    """Return a pattern for so many bytes of some characters."""
    return rb"[%b]{%d}" % (re.escape(characters), min(least, LONGEST_RUN))


BLANK = b" \t\r\n"
QUOTES = {quotes: re.compile(quotes) for quotes in (b'"""', b"'''")}
HEREDOC_END = {quotes: re.compile(rb"\n[ \t]*" + quotes) for quotes in QUOTES}
CODE_LINE = re.compile(rb"\n[^\"'(=\n]*[(=](?=[^\"'\n]*\n)")
"""A line up to a call or an equals sign outside of strings, which ends a list of literals."""


@lru_cache(maxsize=64)
def data_signs(limits: Limits) -> dict[str, bytes]:
    """Return the patterns for `corpus.screen` without which the rules below find nothing."""
    run = 2 * limits.numbers - 1
    figures = string.hexdigits.encode() + b"#xoU+-_.,:;(){}[]<>" + BLANK
    return {
        "tables": run_of(figures, run),
        "word_sigils": run_of(WORD + b"_'.@/+-\v\f" + BLANK, run),
        "drawings": b"<(?:p|svg)",
        "heredocs": b"|".join(QUOTES),
    }


def data_spans(raw: bytes, limits: Limits, signs: set[str]) -> Iterator[Redaction]:
    """Find the spans of each rule; spans of different rules may overlap."""
    if "tables" in signs:
        yield from tables(raw, limits)
    commas = raw.count(b",") if len(raw) >= 2 * limits.numbers - 1 else 0
    if commas + 1 >= limits.numbers:
        strings = raw.count(b'",') + raw.count(b">>,")
        is_dense = 2 * strings >= limits.numbers or 2 * raw.count(b"},") + 2 >= limits.numbers
        if is_dense and may_list(raw, limits):
            yield from lists(raw, limits)
    if 2 * commas + 2 >= limits.numbers and 2 * raw.count(b"=>") >= limits.numbers:
        yield from maps(raw, limits)
    if b"~" in raw and "word_sigils" in signs:
        yield from word_sigils(raw, limits)
    if "drawings" in signs and may_draw(raw):
        yield from drawings(raw, limits)
    if "heredocs" in signs:
        for quotes in QUOTES:
            yield from heredocs(raw, quotes, limits)


# Tables and lists -------------------------------------------------------------------------------


def tables(raw: bytes, limits: Limits) -> Iterator[Redaction]:
    """Yield runs of at least `limits.numbers` numbers."""
    for match in FIGURES.finditer(raw):
        if match.end() - match.start() >= 2 * limits.numbers - 1:
            for start, end in balanced_parts(raw, *match.span(), least=limits.numbers):
                if sum(1 for _ in FIGURE_ALONE.finditer(raw, start, end)) >= limits.numbers:
                    yield Redaction("numbers", start, end)


def may_list(raw: bytes, limits: Limits) -> bool:
    """Return whether there are enough commas between two lines of code; few files have them."""
    ends = [0, *(match.end() for match in CODE_LINE.finditer(raw)), len(raw)]
    return any(raw.count(b",", *part) + 1 >= limits.numbers for part in pairwise(ends))


def lists(raw: bytes, limits: Limits) -> Iterator[Redaction]:
    """Yield lists of at least `limits.numbers` literals, mostly numbers or mostly strings.

    Lists of atoms are names in a program, and are kept.
    """
    for match in LITERALS.finditer(raw):
        if raw.count(b",", *match.span()) + 1 < limits.numbers:
            continue
        for start, end in balanced_parts(raw, *match.span(), least=limits.numbers):
            part = raw[start:end]
            bare, strings = re.subn(BINARY, b"", part)
            figures = sum(1 for _ in FIGURE_ALONE.finditer(bare))
            atoms = sum(1 for _ in ATOM.finditer(bare))
            if strings + figures >= max(limits.numbers, 2 * atoms):
                yield Redaction("words" if strings > figures else "numbers", start, end)


KEY = rb"(?:" + BINARY + rb"|" + FIGURE + rb")"
VALUE = rb"(?:" + KEY + rb"|[\[{][\s,0-9A-Fa-fxX_+.-]*[\]}])"
PAIRS = re.compile(
    rb"(?<![\w\#@.<])" + KEY + rb"\s*=>\s*(" + VALUE + rb"(?:\s*,\s*" + KEY + rb"\s*=>\s*"
    rb"" + VALUE + rb")*)(?=\s*[,}])",
    re.ASCII,
)


def maps(raw: bytes, limits: Limits) -> Iterator[Redaction]:
    """Yield maps whose keys and values are numbers, lists of them, or strings.

    The first key is kept, as the key of the replacement.
    """
    for match in PAIRS.finditer(raw):
        bare, strings = re.subn(BINARY, b"", match[0])
        figures = sum(1 for _ in FIGURE_ALONE.finditer(bare))
        if strings + figures >= limits.numbers:
            yield Redaction("words" if strings > figures else "numbers", *match.span(1))


def balanced_parts(raw: bytes, start: int, end: int, least: int = 1) -> Iterator[tuple[int, int]]:
    """Yield the parts of a run of literals that one word can replace.

    The run is first extended by the brackets around it, then divided at unmatched brackets. A part
    is inside its outer brackets and has whole elements; `least` is their minimum number, with a
    byte and a comma each.
    """
    while start and raw[start - 1] in b"([{<":
        start -= 1
    while end < len(raw) and raw[end] in b")]}> \t\r\n":
        end += 1
    pairs, lonely = _brackets(raw, start, end)
    edges = [start - 1, *lonely, end]
    for left, right in pairwise(edges):
        if right - left < 2 * least:
            continue
        first, last = _stripped(raw, left + 1, right)
        while pairs.get(first) == last - 1:
            first, last = _stripped(raw, first + 1, last - 1)
        first, last = _whole_elements(raw, first, last, pairs)
        if first < last:
            yield first, last


def _brackets(raw: bytes, start: int, end: int) -> tuple[dict[int, int], list[int]]:
    """Return where each bracket closes, and the sorted positions of unmatched brackets."""
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    lonely: list[int] = []
    for match in BRACKET.finditer(raw, start, end):
        opening = CLOSES.get(match[0])
        if opening is None:
            waiting.append(match.start())
        elif waiting and raw[waiting[-1] : waiting[-1] + 1] == opening:
            pairs[waiting.pop()] = match.start()
        else:  # Open brackets cannot close after this one.
            lonely += [*waiting, match.start()]
            waiting.clear()
    return pairs, sorted(lonely + waiting)


def _stripped(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Remove blanks and commas at the ends of a span."""
    while start < end and raw[start] in b" \t\r\n,;":
        start += 1
    while start < end and raw[end - 1] in b" \t\r\n,;":
        end -= 1
    return start, end


def _whole_elements(raw: bytes, start: int, end: int, pairs: dict[int, int]) -> tuple[int, int]:
    """Exclude a first or last element that belongs to a larger expression (`f 1, 2 + x`)."""
    before, after = _neighbour(raw, start - 1, -1), _neighbour(raw, end, 1)
    commas = _outer_commas(raw, start, end, pairs)
    if before not in b"[({<,\"'|;:\n" and commas:
        start = commas[0] + 1
    if after not in b"])}>,\"'|;\n" and commas:
        end = commas[-1]
    return _stripped(raw, start, end)


def _neighbour(raw: bytes, at: int, step: int) -> bytes:
    """Return the first byte that is not a blank from a position on, or a line end."""
    while 0 <= at < len(raw) and raw[at] in b" \t\r\n":
        at += step
    return raw[at : at + 1] if 0 <= at < len(raw) else b"\n"


def _outer_commas(raw: bytes, start: int, end: int, pairs: dict[int, int]) -> list[int]:
    commas, at = [], start
    while at < end:
        if raw[at] == ord(","):
            commas.append(at)
        at = pairs.get(at, at) + 1
    return commas


WORD_SIGIL = re.compile(rb"~[wW]([\[({<|])")
PLAIN_WORD = re.compile(rb"[\w'.@/+-]+")
CLOSING = {b"[": b"]", b"(": b")", b"{": b"}", b"<": b">"}


def word_sigils(raw: bytes, limits: Limits) -> Iterator[Redaction]:
    """Yield the content of `~w` sigils with at least `limits.numbers` words."""
    unclosed: set[bytes] = set()
    at = 0
    while opening := WORD_SIGIL.search(raw, at):
        at, delimiter = opening.end(), opening[1]
        if delimiter in unclosed or raw[opening.start() - 1] not in b" \t\n([{,=":
            continue
        end = raw.find(CLOSING.get(delimiter, delimiter), at)
        if end < 0:
            unclosed.add(delimiter)
            continue
        start, at = at, end
        if end - start >= 2 * limits.numbers - 1:
            words = raw[start:end].split()
            if len(words) >= limits.numbers and all(map(PLAIN_WORD.fullmatch, words)):
                yield Redaction("words", *_stripped(raw, start, end))


# Drawings ---------------------------------------------------------------------------------------

# `data_spans` searches for `<path`, `<polygon` and `<polyline`.
SHAPE = re.compile(rb""" (?:d|points)=\\?["']([^"'\\<>{}#]*)""")
"""The outline of an SVG element."""


def drawings(raw: bytes, limits: Limits) -> Iterator[Redaction]:
    """Yield the content of SVG elements that are long and mostly outlines, or very long.

    Long outlines elsewhere are yielded separately.
    """
    at = 0
    while (opening := raw.find(b"<svg", at)) >= 0:
        start = raw.find(b">", opening) + 1
        end = raw.find(b"</svg>", start) if start else -1
        if end < 0:
            break
        at = end
        inside = raw[start:end]
        if len(inside) >= limits.drawing and not re.search(rb"#\{|<%|=\{|\{@|\"\"\"", inside):
            outlines = sum(len(shape[1]) for shape in SHAPE.finditer(inside))
            if 2 * outlines >= len(inside) or len(inside) >= 4 * limits.drawing:
                yield Redaction("svg", *_stripped(raw, start, end))
    for shape in SHAPE.finditer(raw):
        if len(shape[1]) >= limits.encoded and is_outline(shape[1]):
            yield Redaction("svg", *shape.span(1))


def may_draw(raw: bytes) -> bool:
    """Return whether there may be an SVG element, or a long outline."""
    return b"</svg>" in raw or b" d=" in raw or b" points=" in raw


def is_outline(text: bytes) -> bool:
    """Return whether text consists of numbers and one-letter commands."""
    return len(text.translate(None, b"0123456789.,- \t\r\n")) <= len(text) // 4


# Dumps and fixtures -----------------------------------------------------------------------------

HEX_HINT = re.compile(rb"[0-9A-Fa-f]{2}[ :-][ :-]?[0-9A-Fa-f]{2,8}[ :-][ :-]?[0-9A-Fa-f]{2}")
HEX_LINE = re.compile(
    rb"[ \t]*(?:[0-9A-Fa-f]{4,16}[:h]?[ \t|]{1,4})?"
    rb"(?:(?:[0-9A-Fa-f]{2}){1,4}[ :-]{1,2}){3,64}[0-9A-Fa-f]{0,8}(?:[ \t|].*)?\r?"
)
"""A line of a hex dump, with or without its address and its text."""
DOCUMENTATION = re.compile(rb"(?:@|-)(?:module|type|short)?doc\b")
CODE = re.compile(
    rb"^[ \t]*(?:def|defp|defmodule|import|use|alias|test|end|-module)\b", re.MULTILINE
)
BLANK_REST = re.compile(rb"[ \t]*\r?\n")
LIVE = re.compile(rb"#\{|<%|=\{|\{@")
"""Interpolation and embedded code, which are not data."""


def heredocs(raw: bytes, quotes: bytes, limits: Limits) -> Iterator[Redaction]:
    """Yield hex dumps in heredocs, and heredocs that are word lists, JSON or tables."""
    for before, start, end in heredoc_contents(raw, quotes):
        if end - start < limits.encoded or DOCUMENTATION.search(before):
            continue
        content = raw[start:end]
        if HEX_HINT.search(content):
            yield from hex_dumps(content, start, limits)
        rule = fixture_kind(content, limits)
        if before.endswith((b"~w", b"~W")):
            rule = "words" if len(content.split()) >= limits.numbers else None
        if rule and not LIVE.search(content):
            yield Redaction(rule, *_stripped(raw, start, end))


def heredoc_contents(raw: bytes, quotes: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the line that opens each heredoc, and the span of its lines."""
    search, search_end, at = QUOTES[quotes].search, HEREDOC_END[quotes].search, 0
    while opening := search(raw, at):
        at, before = opening.end(), opening.start()
        if (line_end := BLANK_REST.match(raw, at)) is None:
            continue
        start = line_end.end()
        closing = search_end(raw, start - 1)
        if closing is None:
            return
        line_start = max(raw.rfind(b"\n", 0, before) + 1, before - 200)
        if start <= closing.start():
            yield raw[line_start:before], start, closing.start()
        at = closing.end()


def hex_dumps(content: bytes, offset: int, limits: Limits) -> Iterator[Redaction]:
    """Yield the runs of lines that are a hex dump."""
    start = end = position = 0
    for line in [*content.split(b"\n"), b""]:
        if line and len(line) <= 200 and HEX_LINE.fullmatch(line):
            start = start if end else position
            end = position + len(line)
        elif end:
            if end - start >= limits.encoded:
                first, last = _stripped(content, start, end)
                yield Redaction("hex_dump", offset + first, offset + last)
            start = end = 0
        position += len(line) + 1


def fixture_kind(content: bytes, limits: Limits) -> str | None:
    """Return "words" for one word per line, "fixture" for JSON or a table, or None."""
    if content.count(b"\n") + 1 < limits.numbers and 4 * len(content) < limits.fixture:
        return None
    lines = [line.strip() for line in content.split(b"\n")]
    lines = [line for line in lines if line]
    if len(lines) >= limits.numbers and sum(len(line.split()) <= 2 for line in lines) >= 0.9 * len(
        lines
    ):
        return None if CODE.search(content) else "words"
    if 4 * len(content) < limits.fixture or CODE.search(content):
        return None
    json = sum(line[:1] in b'"{}[]0123456789-' for line in lines)
    if lines[0][:1] in b"{[" and lines[-1][-1:] in b"}]" and json >= 0.9 * len(lines):
        return "fixture"
    if len(content) < limits.fixture:
        return None
    for separator in (b",", b";", b"\t", b"|"):
        counts = [line.count(separator) for line in lines]
        if len(lines) >= 64 and min(counts) >= 2 and max(counts) <= 2 * min(counts):
            return "fixture"
    return None
