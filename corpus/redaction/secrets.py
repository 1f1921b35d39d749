"""Secrets and private keys in source code.

Tokens whose form tells what they are (GitHub, AWS, Stripe, ...) are found by the rules of
kingfisher-secret-scanner, which runs in this process and never asks the network. Most secrets of
Elixir and Erlang have no form of their own; they are found by the name that they are given, in any
syntax of both languages, if their value looks as if a machine had made it. Placeholders and words
stay: `password: "postgres"` tells nothing.
"""

import re
import string
from base64 import b64decode
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from corpus.filters.verdict import Redaction
from corpus.screen import SPACE, Screen

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

# Tokens of known forms ----------------------------------------------------------------------------

SCANNERS: Final = ("betterleaks.", "kingfisher.", "veles.")
"""How the names of the scanner's rules begin."""
SHORTEST_TOKEN: Final = 16
"""No rule of the scanner that we use has a shorter secret: a text without so long a word need not
be scanned, nor the scanner be loaded for it.
"""
TOKEN_SIGN: Final = rb"[A-Za-z0-9+/=_-]{%d}" % SHORTEST_TOKEN
PUBLIC: Final = re.compile(
    r"(?:[-.](?:client-)?id|-(?:user)?name|-(?:url|host|domain|repository|address|account|key-id"
    r"|pub-key|public-key))(?:\.\d+)?$"
)
"""Rules that find what belongs to a secret but is none: names, addresses, public keys."""
OURS: Final = frozenset(
    ("betterleaks.private-key", "betterleaks.generic-credential-uri", "betterleaks.curl-auth-user")
)
"""What rules below find with more care."""
WEBHOOKS: Final = frozenset(("betterleaks.slack-webhook-url",))
PLAIN: Final = re.compile(rb"[\w+/=.:@~%!$^&*?,-]+")
"""What a span may consist of, so that it is inside one literal."""


def scanned_secrets(text: bytes) -> Iterator[Redaction]:
    """Find what the scanner finds."""
    for finding in _scanner().scan(text):
        rule = finding.rule_id
        if rule in OURS or (PUBLIC.search(rule) and rule not in WEBHOOKS):
            continue
        start, end = finding.location["start_offset"], finding.location["end_offset"]
        value = text[start:end]
        if is_placeholder(value):
            continue
        if PLAIN.fullmatch(value):
            yield Redaction(rule, _with_base(text, start), end)
        else:
            for part in PLAIN.finditer(value):
                if len(part[0]) >= SHORTEST_TOKEN and is_random(part[0]):
                    yield Redaction(rule, start + part.start(), start + part.end())


HAS_TOKEN: Final = Screen({"token": TOKEN_SIGN})


def needs_scanner(text: bytes) -> bool:
    """Return whether there is a word that is long enough to be a token."""
    return bool(HAS_TOKEN(text))


def hold_scanner(texts: Iterable[bytes]) -> None:
    """Load the scanner if one of these texts needs it, so that no text is charged for it.

    Loading takes 0.7 s of processor time; the first time on a machine 8 s, in which the compiled
    rules are stored below the user's cache folder (`KF_RULE_CACHE_DIR` names another).
    """
    if not _scanner.cache_info().currsize and any(map(needs_scanner, texts)):
        _scanner()


@cache
def _scanner() -> "Scanner":
    from kingfisher_sdk import Rules, Scanner

    return Scanner(Rules(), base64=False)


def _with_base(text: bytes, start: int) -> int:
    """Include the `0x` or `16#` of a number: the tag would not be a word behind it."""
    before = text[max(0, start - 3) : start]
    return start - 2 if before.endswith(b"0x") else start - 3 if before == b"16#" else start


# Private keys -------------------------------------------------------------------------------------

KEY_SIGN: Final = rb"PRIVATE KEY"
KEY_BEGINS: Final = re.compile(rb"PRIVATE KEY(?: BLOCK)?-----")
KEY_SEAM: Final = re.compile(
    rb"(?:[\s\"'<>,#%*|\[\]()]|\\[rnt]|\\\r?\n|\+\+|~[csSCw]|"
    rb"(?:Proc-Type|DEK-Info|Comment|Version|Hash|Charset):[^\n\"\\]{0,200})*"
)
"""What stands between the lines of a key: line ends, written or not, quotes, operators, marks of
comments, and the key's headers.
"""
KEY_LINE: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
BLANKS: Final = re.compile(rb"(?:\s|\\[rn])*")
KEY_LINE_LEAST: Final = 16
KEY_LEAST: Final = 40
"""Bytes of base64 from which on a body is a key, and no `MIIE...` of a documentation."""
BEFORE_BEGIN: Final = 60


def private_keys(text: bytes) -> Iterator[Redaction]:
    """Find the bodies of private keys in PEM; the lines that begin and end them stay."""
    for match in KEY_BEGINS.finditer(text):
        if b"-----BEGIN" in text[max(0, match.start() - BEFORE_BEGIN) : match.start()]:
            lines = list(_key_lines(text, match.end()))
            if sum(end - start for start, end in lines) >= KEY_LEAST:
                yield from _bodies(text, lines)


def _key_lines(text: bytes, position: int) -> Iterator[tuple[int, int]]:
    while True:
        seam = KEY_SEAM.match(text, position)
        assert seam is not None, "it matches nothing, too"
        start = seam.end()
        if text.startswith(b"=", start):  # the checksum of a PGP block
            start += 1
        line = KEY_LINE.match(text, start)
        if line is None:
            return
        if line.end() - start < KEY_LINE_LEAST:
            behind = KEY_SEAM.match(text, line.end())
            assert behind is not None, "it matches nothing, too"
            if text[behind.end() : behind.end() + 1] not in (b"-", b"="):
                return
        yield line.span()
        position = line.end()


def _bodies(text: bytes, lines: list[tuple[int, int]]) -> Iterator[Redaction]:
    """Unite lines that only blanks divide."""
    start, end = lines[0]
    for first, last in lines[1:]:
        if BLANKS.fullmatch(text, end, first):
            end = last
        else:
            yield Redaction("private_key", start, end)
            start, end = first, last
    yield Redaction("private_key", start, end)


# Secrets that a name tells ------------------------------------------------------------------------

ANYTHING: Final = re.compile(rb"")
KEYS: Final = (
    rb"api|app|auth|access|account|private|signing|encryption|master|shared|license|cipher|crypto?"
    rb"|aes|server|admin|service|consumer|hmac|jwt|webhook|deploy|write|read"
)
"""What stands before `key` in the name of a secret, perhaps at the end of the line before."""
NAMES: Final = (
    (b"secret", ANYTHING, ANYTHING, "credential"),
    (b"salt", ANYTHING, ANYTHING, "salt"),
    (b"cookie", ANYTHING, ANYTHING, "cookie"),
    (b"pass", ANYTHING, re.compile(rb"w|phrase|\b|_"), "password"),
    (b"pwd", ANYTHING, ANYTHING, "password"),
    (b"token", ANYTHING, ANYTHING, "credential"),
    (b"bearer", ANYTHING, ANYTHING, "credential"),
    (
        b"key",
        re.compile(rb"(?:%b)[_-]?\n?\Z" % KEYS),
        ANYTHING,
        "credential",
    ),
)
"""Parts of names in lower case, what stands before and behind them, and the rule."""
LONGEST_BEFORE: Final = 12
ASSIGNED: Final = re.compile(
    rb"[\w?!-]{0,40}"  # the rest of the name
    rb"(?:\\?[\"'])?(?:>>)?[)\]]?\s{0,40}"  # the end of a quoted key
    rb"(?P<mark>=>|:=|\|\||<>|[=:(]|(?:,\s{0,40})?do:|,)?\s{0,40}"
    rb"(?:(?:node\(\)|self\(\)|:?[\w.]{1,40}),\s{0,8})?"  # the first of two arguments
    rb"(?:<<\s{0,8})?"
    rb"(?:(?:~[csSC])?(?P<opening>\"\"\"\s{1,80}|:?\\?[\"']|(?<=~[csSC])[(\[{|/<])|:|)"
)
"""From the middle of a name to the value: in Elixir `name: "`, `"name" => "`, `@name "`,
`:name, "`, `name = ~s(`; in Erlang `{name, <<"`, `name => "`; in text `NAME=`, `name: `.
"""
BLANK_IS_ENOUGH: Final = frozenset((b"cookie", b"bearer"))
"""Names that a blank divides from their value: `-setcookie VALUE`, `Bearer VALUE`."""
QUOTED: Final = re.compile(rb"[^\s\"'\\<>{}|()\[\]`]{6,256}")
BARE_VALUE: Final = re.compile(rb"[\w+/=.:-]{16,256}")
MOST_NESTED: Final = 4
"""So many values that overlap are read, as in `token=token=...`, where each has up to 256 bytes."""

_BLANKS: Final = SPACE + b"*"
_REST: Final = rb"[\w?!-]*(?:\\?[\"'])?(?:>>)?[)\]]?" + _BLANKS
_NAME: Final = (
    rb"(?:(?:secret|salt|pwd|token|bearer|cookie|(?:%b)[_-]?\n?key|pass(?:w|phrase|[_?!-]))%b"
    rb"|pass(?:\\?[\"'])?(?:>>)?[)\]]?%b)" % (KEYS, _REST, _BLANKS)
)
_MARK: Final = rb"(?:=>|:=|\|\||<>|[=:]|(?:,%b)?do:|,)?%b" % (_BLANKS, _BLANKS)
_SECOND: Final = rb"(?::?[\w.()]+,%b)?(?:<<%b)?" % (_BLANKS, _BLANKS)
_QUOTED: Final = (
    rb"(?:(?:~[csSC])?(?:\"\"\"%b|:?\\?[\"'])|~[csSC][(\[{|/<])[^ \t\n\r\f\x0b\"'\\<>{}|()\[\]`]{6}"
    % (SPACE + b"+",)
)
_BARE: Final = rb"[\w+/=.:-]{16}"
NAME_SIGN: Final = b"(?i)(?:%b)" % b"|".join(
    (
        _NAME + _MARK + _SECOND + b"(?:%b|:%b)" % (_QUOTED, _BARE),
        _NAME + rb"(?:(?:,%b)?do:|:?=|:)%b%b" % (_BLANKS, _BLANKS, _BARE),
        b"cookie" + _REST + rb"\(" + _BLANKS + _SECOND + b"(?:%b|:%b)" % (_QUOTED, _BARE),
        b"(?:cookie|bearer)" + SPACE + b"+" + _BARE,
    )
)
"""Matches wherever `named_secrets` finds something: a name, and a value that may be one.
Repetitions have no bounds here, because each bound adds states to an automaton.
"""


def named_secrets(text: bytes) -> Iterator[Redaction]:
    """Find secrets by their names."""
    lower = text.lower()
    for name, before, behind, rule in NAMES:
        reach = nested = 0
        for place in _places(lower, name):
            end = place + len(name)
            if before is not ANYTHING and not before.search(
                lower[max(0, place - LONGEST_BEFORE) : place]
            ):
                continue
            named = _named(text, lower, place, end, rule) if behind.match(lower, end) else None
            if named is None:
                continue
            secret, is_bare = named
            nested = nested + 1 if secret.start < reach else 0
            reach = max(reach, secret.end)
            if nested < MOST_NESTED and _is_secret(
                text[secret.start : secret.end], secret.rule, is_bare=is_bare
            ):
                yield secret


def _places(text: bytes, name: bytes) -> Iterator[int]:
    place = text.find(name)
    while place >= 0:
        yield place
        place = text.find(name, place + len(name))


def _named(
    text: bytes, lower: bytes, start: int, end: int, rule: str
) -> tuple[Redaction, bool] | None:
    """Return the value that the name with this part has, and whether it has no quotes."""
    assigned = ASSIGNED.match(text, end)
    assert assigned is not None, "it matches nothing, too"
    if assigned["mark"] == b"(" and rule != "cookie":
        return None  # a call, whose argument is not what the name names
    kind = "secret_key_base" if lower.startswith(b"_key_base", end) else rule
    value = _value(text, assigned, lower[start:end] in BLANK_IS_ENOUGH)
    return (Redaction(kind, *value), not assigned["opening"]) if value else None


def _value(text: bytes, assigned: re.Match[bytes], blank_is_enough: bool) -> tuple[int, int] | None:
    """Return the span of the value behind a name, if it is a literal."""
    start = assigned.end()
    if assigned["opening"]:
        value = QUOTED.match(text, start)
        if value is None or text[value.end() : value.end() + 1] not in _closing(
            assigned["opening"]
        ):
            return None
        return value.span()
    said = text[assigned.start() : start]
    if not said.strip():
        if not (said and blank_is_enough):
            return None
    elif not said.rstrip().endswith((b"=", b":")) or said.rstrip().endswith((b"==", b"::")):
        return None
    value = BARE_VALUE.match(text, start)
    if value is None or text[value.end() : value.end() + 1] in (b"(", b"[", b"@", b"{"):
        return None
    return start, start + len(value[0].rstrip(b".:"))


def _closing(opening: bytes) -> tuple[bytes, ...]:
    if opening.startswith(b'"""'):
        return (b"\n", b"\r")
    mark = opening[-1:]
    closing = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}.get(mark, mark)
    return (closing, b"\\")


def _is_secret(value: bytes, rule: str, is_bare: bool) -> bool:
    if is_placeholder(value):
        return False
    if rule == "cookie" and b"=" in value.rstrip(b"="):
        return False  # that of a browser
    if rule == "password" and not is_bare:
        return len(value) <= LONGEST_PASSWORD and (is_random(value) or _kinds(value) == 4)
    if rule == "credential":
        if b"://" in value:
            return False  # where a token is to be had
        return len(value) >= 12 and is_random(value)
    return len(value) >= 8 and is_random(value, wordy=0.7)


def _kinds(value: bytes) -> int:
    """Return how many kinds of characters a password has: lower, upper, digits, others."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    return sum(not set(value).isdisjoint(kind.encode()) for kind in kinds)


LONGEST_PASSWORD: Final = 64
URL_SIGN: Final = rb"://[^ \t\n\r\f\x0b/:@\"'<>\\{}]*:[^ \t\n\r\f\x0b/@\"'<>\\{}]{3,}@[\w.-]"
URL_PASSWORD: Final = re.compile(
    rb"://([^\s/:@\"'<>\\{}]{0,64}):([^\s/@\"'<>\\{}]{3,128})@([\w.-]{1,253})"
)


def passwords_in_urls(text: bytes) -> Iterator[Redaction]:
    """Find passwords such as that of `postgres://user:password@host/database`."""
    for match in URL_PASSWORD.finditer(text):
        user, password, host = map(unquote_to_bytes, match.groups())
        if is_placeholder(password) or password == user:
            continue
        is_here = host in (b"localhost", b"127.0.0.1") or b"example" in host
        if is_random(password) or (not is_here and _kinds(password) > 1 and len(password) >= 8):
            yield Redaction("url_password", *match.span(2))


DECODED_SIGN: Final = rb"ecode64!?\((?:<<)?\"[\w+/-]{40}"
DECODED: Final = re.compile(rb"ecode64!?\((?:<<)?\"([\w+/-]{40,256}={0,2})\"")
KEY_BEFORE: Final = 60


def decoded_keys(text: bytes) -> Iterator[Redaction]:
    """Find a key that is written as `key: Base.decode64!("...")`."""
    for match in DECODED.finditer(text):
        before = text[max(0, match.start() - KEY_BEFORE) : match.start()].rpartition(b"\n")[2]
        if b"key" in before.lower() and b"public" not in before and is_random(match[1]):
            yield Redaction("credential", *match.span(1))


BASIC_SIGN: Final = rb"asic [A-Za-z0-9+/]{8}"
BASIC: Final = re.compile(rb"asic ([A-Za-z0-9+/]{8,256}={0,2})")


def basic_credentials(text: bytes) -> Iterator[Redaction]:
    """Find a password in the header `Authorization: Basic`."""
    for match in BASIC.finditer(text):
        try:
            user, colon, password = b64decode(match[1], validate=True).partition(b":")
        except ValueError:
            continue
        if colon and user.isascii() and not is_placeholder(password) and is_random(password):
            yield Redaction("credential", *match.span(1))


WEB_KEY_SIGN: Final = rb"kty"
"""The member that every such key has. A pattern of whole members makes the screen take twice as
long.
"""
WEB_KEY: Final = re.compile(
    rb"[\"'](?:d|p|q|dp|dq|qi|k)\\?[\"'](?:>>)?\s{0,8}(?::|=>|,)\s{0,8}(?:<<)?\\?[\"']"
    rb"([A-Za-z0-9_-]{20,2048})"
)


def web_keys(text: bytes) -> Iterator[Redaction]:
    """Find the private members of JSON Web Keys (RFC 7518, 6.2.2, 6.3.2 and 6.4.1)."""
    if WEB_KEY_SIGN not in text:
        return
    for match in WEB_KEY.finditer(text):
        if is_random(match[1]):
            yield Redaction("json_web_key", *match.span(1))


# What a value looks like --------------------------------------------------------------------------

PLACEHOLDER: Final = re.compile(
    rb"example|change[_-]?me|placeholder|replace|your[_-]|[_-]here|dummy|fake|sample|redacted|todo"
    rb"|(?<![a-z])insert|xxxx|\*\*\*|\.\.\.|12345|^abcd|abcdef|abc123|01234|98765|deadbeef|cafebabe"
    rb"|not[_-]?a[_-]?real|#\{|\$\{|<%|%\{|\{\{|password|passwd|qwerty|secret|foobar"
    rb"|get_env|fetch_env|(.)\1{5}",
    re.IGNORECASE,
)
CHUNK: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
VOWELS: Final = frozenset("aeiouyAEIOUY")
RARE: Final = frozenset("jqxzJQXZ")


def is_placeholder(value: bytes) -> bool:
    """Return whether a value only stands for one."""
    return len(set(value)) < 5 or PLACEHOLDER.search(value) is not None


def is_random(value: bytes, wordy: float = 0.5) -> bool:
    """Return whether a machine seems to have made a value.

    At most a share `wordy` of its letters and digits is in words that people could read, where a
    value of many digits needs letters among them.
    """
    text = value.decode("latin-1")
    letters = sum(each.isalpha() for each in text)
    digits = sum(each.isdigit() for each in text)
    if len(value) < 8 or letters < 3 or len(set(value)) < 6:
        return False
    if digits > 1 and len(value) >= SHORTEST_TOKEN and text.isalnum() and text.isupper():
        return True  # a constant would have underscores
    chunks = CHUNK.findall(text)
    readable = sum(len(chunk) for chunk in chunks if len(chunk) >= 3 and _is_word(chunk))
    if readable > wordy * (letters + digits):
        return False
    return bool(digits) or len(chunks) >= 4 or len(value) >= SHORTEST_TOKEN


def _is_word(chunk: str) -> bool:
    """Return whether letters can be read: vowels, no long rows of consonants, few rare letters."""
    if chunk.isdigit():
        return False
    if len(chunk) >= SHORTEST_TOKEN and chunk.isupper():
        return False  # what Erlang makes as a cookie
    vowels = sum(each in VOWELS for each in chunk)
    rows = (len(list(row)) for is_vowel, row in groupby(chunk, VOWELS.__contains__) if not is_vowel)
    rare = sum(each in RARE for each in chunk)
    return vowels * 5 >= len(chunk) and max(rows, default=0) <= 4 and rare * 5 <= len(chunk)
