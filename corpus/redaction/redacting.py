"""Replacing what is private in a source file by tags, so that the file still parses.

Every rule reads the text as a compiler would: the seams of `"ab" <> "cd"`, `"ab" ++ "cd"`, Erlang's
`"ab" "cd"` and of a line that ends in a backslash are left out, so a token that is divided among
several literals is one again, and what is found is mapped back to its pieces.

A tag such as `redacted_secret` is a plain word. What it replaces never has a quote, a backslash or
a line end outside of a private key's body, so the tag stands where a word may stand: in a string, a
heredoc, a charlist, a sigil with any delimiter, a comment, a quoted atom or key, and, as a number
or an atom may stand there too, in code. An address that is written as a tuple becomes a tuple of
as many elements.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from corpus.filters.verdict import Redaction
from corpus.redaction.addresses import ADDRESS_SIGN, EMAIL_SIGN, addresses, emails
from corpus.redaction.secrets import (
    BASIC_SIGN,
    DECODED_SIGN,
    KEY_SIGN,
    NAME_SIGN,
    SCANNERS,
    TOKEN_SIGN,
    URL_SIGN,
    WEB_KEY_SIGN,
    basic_credentials,
    decoded_keys,
    named_secrets,
    passwords_in_urls,
    private_keys,
    scanned_secrets,
    web_keys,
)
from corpus.screen import SPACE, Screen

TAGS: Final = {
    "email": b"redacted_email",
    "ip_address": b"redacted_ip_address",
    "private_key": b"redacted_private_key",
}
"""The tag by rule; every other rule finds secrets."""
SECRET: Final = b"redacted_secret"
RULES: Final = (
    *TAGS,
    *(
        "secret_key_base",
        "salt",
        "cookie",
        "password",
        "credential",
        "url_password",
        "json_web_key",
    ),
)
"""The rules of our own. Those of the scanner have names such as `betterleaks.github-pat`."""
LONG_ENOUGH: Final = 12
"""A secret of this many bytes is also removed where it stands again without its name."""
MOST_REPEATED: Final = 64
"""So many different secrets are looked for again in a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RedactionConfig:
    """What is redacted. Raises ValueError for a rule that cannot be."""

    secrets: bool = True
    """Passwords, tokens and keys: the rules of kingfisher-secret-scanner, and of our own those that
    are not named below.
    """
    private_keys: bool = True
    """The bodies of private keys in PEM."""
    emails: bool = True
    """E-mail addresses, but for those at domains that RFC 2606 and 6761 reserve."""
    addresses: bool = True
    """IP addresses that are routed on the internet."""
    off: tuple[str, ...] = ()
    """Single rules that are switched off, by the name that `redactions` has."""

    def __post_init__(self) -> None:
        """Check the names of the rules."""
        for rule in self.off:
            if rule not in RULES and not rule.startswith(SCANNERS):
                raise ValueError(f"off: there is no rule {rule!r}; ours are {', '.join(RULES)}")


@dataclass(frozen=True, slots=True)
class Joined:
    """A text without the seams between literals, and where its bytes stand in the original."""

    text: bytes
    starts: tuple[int, ...] = (0,)
    """Where each piece begins in `text`, in order."""
    shifts: tuple[int, ...] = (0,)
    """What to add to an offset in that piece to have the offset in the original."""

    def original(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the spans of the original that a span of `text` is made of."""
        number = bisect_right(self.starts, start) - 1
        while start < end:
            last = self.starts[number + 1] if number + 1 < len(self.starts) else end
            until = min(end, last)
            yield start + self.shifts[number], until + self.shifts[number]
            start, number = until, number + 1


def redact(
    raw: bytes,
    language: str | None,
    config: RedactionConfig,
    data: Iterable[tuple[Redaction, bytes]] = (),
) -> tuple[bytes, tuple[Redaction, ...]]:
    """Replace what is private by tags; return the result, and the removed spans in order.

    `data` are spans that are removed anyway, with their tags (see `corpus.filters.data_tags`). It
    works on bytes, before they are decoded, so that offsets are those of the file. Text in Latin-1
    is read as well as UTF-8, because what is looked for is ASCII.
    """
    private = private_spans(raw, language, config)
    spans = [(span, tag_of(span, raw, language)) for span in private]
    merged = _merged(spans, sorted(data, key=lambda each: (each[0].start, -each[0].end)))
    if not merged:
        return raw, ()
    pieces, position = [], 0
    for span, tag in merged:
        pieces += [raw[position : span.start], tag]
        position = span.end
    return b"".join([*pieces, raw[position:]]), tuple(span for span, _ in merged)


def redact_text(text: str, config: RedactionConfig) -> str:
    """Redact a text that is not source code: a path, a licence, the detail of a reject."""
    raw = text.encode(errors="surrogateescape")
    redacted, found = redact(raw, None, config)
    return redacted.decode(errors="surrogateescape") if found else text


def private_spans(raw: bytes, language: str | None, config: RedactionConfig) -> list[Redaction]:
    """Find what is private; the spans are in order and do not overlap."""
    signs = SCREEN(raw)
    joined = Joined(raw)
    if SEAM in signs:
        joined = join_literals(raw, language)
        signs = SCREEN(joined.text)
    found = [each for each in _found(joined.text, config, signs) if each.rule not in config.off]
    if not found:
        return []
    found += _again(joined.text, found)
    return [
        Redaction(each.rule, start, end)
        for each in _united(found)
        for start, end in joined.original(each.start, each.end)
    ]


def tag_of(span: Redaction, raw: bytes, language: str | None) -> bytes:
    """Return what stands in place of a span."""
    if span.rule == "ip_address" and raw[span.start : span.start + 1] == b"{":
        words = [b"redacted", b"ip", b"address", b"v4"]
        if raw.count(b",", span.start, span.end) == 7:
            words = [b"redacted", b"ip", b"address", b"v6", b"of", b"eight", b"numbers", b"here"]
        mark = b"" if language == "erlang" else b":"
        return b"{" + b", ".join(mark + word for word in words) + b"}"
    return TAGS.get(span.rule, SECRET)


# Reading literals as one --------------------------------------------------------------------------

TOKEN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.-")
"""Bytes of tokens; a seam stands between two of them."""
SECOND: Final = re.compile(rb"\s{0,80}(?:~[csS])?([\"'])")
"""From behind an operator to the beginning of the second literal."""
ADJACENT: Final = re.compile(rb"\"\s{1,80}\"")
"""Erlang's literals that stand one after the other."""
LINE_END: Final = re.compile(rb"\\\r?\n[ \t]{0,80}")
"""The end of a line of a string or heredoc that goes on in the next one."""
FARTHEST: Final = 80
"""Blanks between a literal and an operator."""


def join_literals(raw: bytes, language: str | None) -> Joined:
    """Leave out the seams between literals."""
    seams = sorted(_seams(raw, language))
    if not seams:
        return Joined(raw)
    bounds = [(0, 0), *seams, (len(raw), len(raw))]
    pieces, starts, shifts, length = [], [], [], 0
    for (_, start), (end, _) in pairwise(bounds):
        if end > start:
            pieces.append(raw[start:end])
            starts.append(length)
            shifts.append(start - length)
            length += end - start
    return Joined(b"".join(pieces), tuple(starts), tuple(shifts))


def _seams(raw: bytes, language: str | None) -> Iterator[tuple[int, int]]:
    """Yield the spans between two parts of a token."""
    found = [*_operators(raw, b"<>"), *_operators(raw, b"++")]
    if b"\\\n" in raw or (b"\r" in raw and b"\\\r\n" in raw):
        found += [match.span() for match in LINE_END.finditer(raw)]
    if language == "erlang":
        found += [match.span() for match in ADJACENT.finditer(raw)]
    for start, end in found:
        if start > 0 and end < len(raw) and raw[start - 1] in TOKEN and raw[end] in TOKEN:
            yield start, end


def _operators(raw: bytes, operator: bytes) -> Iterator[tuple[int, int]]:
    place = raw.find(operator)
    while place >= 0:
        behind = place + len(operator)
        if second := SECOND.match(raw, behind):
            least = max(0, place - FARTHEST)
            before = raw[least:place].rstrip()
            if before.endswith(second[1]):
                yield least + len(before) - 1, second.end()
        place = raw.find(operator, behind)


# What was found -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finder:
    """A rule: the setting that switches it on, the pattern without which it finds nothing."""

    setting: str
    sign: bytes
    find: Callable[[bytes], Iterator[Redaction]]


FINDERS: Final = (
    Finder("private_keys", KEY_SIGN, private_keys),
    Finder("secrets", TOKEN_SIGN, scanned_secrets),
    Finder("secrets", NAME_SIGN, named_secrets),
    Finder("secrets", URL_SIGN, passwords_in_urls),
    Finder("secrets", DECODED_SIGN, decoded_keys),
    Finder("secrets", BASIC_SIGN, basic_credentials),
    Finder("secrets", WEB_KEY_SIGN, web_keys),
    Finder("emails", EMAIL_SIGN, emails),
    Finder("addresses", ADDRESS_SIGN, addresses),
)
SEAM: Final = "seam"
_TOKEN: Final = rb"[A-Za-z0-9_+/=.-]"
SEAM_SIGN: Final = b"|".join(
    (
        rb"%b[\"']%b*(?:<>|\+\+)%b*(?:~[csS])?[\"']%b" % (_TOKEN, SPACE, SPACE, _TOKEN),
        rb"%b\"%b+\"%b" % (_TOKEN, SPACE, _TOKEN),
        rb"%b\\\r?\n[ \t]*%b" % (_TOKEN, _TOKEN),
    )
)
SCREEN: Final = Screen(
    {SEAM: SEAM_SIGN, **{finder.find.__name__: finder.sign for finder in FINDERS}}
)
"""What a text may hold. Of real files one in ten has a seam, and one in three more than a token."""


def _found(text: bytes, config: RedactionConfig, signs: set[str]) -> Iterator[Redaction]:
    for finder in FINDERS:
        if finder.find.__name__ in signs and getattr(config, finder.setting):
            yield from finder.find(text)


def _again(text: bytes, found: Sequence[Redaction]) -> list[Redaction]:
    """Find the places where a secret stands again without what told that it is one."""
    values = {
        text[each.start : each.end]: each.rule
        for each in found
        if each.rule not in TAGS and each.end - each.start >= LONG_ENOUGH
    }
    again = []
    for value, rule in list(values.items())[:MOST_REPEATED]:
        start = text.find(value)
        while start >= 0:
            again.append(Redaction(rule, start, start + len(value)))
            start = text.find(value, start + len(value))
    return again


def _united(found: list[Redaction]) -> list[Redaction]:
    """Unite overlapping spans under the rule of the first one that was looked for."""
    rank = {id(each): number for number, each in enumerate(found)}
    united: list[tuple[Redaction, int]] = []
    for each in sorted(found, key=lambda each: (each.start, -each.end)):
        if united and each.start < united[-1][0].end:
            before, place = united[-1]
            rule = before.rule if place < rank[id(each)] else each.rule
            whole = Redaction(rule, before.start, max(before.end, each.end))
            united[-1] = whole, min(place, rank[id(each)])
        else:
            united.append((each, rank[id(each)]))
    return [each for each, _ in united]


Tagged = tuple[Redaction, bytes]


def _merged(private: list[Tagged], data: list[Tagged]) -> list[Tagged]:
    """Merge what is private with spans of data; both are in order.

    What is private inside data goes with it, but for a key, which is what the data is.
    """
    merged: list[Tagged] = []
    for span, tag in sorted([*private, *data], key=lambda each: (each[0].start, -each[0].end)):
        if not merged or span.start >= merged[-1][0].end:
            merged.append((span, tag))
            continue
        before, kept = merged[-1]
        end = max(before.end, span.end)
        if span.rule == "private_key":
            merged[-1] = Redaction(span.rule, before.start, end), tag
        else:
            merged[-1] = Redaction(before.rule, before.start, end), kept
    return merged
