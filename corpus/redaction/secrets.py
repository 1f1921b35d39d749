"""Rules for secrets and private keys in source code.

Tokens with a known format (GitHub, AWS, Stripe, ...) are found by kingfisher-secret-scanner, which
runs in this process and makes no network requests. Most secrets in Elixir and Erlang code have no
fixed format. They are found by the name of the variable, key or attribute that they are assigned
to, in the syntax of both languages, if the value looks randomly generated. Placeholders and words
are kept, such as `password: "postgres"`. In the configuration of a release
(`is_deployed`) a password that is a word is redacted as well, unless it is a default of a server.
"""

import re
import string
from base64 import b64decode
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, groupby, pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from corpus.filters.verdict import Redaction
from corpus.screen import SPACE, Screen
from corpus.source import TEST_FOLDERS

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

# Tokens of known forms ----------------------------------------------------------------------------

SCANNERS: Final = ("betterleaks.", "kingfisher.", "veles.")
"""How the names of the scanner's rules begin."""
SHORTEST_TOKEN: Final = 16
"""Length of the shortest secret that the scanner finds. A text without a word of this length is not
scanned, so the scanner need not be loaded.
"""
TOKEN_SIGN: Final = rb"[A-Za-z0-9+/=_-]{%d}" % SHORTEST_TOKEN
PUBLIC: Final = re.compile(
    r"(?:[-.](?:client-)?id|-(?:user)?name|-(?:url|host|domain|repository|address|account|key-id"
    r"|pub-key|public-key))(?:\.\d+)?$"
)
"""Rules of the scanner that are ignored: they find names, addresses and public keys."""
OURS: Final = frozenset(
    ("betterleaks.private-key", "betterleaks.generic-credential-uri", "betterleaks.curl-auth-user")
)
"""Rules of the scanner that are ignored because rules below are more precise."""
WEBHOOKS: Final = frozenset(("betterleaks.slack-webhook-url",))
PLAIN: Final = re.compile(rb"[\w+/=.:@~%!$^&*?,-]+")
"""Characters of a span that is inside one literal."""


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
    """Load the scanner before texts are read if one of them needs it.

    Otherwise the time would count against the budget of the first text.

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
"""Matches what separates the lines of a key: line ends, escaped line ends, quotes, operators,
comment signs and the headers of the key.
"""
KEY_LINE: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
BLANKS: Final = re.compile(rb"(?:\s|\\[rn])*")
KEY_LINE_LEAST: Final = 16
KEY_LEAST: Final = 40
"""Least bytes of base64 in a key; a shorter body is an example such as `MIIE...`."""
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
    """Merge lines that are separated by whitespace only."""
    start, end = lines[0]
    for first, last in lines[1:]:
        if BLANKS.fullmatch(text, end, first):
            end = last
        else:
            yield Redaction("private_key", start, end)
            start, end = first, last
    yield Redaction("private_key", start, end)


# Secrets by the names they have -------------------------------------------------------------------

ANYTHING: Final = re.compile(rb"")
KEYS: Final = (
    rb"api|app|auth|access|account|private|signing|encryption|master|shared|license|cipher|crypto?"
    rb"|aes|server|admin|service|consumer|hmac|jwt|webhook|deploy|write|read"
)
"""Words before `key` in the name of a secret; they may be at the end of the line before."""
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
"""A part of a name in lower case, patterns for the text before and after it, and the rule."""
LONGEST_BEFORE: Final = 12
JOINS: Final = (
    rb"(?:Enum\.join|IO\.iodata_to_binary|List\.to_string|(?::?erlang[.:])?iolist_to_binary)\("
)
"""Functions that make one text of a list of literals."""
PIPED: Final = (
    rb"\[\s{0,40}(?:<<)?(?=\"[^\"\n]{0,256}\"(?:>>)?[\s,]{0,80}\]\s{0,80}\|>\s{0,80}"
    rb"(?:Enum\.join|IO\.iodata_to_binary|List\.to_string|:erlang\.iolist_to_binary))"
)
"""A list whose literals were joined to one before, and which is piped into such a function."""
ASSIGNED: Final = re.compile(
    rb"[\w?!-]{0,40}"  # the rest of the name
    rb"(?:\\?[\"'])?(?:>>)?[)\]]?\s{0,40}"  # the end of a quoted key
    rb"(?P<mark>=>|:=|\|\||<>|[=:(]|(?:,\s{0,40})?do:|,)?\s{0,40}"
    rb"(?:(?:node\(\)|self\(\)|:?[\w.]{1,40}),\s{0,8})?"  # the first of two arguments
    rb"(?:<<\s{0,8})?(?:%b\[\s{0,40}(?:#[^\n]{0,160}\n\s{0,40}){0,4}(?:<<)?|%b)?"  # a joined list
    rb"(?:(?:~[csSC])?(?P<opening>\"\"\"\s{1,80}|:?\\?[\"']|(?<=~[csSC])[(\[{|/<])|:|)"
    % (JOINS, PIPED)
)
"""From the middle of a name to the value: in Elixir `name: "`, `"name" => "`, `@name "`,
`:name, "`, `name = ~s(`; in Erlang `{name, <<"`, `name => "`; in text `NAME=`, `name: `.
"""
BLANK_IS_ENOUGH: Final = frozenset((b"cookie", b"bearer"))
"""Names with only a blank between name and value: `-setcookie VALUE`, `Bearer VALUE`."""
QUOTED: Final = re.compile(rb"[^\s\"'\\<>{}|()\[\]`]{6,256}")
SPACED: Final = re.compile(rb"[^\s\"'\\<>{}|()\[\]`]{1,64}(?: [^\s\"'\\<>{}|()\[\]`]{1,64}){1,7}")
"""A password of several words."""
BARE_VALUE: Final = re.compile(rb"[\w+/=.:-]{16,256}")
WRAPPED: Final = re.compile(
    rb"(?:[ \t]{0,8}\r?\n[ \t]{0,80}[A-Za-z0-9+/_-]{4,256}={0,2}(?=[ \t]{0,8}[\r\n\"']))+"
)
"""More lines of a value in base64, in a heredoc or a literal of several lines."""
WRAPPED_LINE: Final = re.compile(rb"[A-Za-z0-9+/_-]{24,256}")
MOST_NESTED: Final = 4
"""Of values that overlap, as in `token=token=...`, the first ones are judged, and the last one.
Each has up to 256 bytes, so that judging all of them would take quadratic time.
"""

_BLANKS: Final = SPACE + b"*"
_REST: Final = rb"[\w?!-]*(?:\\?[\"'])?(?:>>)?[)\]]?" + _BLANKS
_NAME: Final = (
    rb"(?:(?:secret|salt|pwd|token|bearer|cookie|(?:%b)[_-]?\n?key|pass(?:w|phrase|[_?!-]))%b"
    rb"|pass(?:\\?[\"'])?(?:>>)?[)\]]?%b)" % (KEYS, _REST, _BLANKS)
)
_MARK: Final = rb"(?:=>|:=|\|\||<>|[=:]|(?:,%b)?do:|,)?%b" % (_BLANKS, _BLANKS)
_SECOND: Final = rb"(?::?[\w.()]+,%b)?(?:<<%b)?(?:(?:[\w.:]+\()?\[(?:%b|#[^\n]*\n)*(?:<<)?)?" % (
    *(_BLANKS,) * 2,
    SPACE,
)
_QUOTED: Final = (
    rb"(?:(?:~[csSC])?(?:\"\"\"%b|:?\\?[\"'])|~[csSC][(\[{|/<])[^ \t\n\r\f\x0b\"'\\<>{}|()\[\]`]{6}"
    % (SPACE + b"+",)
)
_BARE: Final = rb"[\w+/=.:-]{16}"
_SPACED: Final = rb"(?:passw|passphrase|pwd)%b%b(?:~[csS])?[\"'][^\n\"'\\<>{}|()\[\]`]{8}" % (
    _REST,
    _MARK + _SECOND,
)
NAME_SIGN: Final = b"(?i)(?:%b)" % b"|".join(
    (
        _NAME + _MARK + _SECOND + b"(?:%b|:%b)" % (_QUOTED, _BARE),
        _NAME + rb"(?:(?:,%b)?do:|:?=|:)%b%b" % (_BLANKS, _BLANKS, _BARE),
        b"cookie" + _REST + rb"\(" + _BLANKS + _SECOND + b"(?:%b|:%b)" % (_QUOTED, _BARE),
        b"(?:cookie|bearer)" + SPACE + b"+" + _BARE,
        _SPACED,
    )
)
"""Matches wherever `named_secrets` finds something: a name, and a value that may be one.
Repetitions have no bounds here, because each bound adds states to an automaton.
"""


def named_secrets(text: bytes) -> Iterator[Redaction]:
    """Find values that are assigned to a name such as `api_key` and look randomly generated."""
    lower = text.lower()
    for name, before, behind, rule in NAMES:
        reach = nested = 0
        innermost: tuple[Redaction, bool] | None = None
        for place in _places(lower, name):
            end = place + len(name)
            if before is not ANYTHING and not before.search(
                lower[max(0, place - LONGEST_BEFORE) : place]
            ):
                continue
            named = _named(text, lower, place, end, rule) if behind.match(lower, end) else None
            if named is None:
                continue
            secret, _ = named
            nested = nested + 1 if secret.start < reach else 0
            reach = max(reach, secret.end)
            if nested >= MOST_NESTED:
                innermost = named
                continue
            if innermost is not None:
                if _is_secret(text, *innermost):
                    yield innermost[0]
                innermost = None
            if _is_secret(text, *named):
                yield secret
        if innermost is not None and _is_secret(text, *innermost):
            yield innermost[0]


def _places(text: bytes, name: bytes) -> Iterator[int]:
    place = text.find(name)
    while place >= 0:
        yield place
        place = text.find(name, place + len(name))


def _named(
    text: bytes, lower: bytes, start: int, end: int, rule: str
) -> tuple[Redaction, bool] | None:
    """Return the span of the value behind a part of a name, and whether it has no quotes."""
    assigned = ASSIGNED.match(text, end)
    assert assigned is not None, "it matches nothing, too"
    if assigned["mark"] == b"(" and rule != "cookie":
        return None  # a call: its argument need not be a secret
    kind = "secret_key_base" if lower.startswith(b"_key_base", end) else rule
    value = _value(text, assigned, lower[start:end] in BLANK_IS_ENOUGH)
    opening = assigned["opening"] or b""
    if value is None and rule == "password" and opening.endswith((b'"', b"'")):
        spaced = SPACED.match(text, assigned.end())
        if spaced and text[spaced.end() : spaced.end() + 1] == opening[-1:]:
            value = spaced.span()
    if value and ID_OF.search(lower, max(0, start - LONGEST_BEFORE), end):
        value = None if UUID.fullmatch(text, *value) else value
    return (Redaction(kind, *value), not assigned["opening"]) if value else None


ID_OF: Final = re.compile(rb"(?:app|application|account|service|consumer|client)[_-]?key\Z")
"""Names of keys that tell an application from others: their UUID is an identifier."""
UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def _value(text: bytes, assigned: re.Match[bytes], blank_is_enough: bool) -> tuple[int, int] | None:
    """Return the span of the value behind a name, if it is a literal."""
    start = assigned.end()
    if assigned["opening"]:
        value = QUOTED.match(text, start)
        if value is None:
            return None
        end = value.end()
        if WRAPPED_LINE.fullmatch(value[0]) and (wrapped := WRAPPED.match(text, end)):
            end = wrapped.end()
        return (start, end) if text[end : end + 1] in _closing(assigned["opening"]) else None
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


def _is_secret(text: bytes, span: Redaction, is_bare: bool) -> bool:
    value, rule = text[span.start : span.end], span.rule
    if is_placeholder(value):
        return False
    if rule == "cookie" and b"=" in value.rstrip(b"="):
        return False  # a cookie of HTTP
    if rule == "password" and b" " in value:
        # A sentence, such as what a form says of a password, can be read as words.
        return _kinds(value) >= 3 and is_random(value.replace(b" ", b""))
    if rule == "password" and not is_bare:
        return len(value) <= LONGEST_PASSWORD and (is_random(value) or _kinds(value) == 4)
    if rule == "credential":
        if b"://" in value:
            return False  # the address of a service that issues tokens
        return len(value) >= 12 and is_random(value)
    return len(value) >= 8 and is_random(value, wordy=0.7)


def _kinds(value: bytes) -> int:
    """Return how many kinds of characters a password has: lower, upper, digits, others."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    return sum(not set(value).isdisjoint(kind.encode()) for kind in kinds)


BYTE: Final = rb"(?:0x|16#)?[0-9A-Fa-f]{1,3}"
BYTES_SIGN: Final = rb"<<%b[0-9][0-9A-Fa-fx#]*%b,%b[0-9][0-9A-Fa-fx#]*%b," % ((_BLANKS,) * 4)
BYTES: Final = re.compile(
    rb"<<\s{0,8}(?P<bytes>%b(?:\s{0,80},\s{0,80}%b){15,511})\s{0,80}>>" % (BYTE, BYTE)
)
BYTES_BEFORE: Final = 80
BYTES_NAME: Final = re.compile(
    rb"(?P<name>[\w?!-]{1,64})[\"']?(?:>>)?"
    rb"\s{0,8}(?:=>|:=|[=:,]|\(\)\s{0,8}->|,?\s{0,8}do:)?\s{0,40}\Z"
)
"""What stands before a binary that has a name: `@key <<`, `Key = <<`, `{key, <<`."""
NAME_OF_BYTES: Final = re.compile(
    rb"(?:(?i:secret|passphrase|salt|(?:\A|[_-])key|(?:%b)key)|[a-z0-9]Key)"
    rb"(?:_?(?i:base|bytes|binary|bin|data|\d{1,3}))?\Z" % KEYS
)
"""The name of one key: `keys`, `key_codes`, `keyframes` and `monkey` name tables and others."""
FEWEST_DIFFERENT: Final = 10
"""Different bytes of a key. A table or a counter has fewer, equal steps between them, or is sorted.
"""


def byte_keys(text: bytes) -> Iterator[Redaction]:
    """Find keys that are written as a binary of at least 16 numbers."""
    for match in BYTES.finditer(text):
        before = text[max(0, match.start() - BYTES_BEFORE) : match.start()]
        named = BYTES_NAME.search(before)
        name = named["name"] if named else b""
        if not NAME_OF_BYTES.search(name) or b"pub" in name.lower():
            continue
        words = [each.strip().lower() for each in match["bytes"].split(b",")]
        digits = [each.removeprefix(b"0x").removeprefix(b"16#") for each in words]
        pairs = zip(words, digits, strict=True)
        try:
            numbers = [int(each, 10 if each == word else 16) for word, each in pairs]
        except ValueError:
            continue
        steps = {(left - right) % 256 for left, right in pairwise(numbers)}
        is_sorted = sorted(numbers) in (numbers, numbers[::-1])
        is_varied = len(set(numbers)) >= FEWEST_DIFFERENT and len(steps) > 3
        if max(numbers) < 256 and is_varied and not is_sorted:
            yield Redaction("credential", *match.span("bytes"))


LONGEST_PASSWORD: Final = 64
URL_SIGN: Final = rb"://[^ \t\n\r\f\x0b/:@\"'<>\\{}]*:[^\t\n\r\f\x0b/@\"'<>\\{}]{3,}@[\w.-]"
URL_PASSWORD: Final = re.compile(
    rb"://([^\s/:@\"'<>\\{}]{0,64}):([^\s/@\"'<>\\{}]{3,128})@([\w.-]{1,253})"
)


SPACED_URL: Final = re.compile(
    rb"[\"'(\[{|](?:ecto|postgres(?:ql)?|mysql|mariadb|amqps?|rediss?|mongodb(?:\+srv)?)"
    rb"://([^\s/:@\"'<>\\{}]{0,64}):([^\s/@\"'<>\\{}]{1,64}(?: [^\s/@\"'<>\\{}]{1,64}){1,7})"
    rb"@([\w.-]{1,253})"
)
"""The address of a database in a literal, with blanks in its password that are not encoded."""


def passwords_in_urls(text: bytes) -> Iterator[Redaction]:
    """Find passwords such as that of `postgres://user:password@host/database`."""
    for match in chain(URL_PASSWORD.finditer(text), SPACED_URL.finditer(text)):
        user, password, host = map(unquote_to_bytes, match.groups())
        if is_placeholder(password) or password == user:
            continue
        is_here = host in (b"localhost", b"127.0.0.1") or b"example" in host
        kinds = _kinds(password) + (b" " in password)
        if is_random(password) or (not is_here and kinds > 1 and len(password) >= 8):
            yield Redaction("url_password", *match.span(2))


DEPLOYED: Final = re.compile(
    r"(?:.*/)?config/(?!dev|test|local|ci\b|docker|example|sample)[^/]+\.exs", re.IGNORECASE
)
"""Configuration that a release runs with; that of development and tests has passwords of nobody."""
DEPLOYED_PASSWORD: Final = re.compile(
    rb"(?:passw(?:or)?d|passphrase|(?P<pass>(?<![A-Za-z])(?:db|user|smtp|mail)?pass))"
    rb"[\"']?\)?\s{0,8}(?::|=>|=|\|\||(?P<comma>,))\s{0,40}"
    rb"(?:(?:~[csS])?(?P<quote>[\"'])"
    rb"(?P<quoted>(?=[^\n\"']{4})[^\s\"'\\<>{}|#]{1,64}(?: [^\s\"'\\<>{}|#]{1,64}){0,7})(?P=quote)"
    rb"|~[csS][({\[](?P<sigil>[^\s\"'\\<>{}|#()\[\]]{4,64})[)}\]])"
    rb"|://[^\s/:@\"'<>\\{}]{0,64}:"
    rb"(?P<url>(?=[^\n\"'@]{4})[^\s/@\"'<>\\{}#]{1,64}(?: [^\s/@\"'<>\\{}#]{1,64}){0,7})@",
    re.IGNORECASE,
)
VALUE_FOLLOWS: Final = re.compile(
    rb"(?:\{\s{0,40}|env!?\(\s{0,40}|:system,\s{0,40})(?::|~[csS])?[\"']?[\w.-]{0,40}\Z"
)
"""Before a name with a comma behind it: `{:password, "..."}`, `get_env("PASSWORD", "...")`. In a
list, such as that of the parameters that are not logged, no value follows.
"""
BEFORE_NAME: Final = 100
MEDIA_TYPE: Final = re.compile(rb"[\w*.+-]+/[\w*.+-]+")
"""What `pass` of `Plug.Parsers` has."""
VARIABLE: Final = re.compile(rb"(?:env:|\$|%)?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+%?|\$\w+|%\w+%|env:\w+")
"""The name of an environment variable."""
DEFAULTS: Final = frozenset(
    (
        *(b"postgres", b"postgresql", b"password", b"passwd", b"pass", b"root", b"admin", b"guest"),
        *(b"user", b"username", b"mysql", b"mariadb", b"redis", b"rabbitmq", b"mongo", b"secret"),
        *(b"test", b"testing", b"dev", b"development", b"default", b"ecto", b"phoenix", b"elixir"),
        *(b"nil", b"none", b"null", b"empty", b"public", b"anonymous", b"minio", b"minioadmin"),
        *(b"string", b"changeit"),
    )
)
"""Passwords that servers and generators come with: they protect nothing."""


def is_deployed(path: str) -> bool:
    """Return whether a file configures a release, so that its passwords are in use."""
    if not path.endswith(".exs") or DEPLOYED.fullmatch(path) is None:
        return False
    return TEST_FOLDERS.isdisjoint(path.lower().split("/")[:-1])


def deployed_passwords(text: bytes) -> Iterator[Redaction]:
    """Find passwords that are words, in a file for which `is_deployed` holds."""
    for match in DEPLOYED_PASSWORD.finditer(text):
        group = match.lastgroup
        assert group is not None
        before = text[max(0, match.start() - BEFORE_NAME) : match.start()]
        if match["comma"] and not VALUE_FOLLOWS.search(before):
            continue
        if match["pass"] and MEDIA_TYPE.fullmatch(match[group]):
            continue
        value = unquote_to_bytes(match[group])
        if (
            value.lower() in DEFAULTS
            or PLACEHOLDER.search(value)
            or VARIABLE.fullmatch(match[group])
        ):
            continue
        yield Redaction("url_password" if group == "url" else "password", *match.span(group))


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


# Random values and placeholders -------------------------------------------------------------------

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
    """Return whether a value is a placeholder, such as `changeme`."""
    return len(set(value)) < 5 or PLACEHOLDER.search(value) is not None


def is_random(value: bytes, wordy: float = 0.5) -> bool:
    """Return whether a value looks randomly generated.

    At most a share `wordy` of its letters and digits may be in parts that can be read as words. A
    value needs three letters, so that numbers do not count.
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
    """Return whether letters can be read as a word.

    A word has vowels, at most four consonants in a row and few rare letters.
    """
    if chunk.isdigit():
        return False
    if len(chunk) >= SHORTEST_TOKEN and chunk.isupper():
        return False  # a cookie that Erlang generated
    vowels = sum(each in VOWELS for each in chunk)
    rows = (len(list(row)) for is_vowel, row in groupby(chunk, VOWELS.__contains__) if not is_vowel)
    rare = sum(each in RARE for each in chunk)
    return vowels * 5 >= len(chunk) and max(rows, default=0) <= 4 and rare * 5 <= len(chunk)
