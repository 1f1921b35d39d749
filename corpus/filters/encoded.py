r"""Remove encoded and other data from source.

A favicon in base64 is useless for training, but no reason to leave out phoenix/endpoint.ex. Data
that is removed, here or by `corpus.filters.data`, is replaced by a tag such as
`encoded_12345_bytes`. This word is valid wherever a span can be (in a string, in a sigil with any
delimiter, in a list of numbers), so a file that parsed before still parses.

Almost no file has such a span, so a screen (`corpus.screen`) decides the common case.
"""

import re
import string
from collections.abc import Iterator
from functools import lru_cache

from corpus.filters.data import WORD, data_signs, data_spans, run_of
from corpus.filters.verdict import Limits, Redaction
from corpus.reasons import Reason, Reject, Stage
from corpus.screen import Screen

START = rb"(?:(?<=\\[nrt])|(?<![\w+/#\\-]))"
"""Where a run can begin: not inside a word, and not at the letter of an escape."""
SOLID = re.compile(START + rb"(?:16#)?[\w+/-]{64,}={0,2}", re.ASCII)
"""Base64 of either alphabet, base32 or hexadecimal digits, in one piece; also as a number."""

LINE = rb"[A-Za-z0-9+/]{60,}"
OPERATOR = rb'"\s*(?:(?:<>|\+\+)\s*)?"'
JOIN = rb"(?:(?:\\r)?\\n(?:" + OPERATOR + rb")?|" + OPERATOR + rb"|\\?\r?\n[ \t]*)"
FOLDED = re.compile(
    START + LINE + rb"(?:" + JOIN + LINE + rb")+(?:" + JOIN + rb"[A-Za-z0-9+/]{1,59}={0,2})?"
)
"""The same in lines of at least 60 characters (PEM has 64, MIME 76): in a heredoc, joined by `<>`,
`++` or nothing, with or without a written `\\n`. The last line may be shorter.
"""
ESCAPES = re.compile(rb"(?:\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\[0-7]{3})+")
"""A string of escaped bytes."""

NUMBER = rb"(?:0x[0-9A-Fa-f]{1,2}|16#[0-9A-Fa-f]{1,2}|[0-9]{1,3})"
NUMBERS = re.compile(rb"(?<![\w.#,])" + NUMBER + rb"(?:\s*,\s*" + NUMBER + rb"(?![\w.#]))+")
"""A list of numbers below 256, decimal or hexadecimal, in Elixir's or Erlang's notation."""

DATA_URI = re.compile(rb"data:[\w.+-]+/[\w.+-]+(?:;[\w.=+-]+)*,([^\s\"'\\<>()]+)")
"""An embedded file; its content is the group, percent-encoded or base64."""


@lru_cache(maxsize=64)
def screen_for(limits: Limits) -> Screen:
    """Return the screen that tells which rules, here and in `corpus.filters.data`, are needed."""
    return Screen(
        {
            "solid": run_of(WORD + b"+/_-=%\\", limits.encoded),
            "folded": run_of(WORD + b"+/", 60),
            "numbers": run_of(
                string.hexdigits.encode() + b"#x, \t\r\n", 2 * limits.encoded_numbers - 1
            ),
            **data_signs(limits),
        }
    )


def cut_encoded(raw: bytes, limits: Limits) -> tuple[bytes, tuple[Redaction, ...]]:
    """Replace every encoded span by a tag; return the result, and the removed spans in order.

    It works on bytes, before `decode`, so that offsets are those of the file.
    """
    tagged = data_tags(raw, limits)
    if not tagged:
        return raw, ()
    pieces, position = [], 0
    for span, tag in tagged:
        pieces += [raw[position : span.start], tag]
        position = span.end
    return b"".join([*pieces, raw[position:]]), tuple(span for span, _ in tagged)


def data_tags(raw: bytes, limits: Limits) -> list[tuple[Redaction, bytes]]:
    """Return the spans to be replaced, in order and without overlaps, with their tags."""
    tagged, position = [], 0
    for span in sorted(encoded_spans(raw, limits), key=lambda span: (span.start, -span.end)):
        if span.start >= position:
            tagged.append((span, b"encoded_%d_bytes" % (span.end - span.start)))
            position = span.end
    return tagged


def mostly_data(raw: bytes, cut: tuple[Redaction, ...], limits: Limits) -> Reject | None:
    """Reject a file that is mostly data."""
    lost = sum(span.end - span.start for span in cut)
    if lost <= limits.data_share * len(raw):
        return None
    rules = ", ".join(sorted({span.rule for span in cut}))
    return Reject(Stage.FILTER, Reason.MOSTLY_DATA, f"{lost} of {len(raw)} bytes are data: {rules}")


def encoded_spans(raw: bytes, limits: Limits) -> Iterator[Redaction]:
    """Find what each rule would cut; spans of different rules may overlap."""
    least, signs = limits.encoded, screen_for(limits)(raw)
    if "solid" in signs:
        yield from long_matches("data_uri", DATA_URI, raw, least, group=1)
        yield from encoded_words("encoded", SOLID, raw, least)
        yield from long_matches("escapes", ESCAPES, raw, least)
    if "folded" in signs:
        yield from encoded_words("encoded", FOLDED, raw, least)
    if "numbers" in signs:
        yield from long_lists(raw, limits.encoded_numbers)
    yield from data_spans(raw, limits, signs)


def long_lists(raw: bytes, least: int) -> Iterator[Redaction]:
    """Yield the lists of at least `least` byte-sized numbers."""
    for match in NUMBERS.finditer(raw):
        if match[0].count(b",") + 1 >= least:
            yield Redaction("numbers", *match.span())


def long_matches(
    rule: str, pattern: re.Pattern[bytes], raw: bytes, least: int, group: int = 0
) -> Iterator[Redaction]:
    """Yield the matches of at least `least` bytes."""
    for match in pattern.finditer(raw):
        if len(match[group]) >= least:
            yield Redaction(rule, *match.span(group))


def encoded_words(
    rule: str, pattern: re.Pattern[bytes], raw: bytes, least: int
) -> Iterator[Redaction]:
    """Yield the long matches that are not rulers, bignums or padding."""
    for span in long_matches(rule, pattern, raw, least):
        if is_encoded(raw[span.start : span.end]):
            yield span


def is_encoded(run: bytes) -> bool:
    """Return whether a long run looks like encoded data: many different letters and digits."""
    kinds = set(run)
    has_digits = not kinds.isdisjoint(string.digits.encode())
    return has_digits and not kinds.isdisjoint(string.ascii_letters.encode()) and len(kinds) >= 10
