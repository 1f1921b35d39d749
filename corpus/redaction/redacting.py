"""Replacing private data in a source file by tags, so that the file still parses.

A secret may be divided among several literals: `"ab" <> "cd"`, `"ab" ++ "cd"`, Erlang's
`"ab" "cd"`, `Enum.join(["ab", "cd"])`, or a line that ends in a backslash. Before the rules are
applied, the text between such literals is left out (a seam), so that rules see the value as the
compiler does. The spans that they find are mapped back to the pieces of the original.

A tag such as `redacted_secret` is an identifier. The replaced span contains no quote and no
backslash, and a line end only inside a value of several lines: a private key, base64 in a heredoc,
the numbers of a binary. So the tag is valid wherever the value was: in a string, heredoc, charlist,
sigil, comment, quoted atom or key, and in code in place of a number or an atom. An address that is
written as a tuple becomes a tuple with the same number of elements.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from corpus.filters.verdict import Redaction
from corpus.redaction.addresses import (
    ADDRESS_SIGN,
    EMAIL_SIGN,
    SPELLED_SIGN,
    addresses,
    emails,
    spelled_emails,
)
from corpus.redaction.secrets import (
    BASIC_SIGN,
    BYTES_SIGN,
    DECODED_SIGN,
    KEY_SIGN,
    NAME_SIGN,
    SCANNERS,
    TOKEN_SIGN,
    URL_SIGN,
    WEB_KEY_SIGN,
    basic_credentials,
    byte_keys,
    decoded_keys,
    deployed_passwords,
    is_deployed,
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
"""Maximum number of different secrets of a file whose other occurrences are searched for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RedactionConfig:
    """Which rules are applied. Raises ValueError for an unknown rule."""

    secrets: bool = True
    """Passwords, tokens and keys: the rules of kingfisher-secret-scanner, and of our own those that
    are not named below.
    """
    private_keys: bool = True
    """The bodies of private keys in PEM."""
    emails: bool = True
    """E-mail addresses, but for those at domains that RFC 2606 and 6761 reserve."""
    addresses: bool = True
    """Global IP addresses, version 4 and 6."""
    off: tuple[str, ...] = ()
    """Single rules that are switched off, by the name that `redactions` has."""

    def __post_init__(self) -> None:
        """Check the names of the rules."""
        for rule in self.off:
            if rule not in RULES and not rule.startswith(SCANNERS):
                raise ValueError(f"off: there is no rule {rule!r}; ours are {', '.join(RULES)}")


@dataclass(frozen=True, slots=True)
class Joined:
    """A text without the seams between literals, and the mapping of its offsets to the original."""

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
    path: str = "",
) -> tuple[bytes, tuple[Redaction, ...]]:
    """Replace private data by tags; return the result, and the removed spans in order.

    `path` is that of the file in its package: in the configuration of a release a password may be a
    word.

    `data` are other spans to remove, with their tags (see `corpus.filters.data_tags`). The text is
    not decoded, so that offsets are those of the file. Latin-1 works as well as UTF-8, because all
    patterns are ASCII.
    """
    private = private_spans(raw, language, config, path)
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


def private_spans(
    raw: bytes, language: str | None, config: RedactionConfig, path: str = ""
) -> list[Redaction]:
    """Find private data; the spans are in order and do not overlap."""
    signs = SCREEN(raw)
    joined = Joined(raw)
    if SEAM in signs or LIST in signs:
        joined = join_literals(raw, language, has_lists=LIST in signs)
        signs = SCREEN(joined.text)
    found = list(_found(joined.text, config, signs))
    if config.secrets and is_deployed(path):
        found += deployed_passwords(joined.text)
    found = [each for each in found if each.rule not in config.off]
    if not found:
        return []
    found += _again(joined.text, found)
    return [
        Redaction(each.rule, start, end)
        for each in _united(found)
        for start, end in joined.original(each.start, each.end)
    ]


def tag_of(span: Redaction, raw: bytes, language: str | None) -> bytes:
    """Return the tag that replaces a span."""
    if span.rule == "ip_address" and raw[span.start : span.start + 1] == b"{":
        words = [b"redacted", b"ip", b"address", b"v4"]
        if raw.count(b",", span.start, span.end) == 7:
            words = [b"redacted", b"ip", b"address", b"v6", b"of", b"eight", b"numbers", b"here"]
        mark = b"" if language == "erlang" else b":"
        return b"{" + b", ".join(mark + word for word in words) + b"}"
    return TAGS.get(span.rule, SECRET)


# Reading literals as one --------------------------------------------------------------------------

TOKEN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.-")
"""Bytes of tokens; only a seam between two of them is left out."""
GAP: Final = rb"\s{0,80}(?:[#%][^\n]{0,160}\n\s{0,80}){0,4}"
"""Blanks, line ends and comments. A comment begins with no blank, so this is linear."""
SECOND: Final = re.compile(GAP + rb"(?:~[csS])?([\"'])")
"""From behind an operator to the beginning of the second literal."""
FIRST: Final = re.compile(rb"[\"'](?=[ \t]*(?:[#%]|\r?\Z))")
"""In a line, the end of a literal with nothing behind it but a comment."""
ADJACENT: Final = re.compile(rb"\"(?=[\s%])" + GAP + rb"\"")
"""Erlang's literals that stand one after the other."""
LINE_END: Final = re.compile(rb"\\\r?\n[ \t]{0,80}")
"""The end of a line of a string or heredoc that goes on in the next one."""
JOINING: Final = (b"Enum.join([", b"iolist_to_binary([", b"iodata_to_binary([", b"List.to_string([")
"""Calls that make one text of a list of literals."""
LITERAL: Final = re.compile(
    GAP + rb"(?:<<)?\"(?P<text>[^\"\\\n]{0,256})\"(?:>>)?(?:" + GAP + rb",)?"
)
"""A literal of a list, with the comma behind it."""
PIPED: Final = re.compile(
    rb"\|>\s{0,80}(?:Enum\.join|IO\.iodata_to_binary|List\.to_string|:erlang\.iolist_to_binary)\b"
)
"""What makes one text of the list before it."""
LIST_BYTES: Final = 2048
"""Bytes before such a call that may hold the list."""
FARTHEST: Final = 80
"""Blanks between a literal and an operator."""
FARTHEST_COMMENT: Final = 400
"""Bytes between a literal and an operator on a later line, with comments between them."""
MOST_COMMENTS: Final = 4


def join_literals(raw: bytes, language: str | None, *, has_lists: bool = True) -> Joined:
    """Return the text without the seams between literals; `has_lists` if lists may be joined."""
    seams = sorted(_seams(raw, language, has_lists))
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


def _seams(raw: bytes, language: str | None, has_lists: bool) -> Iterator[tuple[int, int]]:
    """Yield the spans between two parts of a token."""
    found = [*_operators(raw, b"<>"), *_operators(raw, b"++")]
    if b"\\\n" in raw or (b"\r" in raw and b"\\\r\n" in raw):
        found += [match.span() for match in LINE_END.finditer(raw)]
    for name in JOINING if has_lists else ():
        place = raw.find(name)
        while place >= 0:
            found += _between(raw, place + len(name))
            place = raw.find(name, place + len(name))
    for piped in PIPED.finditer(raw) if has_lists else ():
        opening = raw.rfind(b"[", max(0, piped.start() - LIST_BYTES), piped.start())
        if opening >= 0 and raw[opening : piped.start()].rstrip().endswith(b"]"):
            found += _between(raw, opening + 1)
    if language == "erlang":
        found += [match.span() for match in ADJACENT.finditer(raw)]
    for start, end in found:
        if start > 0 and end < len(raw) and raw[start - 1] in TOKEN and raw[end] in TOKEN:
            yield start, end


def _between(raw: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the spans between the literals of a list, from its first literal on."""
    literal = LITERAL.match(raw, position)
    while literal is not None and (following := LITERAL.match(raw, literal.end())):
        yield literal.end("text"), following.start("text")
        literal = following


def _operators(raw: bytes, operator: bytes) -> Iterator[tuple[int, int]]:
    place = raw.find(operator)
    while place >= 0:
        behind = place + len(operator)
        if second := SECOND.match(raw, behind):
            end = _end_before(raw, place)
            if end is not None and raw[end : end + 1] == second[1]:
                # The end of a line that is written before the quote is no part of a token.
                yield end - 2 if raw[end - 2 : end] == b"\\n" else end, second.end()
        place = raw.find(operator, behind)


def _end_before(raw: bytes, operator: int) -> int | None:
    """Return the place of the quote that ends the literal before an operator, if there is one."""
    least = max(0, operator - FARTHEST)
    before = raw[least:operator].rstrip()
    if before.endswith((b'"', b"'")):
        return least + len(before) - 1
    least = max(0, operator - FARTHEST_COMMENT)
    *lines, last = raw[least:operator].split(b"\n")[-MOST_COMMENTS - 1 :]
    place = operator - len(last)
    if last.strip():
        return None
    for line in reversed(lines):
        place -= len(line) + 1
        if first := FIRST.search(line):
            return place + first.start()
        if line.strip() and not line.lstrip().startswith((b"#", b"%")):
            return None
    return None


# What was found -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finder:
    """A rule: its setting, the pattern that its text has to match, and the function."""

    setting: str
    sign: bytes
    find: Callable[[bytes], Iterator[Redaction]]


FINDERS: Final = (
    Finder("private_keys", KEY_SIGN, private_keys),
    Finder("secrets", TOKEN_SIGN, scanned_secrets),
    Finder("secrets", NAME_SIGN, named_secrets),
    Finder("secrets", URL_SIGN, passwords_in_urls),
    Finder("secrets", BYTES_SIGN, byte_keys),
    Finder("secrets", DECODED_SIGN, decoded_keys),
    Finder("secrets", BASIC_SIGN, basic_credentials),
    Finder("secrets", WEB_KEY_SIGN, web_keys),
    Finder("emails", EMAIL_SIGN, emails),
    Finder("emails", SPELLED_SIGN, spelled_emails),
    Finder("addresses", ADDRESS_SIGN, addresses),
)
SEAM: Final = "seam"
LIST: Final = "list"
_TOKEN: Final = rb"[A-Za-z0-9_+/=.-]"
_GAP: Final = rb"(?:%b|[#%%][^\n]*\n)*" % SPACE
SEAM_SIGN: Final = b"|".join(
    (
        rb"%b(?:\\n)?[\"']%b(?:<>|\+\+)%b(?:~[csS])?[\"']%b" % (_TOKEN, _GAP, _GAP, _TOKEN),
        rb"%b\"%b\"%b" % (_TOKEN, _GAP, _TOKEN),
        rb"%b\\\r?\n[ \t]*%b" % (_TOKEN, _TOKEN),
    )
)
LIST_SIGN: Final = (
    rb"(?:Enum\.join|io(?:data|list)_to_binary|List\.to_string)\(\["
    rb"%b(?:<<)?\"[^\"\\\n]*\"(?:>>)?%b,%b(?:<<)?\""
    % (_GAP, _GAP, _GAP)
    + rb"|\]%b*\|>%b*(?:Enum\.join|IO\.iod|List\.to_s|:erlang\.iol)" % (SPACE, SPACE)
)
SCREEN: Final = Screen(
    {SEAM: SEAM_SIGN, LIST: LIST_SIGN, **{finder.find.__name__: finder.sign for finder in FINDERS}}
)
"""Decides which rules read a text. Of real files one in ten has a seam."""


def _found(text: bytes, config: RedactionConfig, signs: set[str]) -> Iterator[Redaction]:
    for finder in FINDERS:
        if finder.find.__name__ in signs and getattr(config, finder.setting):
            yield from finder.find(text)


def _again(text: bytes, found: Sequence[Redaction]) -> list[Redaction]:
    """Find further occurrences of secrets in the same text, where no rule finds them."""
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
    """Merge overlapping spans; the rule is that of the finder that comes first."""
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
    """Merge private spans with spans of data; both are in order.

    Overlapping spans get the tag of the one that begins first. A private key has precedence,
    because the data is then the key itself.
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
