"""E-mail addresses outside reserved domains, and IP addresses that are routed on the internet."""

import re
import string
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from corpus.filters.verdict import Redaction
from corpus.screen import SPACE

# E-mail addresses ---------------------------------------------------------------------------------

EMAIL_SIGN: Final = rb"\w@[A-Za-z0-9][A-Za-z0-9-]*\.[A-Za-z0-9]"
"""Matches wherever `emails` finds something."""
AT: Final = re.compile(
    rb"@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9])"
)
"""A domain name behind an at sign."""
LOCAL: Final = (string.ascii_letters + string.digits + "._%+'-").encode()
"""What local parts are made of in practice; RFC 5321 allows more."""
LONGEST_LOCAL: Final = 64
WORD: Final = frozenset((string.ascii_letters + string.digits + "_").encode())
RESERVED_DOMAINS: Final = frozenset(("example.com", "example.net", "example.org"))
RESERVED_ENDINGS: Final = frozenset(
    ("example", "test", "invalid", "localhost", "local", "localdomain", "internal", "lan", "alt")
)
"""RFC 2606, 6761, 6762 and 9476, and names that are used inside networks only."""
FILE_ENDINGS: Final = frozenset(
    (
        *("png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "scss", "js", "mjs", "jsx"),
        *("tsx", "json", "ex", "exs", "erl", "hrl", "beam", "eex", "heex", "html", "htm", "txt"),
        *("rb", "yml", "yaml", "toml", "xml", "pdf", "gz", "lock", "git", "erlang", "elixir"),
    )
)
"""No top-level domains: `icon@2x.png` is a file."""
THREE_LETTERS: Final = frozenset(
    (
        *("com", "org", "net", "edu", "gov", "mil", "int", "biz", "pro", "tel", "cat"),
        *("app", "dev", "inc", "llc", "ltd", "one", "xyz", "top", "win", "bid", "fun"),
        *("icu", "vip", "ceo", "bar", "bio", "cab", "cam", "car", "day", "dog", "eco"),
        *("fan", "fit", "fyi", "ink", "law", "lol", "moe", "ngo", "ong", "pub", "red"),
        *("rip", "run", "ski", "soy", "tax", "uno", "wtf", "zip", "mov", "art", "ist"),
        *("nyc", "rio", "srl", "wed", "wow", "how", "new", "now", "foo", "aws", "bet"),
        *("bot", "box", "buy", "dad", "dot", "eus", "fly", "fox", "gal", "gay", "gle"),
        *("gmo", "gmx", "got", "hot", "ing", "joy", "kim", "lat", "mba", "mit", "mom"),
        *("ovh", "pay", "pet", "phd", "pin", "sap", "sas", "sbs", "spa", "vet", "vin"),
        *("you"),
    )
)
"""Top-level domains of three letters in use. Those of two letters are all countries or may become
one, and longer ones are too many to be named.
"""
SERVICES: Final = frozenset((b"git", b"hg", b"svn"))
"""Users of addresses such as `git@host.org:owner/name`."""


def emails(text: bytes) -> Iterator[Redaction]:
    """Find e-mail addresses, but for those at reserved domains."""
    for match in AT.finditer(text):
        at = match.start()
        if at == 0 or text[at - 1] not in WORD:
            continue
        before = text[max(0, at - LONGEST_LOCAL) : at]
        local = before[len(before.rstrip(LOCAL)) :].lstrip(b"._%+'-")
        start = at - len(local)
        if local and text[start - 1 : start] == b"\\" and start > 0:
            local, start = local[1:], start + 1  # the letter of an escape such as \n
        domain, end = match[1], match.end()
        while b"." in domain and domain.rpartition(b".")[2].decode().lower() in FILE_ENDINGS:
            domain = domain.rpartition(b".")[0]  # a file that is called after an address
            end = at + 1 + len(domain)
        if not local or b"." not in domain or is_reserved_domain(domain.decode().lower()):
            continue
        if local.lower() in SERVICES or _is_in_address(text, start, end):
            continue
        yield Redaction("email", start, end)


SPELLED_SIGN: Final = rb"(?i)[ \[(<{]dot[ \])>}]|[\[(<{]at[\])>}]|[\[(<{] at [\])>}]"
"""Matches wherever `spelled_emails` finds something. Without repetitions, which take longer."""
DOT: Final = rb"(?:\.| {1,3}dot {1,3}| {0,3}[\[(<{] ?dot ?[\])>}] {0,3})"
SPELLED_AT: Final = re.compile(rb"at(?: ?[\])>}]| {1,3}[a-z0-9-]{1,63} {1,3}[\[(<{]?dot)")
"""Searched first in lower case: a literal beginning is found ten times as fast."""
SPELLED: Final = re.compile(
    rb"(?:(?P<bare> {1,3}at {1,3})| {0,3}(?:[\[(<{]at[\])>}]|[\[(<{] at [\])>}]) {0,3})"
    rb"(?P<domain>[a-z0-9-]{1,63}(?:%b[a-z0-9-]{1,63}){1,4})(?![A-Za-z0-9@-])" % DOT,
    re.IGNORECASE,
)
SPELLED_LOCAL: Final = re.compile(
    rb"[A-Za-z0-9_+%%-][\w.+%%-]{0,63}(?:%b[\w+%%-]{1,63}){0,2}\Z" % DOT, re.IGNORECASE
)
SPELLED_DOT: Final = re.compile(DOT, re.IGNORECASE)
SPELLED_ENDINGS: Final = THREE_LETTERS | frozenset(
    (
        *("io", "de", "uk", "fr", "se", "dk", "nl", "ch", "eu", "us", "br", "jp", "ru", "pl"),
        *("cz", "es", "pt", "fi", "au", "ca", "nz", "co", "info", "name", "tech", "cloud"),
    )
)
"""Top-level domains behind a bare `dot`; others, such as `it` and `is`, are words of prose."""
NOBODY: Final = frozenset(
    (
        *(b"me", b"us", b"it", b"is", b"are", b"be", b"or", b"and", b"see", b"look", b"found"),
        *(b"hosted", b"available", b"reach", b"page", b"site", b"documentation", b"docs"),
        *(b"error", b"meet", b"runs", b"running", b"lives", b"visit", b"more", b"project"),
        *(b"deployed", b"evaluated", b"listed", b"maintained", b"published", b"released"),
        *(b"registered", b"served", b"stored", b"code", b"source", b"website", b"server"),
    )
)
"""Words before a bare `at` in a sentence about an address of the web."""
FIELDS: Final = frozenset(("name", "info", "id", "ip", "at"))
"""Endings that are rather a field or function, as in `the element (at) list.name`."""


def spelled_emails(text: bytes) -> Iterator[Redaction]:
    """Find e-mail addresses in words: `joe at mail dot org`, `joe [at] mail.org`."""
    for sign in SPELLED_AT.finditer(text.lower()):
        space = text[max(0, sign.start() - 7) : sign.start()]
        match = SPELLED.match(text, sign.start() - len(space) + len(space.rstrip(b" [(<{")))
        if match is None:
            continue
        before = text[max(0, match.start() - 2 * LONGEST_LOCAL) : match.start()]
        local = SPELLED_LOCAL.search(before)
        domain = SPELLED_DOT.sub(b".", match["domain"]).decode().lower()
        if local is None or is_reserved_domain(domain):
            continue
        ending = domain.rpartition(".")[2]
        if ending in FILE_ENDINGS or not ending.isalpha():
            continue
        is_domain = ending in SPELLED_ENDINGS or len(ending) == 2
        if b"." in match["domain"] and (ending in FIELDS or not is_domain):
            continue
        if match["bare"]:
            is_spelled = b"." not in match["domain"] and ending in SPELLED_ENDINGS
            if not is_spelled or local[0].lower() in NOBODY:
                continue
        yield Redaction("email", match.start() - len(local[0]), match.end())


def is_reserved_domain(domain: str) -> bool:
    """Return whether no mail can reach a domain, given in lower case."""
    labels = domain.split(".")
    if labels[-1] in RESERVED_ENDINGS:
        return True
    if len(labels[-1]) == 3 and labels[-1] not in THREE_LETTERS:
        return True
    return ".".join(labels[-2:]) in RESERVED_DOMAINS or domain.endswith("home.arpa")


def _is_in_address(text: bytes, start: int, end: int) -> bool:
    """Return whether this is user and host of a URL, such as `ssh://user@host.org`."""
    before = text[max(0, start - LONGEST_LOCAL) : start]
    place = before.rfind(b"//")
    if place >= 0 and not set(before[place:]) & set(b" \t\r\n\"'<>(),"):
        return True
    has_port = text[end : end + 1] == b":" and text[end + 1 : end + 2].isdigit()
    return has_port and before.endswith(b":")


# IP addresses -------------------------------------------------------------------------------------

DIGITS_AS_ZEROS: Final = bytes(
    ord("0") if chr(byte) in string.digits else byte for byte in range(256)
)
"""Maps digits to one byte, so that a pattern begins with a constant: 600 MB/s instead of 50."""
ADDRESS: Final = re.compile(
    rb"0(?:0{0,2}\.00{0,2}\.00{0,2}\.00{0,2}|[0A-Fa-f]{3}:[0A-Fa-f:]{2,35}(?:\.0{1,3}){0,3})"
)
"""An address of version 4, or one of version 6 that may be global: its first group has 4 digits."""
TUPLE: Final = re.compile(rb"\{\s{0,4}0")
TUPLE_OF_FOUR: Final = re.compile(rb"\{\s{0,4}0{1,3}(?:\s{0,4},\s{0,4}0{1,3}){3}\s{0,4}\}")
GROUP: Final = rb"(?:0x|16#)?[0-9A-Fa-f]{1,5}"
TUPLE_OF_EIGHT: Final = re.compile(
    rb"\{\s{0,4}" + GROUP + rb"(?:\s{0,4},\s{0,4}" + GROUP + rb"){7}\s{0,4}\}"
)
ADDRESS_SIGN: Final = b"|".join(
    (
        rb"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        rb"[0-9][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2}",
        rb"\{%b*[0-9]{1,3}(?:%b*,%b*[0-9]{1,3}){3}%b*\}" % ((SPACE,) * 4),
        rb"\{%b*[0-9][0-9A-Fa-fx#]*(?:%b*,%b*[0-9A-Fa-fx#]+){7}%b*\}" % ((SPACE,) * 4),
    )
)
"""Matches wherever `addresses` finds something."""
NEIGHBOURS: Final = frozenset((string.ascii_letters + string.digits + "._-").encode())
BEHIND: Final = NEIGHBOURS | frozenset(b"+")
"""The plus sign stands in versions."""
VERSION: Final = re.compile(
    rb"(?:version|vsn|release|\brel|otp|\bver|\bv|~>|(?<![<>=-])[<>]=?(?=\s)|section|\bsect?\.?|chapter|clause"
    rb"|part|appendix|annex|table|figure|\brfc[ -]?\d{0,5}|paragraph|oid|\xc2\xa7)"
    rb"[\s\"'\(:=,{]*$",
    re.IGNORECASE,
)
NETWORK: Final = re.compile(
    rb"\bip\b|ip_|_ip|ipv?[46]|\bips\b|addr|host|inet|peer|\bdns|nameserver|server|http|remote"
    rb"|client|proxy|forwarded|cidr|subnet|gateway|listen|\bbind|socket|\bping|route|resolve"
    rb"|\bnode|whitelist|allowlist|blocklist|geo",
    re.IGNORECASE,
)
"""Words in a line that speaks of addresses."""
CONTEXT: Final = 160
"""Bytes of a line before an address, and behind it, that tell what it is."""
NEAR: Final = 40
NUMBER_BEFORE: Final = re.compile(rb"[\d.] $")
NUMBER_BEHIND: Final = re.compile(rb" [-.\d]")
RESOLVERS: Final = frozenset((b"8,8,8,8", b"8,8,4,4", b"9,9,9,9", b"1,0,0,1"))
"""Resolvers that everybody knows: a tuple of these numbers is an address."""
LIKE_A_VERSION: Final = 32
"""Four numbers below this are also a version or a section, unless the line speaks of networks."""

SPECIAL: Final = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
"""IANA's registries of special-purpose addresses, and multicast. Not `is_global`, which differs
among versions of Python. 1.3.6.1 is where object identifiers of the internet begin.
"""
GLOBAL_V6: Final = ip_network("2000::/3")


def addresses(text: bytes) -> Iterator[Redaction]:
    """Find global IP addresses, in text and as a tuple of numbers."""
    view = text.translate(DIGITS_AS_ZEROS)
    for match in ADDRESS.finditer(view):
        start, end = match.span()
        if b":" in match[0]:
            while text[end - 1 : end] in (b":", b".") and text[end - 2 : end] != b"::":
                end -= 1
            if _is_v6(text, start, end):
                yield Redaction("ip_address", start, end)
        elif _is_v4(text, start, end):
            yield Redaction("ip_address", start, end)
    for opening in TUPLE.finditer(view):
        place = opening.start()
        if four := TUPLE_OF_FOUR.match(view, place):
            if _is_tuple(text, *four.span()):
                yield Redaction("ip_address", *four.span())
        elif (eight := TUPLE_OF_EIGHT.match(text, place)) and _is_tuple_of_eight(text, eight):
            yield Redaction("ip_address", *eight.span())


def is_global_address(address: str) -> bool:
    """Return whether an address is routed on the internet; raise ValueError if it is none."""
    if ":" in address:
        found = IPv6Address(address)
        return found in GLOBAL_V6 and not any(
            found in network for network in SPECIAL if network.version == 6
        )
    number = IPv4Address(address)
    return address != "1.3.6.1" and not any(
        number in network for network in SPECIAL if network.version == 4
    )


def _is_v4(text: bytes, start: int, end: int) -> bool:
    if start and text[start - 1] in NEIGHBOURS:
        return False
    if text[end : end + 1] == b"." and text[end + 1 : end + 2].isalnum():
        return False
    if text[end : end + 1] != b"." and text[end : end + 1] and text[end] in BEHIND:
        return False
    address = text[start:end].decode()
    if not _is_global(address) or address.startswith(("2.5.4.", "2.5.29.")):
        return False
    before = text[max(0, start - CONTEXT) : start].rpartition(b"\n")[2]
    if before.endswith(b"/") and not before.endswith(b"//"):
        return False  # the version in a user agent or a path
    if VERSION.search(before[-NEAR:]):
        return False
    if NUMBER_BEFORE.search(before) and NUMBER_BEHIND.match(text, end):
        return False  # the outline of a drawing
    if max(map(int, address.split("."))) >= LIKE_A_VERSION:
        return True
    return NETWORK.search(_line(text, start, end)) is not None


def _is_v6(text: bytes, start: int, end: int) -> bool:
    if start and (text[start - 1] in NEIGHBOURS or text[start - 1 : start] == b":"):
        return False
    if end < len(text) and text[end] in NEIGHBOURS and text[end : end + 1] != b".":
        return False
    address = text[start:end]
    if address.count(b":") < 3 and address.replace(b":", b"").isdigit():
        return False  # `<<2600::16>>` is a number and its size
    return _is_global(address.decode())


def _is_tuple(text: bytes, start: int, end: int) -> bool:
    """Return whether a tuple is an address: colours and versions are written in the same way."""
    numbers = b"".join(text[start + 1 : end - 1].split())
    if text[start - 1 : start] in (b"%", b"#"):
        return False
    if not _is_global(numbers.replace(b",", b".").decode()):
        return False
    return numbers in RESOLVERS or NETWORK.search(_line(text, start, end)) is not None


def _is_tuple_of_eight(text: bytes, match: re.Match[bytes]) -> bool:
    """Return whether eight numbers, decimal or hexadecimal, are a global address, no prefix."""
    numbers = []
    for each in match[0].strip(b"{}").split(b","):
        word = each.strip().lower()
        digits = word.removeprefix(b"0x").removeprefix(b"16#")
        try:
            numbers.append(int(digits, 16 if digits != word else 10))
        except ValueError:
            return False
    if max(numbers) > 0xFFFF or not any(numbers[1:]):
        return False
    if not _is_global(":".join(f"{number:x}" for number in numbers)):
        return False
    return NETWORK.search(_line(text, *match.span())) is not None


def _is_global(address: str) -> bool:
    try:
        return is_global_address(address)
    except ValueError:
        return False


def _line(text: bytes, start: int, end: int) -> bytes:
    """Return the line of a span, without the span."""
    before = text[max(0, start - CONTEXT) : start].rpartition(b"\n")[2]
    after = text[end : end + CONTEXT].partition(b"\n")[0]
    return before + b" " + after
