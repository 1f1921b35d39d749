"""Recognition of licence files and their texts."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from licenseclassifier import LicenseIdentificationResult

LONGEST_TEXT = 256 * 1024
"""Maximum number of bytes of a licence file that are read; GPL-3.0 has 35 KB. It takes at most
about 0.1 s.
"""

NAME = re.compile(
    r"(?:[a-z0-9.+]+[-_])?"
    r"(?:(?P<license>li[cs]en[cs]es?|un-?licen[cs]e|copying|copyright)|(?P<notice>notice))"
    r"(?:[-_. ].*)?"
    r"|(?P<named>(?:gnu[-_ ]?)?(?:[al]?gpl|mpl|epl|erlpl|bsl|busl|sspl|apl|eula|apache|bsd|mit"
    r"|isc|cddl|eupl)(?:[-_ ]?v?\d(?:\.\d+)*)?(?:[-_](?:only|or[-_]later|clause|licen[cs]e))*)"
    r"(?:\.(?:txt|md|rst|html?))?",
    re.IGNORECASE,
)
"""LICENSE, LICENCE.md, LICENSE-MIT, MIT-LICENSE.txt, COPYING.LESSER, UNLICENSE, LISENSE.md; and
files with the name of a licence: GPL.txt, Apache-2.0."""
CODE_SUFFIXES = frozenset(
    (".ex", ".exs", ".erl", ".hrl", ".eex", ".heex", ".json", ".js", ".ts", ".py", ".sh", ".xrl")
)
REUSE_FOLDER = "LICENSES"
"""The folder for licence texts in the REUSE specification (3.3)."""

RIDER = re.compile(
    r"commons\s+clause|\bnon-?commercial\w*|\btrain(?:ing)?\b[^.]{0,60}\b(?:models?|AI)\b",
    re.IGNORECASE,
)
"""Conditions that people add to a known licence, which its recognition ignores."""

TERMS = re.compile(
    r"(?:gnu\s+(?:affero\s+|lesser\s+|library\s+)?general\s+public|business\s+source|elastic"
    r"|functional\s+source|server\s+side\s+public)\s+licen[cs]e"
    r"|polyform\s+\w+|\bproprietary\b|\bend[- ]user\s+licen[cs]e|\bcommercial\s+licen[cs]e"
    r"|proprietary\s+and\s+confidential|unauthori[sz]ed\s+(?:copying|use)\b",
    re.IGNORECASE,
)
"""Phrases that identify a text that is not recognised as a whole: half of a Business Source License
are parameters of its author."""

MARKS = re.compile(
    r"\A\W*[^\n]{0,80}\b(?:trade\s?marks?|logos?|brand(?:ing)?)\b[^\n]{0,40}"
    r"\b(?:polic(?:y|ies)|guidelines?|usage|use|terms|rules|licen[cs]e)\b",
    re.IGNORECASE,
)
"""The title of a text about trademarks and pictures, which does not apply to code."""

APPENDED = re.compile(
    r"^[^\n]{0,60}?\b(?:third[- ]part(?:y|ies)|subcomponents?|bundled|dependenc(?:y|ies)"
    r"|(?:includes?|contains?|incorporates?|uses?)\s+(?:\w+\s+){0,3}?"
    r"(?:software|code|components?|files?|work|material|portions|parts)"
    r"|(?:portions|parts)\s+of\s+th(?:is|e))\b",
    re.IGNORECASE | re.MULTILINE,
)
"""The heading of a list of third-party licences that is appended to the licence."""

COPYRIGHT = re.compile(r"(copyright|\(c\)|©)[\s:]*(.*)", re.IGNORECASE)
SIGN = re.compile(r"\([cC]\)|©")
YEAR = re.compile(r"\b(?:19|20)[0-9]{2}\b")
HOLDER = re.compile(r"(?!(?i:notice|holder|owner|licen[cs]e|law|or\b|and\b))[^\W\d_]*[A-Z]")
"""The first word of a name; general phrases about copyright in licences begin differently."""
PLACEHOLDER = re.compile(r"[\[{<](?:yyyy|year|name)\b", re.IGNORECASE)
LONGEST_STATEMENT = 16_384
"""Characters outside the recognised licences that are kept."""
LONGEST_LINE = 300
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Recognition:
    """The result for one licence text: SPDX ids, and an added condition (rider) if it has one.

    `appended` are those that occur only below a heading for third parties, after another licence.
    Without any id, `terms` are the restrictive terms that the text mentions. `coverage` is the
    share of the text, from 0 to 1, that known licences cover, and `outside` the beginning of the
    rest.
    """

    ids: frozenset[str]
    appended: frozenset[str]
    rider: str | None
    terms: frozenset[str]
    coverage: float = 0.0
    outside: str = ""


def is_license_file(path: str) -> bool:
    """Return whether a file applies to the whole package: at the root, or in REUSE's folder.

    A vendored folder's LICENSE applies to that folder. NOTICE counts because of its copyright
    lines.
    """
    return is_license_text(path) if "/" in path else root_name(path) is not None


def is_license_text(path: str) -> bool:
    """Return whether a file is a licence file for the package."""
    folder, _, name = path.rpartition("/")
    if folder == REUSE_FOLDER and name:
        return True
    match = root_name(path)
    return match is not None and match["notice"] is None


def is_notice(path: str) -> bool:
    """Return whether a file is a NOTICE, which lists authors and third parties and grants nothing.

    Apache License 2.0, section 4(d): its contents "are for informational purposes only".
    """
    match = root_name(path)
    return match is not None and match["notice"] is not None


def is_license_name(name: str) -> bool:
    """Return whether a file of this name, in any folder, is a licence file."""
    match = root_name(name)
    return match is not None and match["notice"] is None


def is_named_after_license(name: str) -> bool:
    """Return whether a file has the name of a licence, which other files may also have."""
    match = root_name(name)
    return match is not None and match["named"] is not None


def root_name(path: str) -> re.Match[str] | None:
    """Match the name of a file at the root that could be a licence file."""
    match = None if "/" in path else NAME.fullmatch(path)
    return None if match and PurePosixPath(path).suffix.lower() in CODE_SUFFIXES else match


@lru_cache(maxsize=1024)
def recognize(text: bytes) -> Recognition:
    """Recognise a licence text. Results are cached, because most packages use the same texts.

    A text is recognised if known licences cover three quarters of it (licensecheck's threshold).
    """
    from corpus.licenses.classifier import identify

    content = decoded(text)
    matches = identify(content)
    heading = appendix(content, matches)
    ids = frozenset(match.id for match in matches if match.start < heading)
    appended = frozenset(match.id for match in matches) - ids
    terms = [] if ids else TERMS.findall(content)
    covered = sum(match.end - match.start for match in matches)
    return Recognition(
        ids,
        appended,
        rider(content, matches),
        frozenset(" ".join(term.split()) for term in terms),
        round(min(1.0, covered / max(1, len(content))), 3),
        outside(content, matches)[:LONGEST_STATEMENT] if matches else "",
    )


def appendix(content: str, matches: list["LicenseIdentificationResult"]) -> int:
    """Return where a list of third parties' licences begins behind another licence, else the end.

    It is not searched for in a text of one licence, which is before any such list.
    """
    if len({match.id for match in matches}) < 2:
        return len(content)
    headings = (each.start() for each in APPENDED.finditer(content) if begins_before(each, matches))
    return next(headings, len(content))


def begins_before(heading: re.Match[str], matches: list["LicenseIdentificationResult"]) -> bool:
    """Return whether a heading is after a recognised licence and not inside one."""
    inside = any(each.start <= heading.start() < each.end for each in matches)
    return not inside and any(each.end <= heading.start() for each in matches)


def rider(content: str, matches: list["LicenseIdentificationResult"]) -> str | None:
    """Return the known condition outside the recognised licences, or None."""
    if not matches and MARKS.match(content[:400]):
        return None
    found = RIDER.search(outside(content, matches))
    return found.group() if found else None


def outside(content: str, matches: list["LicenseIdentificationResult"]) -> str:
    """Return a text without the recognised licences."""
    for match in reversed(matches):
        content = content[: match.start] + "\n" + content[match.end :]
    return content


def copyright_lines(text: bytes) -> list[str]:
    """Return the copyright lines, without repetition, in order: "Copyright 2024 Ada"."""
    lines: dict[str, None] = {}
    for line in decoded(text).splitlines():
        bare = line.lstrip(" \t#%*/;>|-").removesuffix("*/").rstrip()
        if names_holder(bare) and not PLACEHOLDER.search(bare):
            lines[bare[:LONGEST_LINE]] = None
    return list(lines)[:MOST_LINES]


def names_holder(line: str) -> bool:
    """Return whether a line is a copyright line: a year, a sign or a name must follow."""
    match = COPYRIGHT.match(line)
    if match is None:
        return False
    word, rest = match.groups()
    if YEAR.search(rest):
        return True
    return word.lower() == "copyright" and bool(SIGN.match(rest) or HOLDER.match(rest))


def decoded(text: bytes) -> str:
    """Return the part of a text that is read, as UTF-8, or as latin-1 if it is not valid UTF-8."""
    head = text[:LONGEST_TEXT]
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return head.decode("latin-1")
