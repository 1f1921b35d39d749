"""Names of licences in prose, and the SPDX id for a name with its version.

Ambiguous wording is read as follows: BSD without a number has three clauses, which include the two;
Apache without a version is 2.0; a GNU licence without a version is any that was published ("you may
choose any version", GPL section 14).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

GNU = {"affero": "AGPL", "lesser": "LGPL", "library": "LGPL", "": "GPL"}
OLDEST = {"AGPL": "3.0", "LGPL": "2.0", "GPL": "1.0"}
"""The first version of each; a notice without a version permits any version (GPL, section 14)."""

NAMES: tuple[tuple[str, str], ...] = (
    ("GNU", r"(?:gnu\s+)?(?:affero|lesser|library)\s+(?:general\s+)?public\s+licen[cs]e"),
    ("GNU", r"(?:gnu\s+)?general\s+public\s+licen[cs]e|gnu\s+public\s+licen[cs]e"),
    ("GNU", r"(?:gnu\s+)?(?:(?:affero|lesser|library)\s+)?\b[al]?gpl(?=[\s\-_v.,;:/)0-9+'\"]|$)"),
    ("Erlang", r"erlang\s+public\s+licen[cs]e|\berlpl\b"),
    ("MPL", r"mozilla\s+public\s+licen[cs]e|\bmpl\b(?=[\s\-_v.,;:/)0-9]|$)"),
    ("BSD-3-Clause", r"eclipse\s+distribution\s+licen[cs]e"),
    ("EPL", r"eclipse\s+public\s+licen[cs]e|\bepl(?=[\s\-_]?v?\d|\s+licen)"),
    ("CDDL", r"common\s+development\s+and\s+distribution\s+licen[cs]e|\bcddl\b"),
    ("EUPL", r"european\s+union\s+public\s+licen[cs]e|\beupl\b"),
    ("OSL", r"open\s+software\s+licen[cs]e"),
    ("CECILL-2.1", r"\bcecill(?:-2(?:\.\d)?)?\b"),
    ("SSPL-1.0", r"server\s+side\s+public\s+licen[cs]e|\bsspl\b"),
    ("BUSL-1.1", r"business\s+source\s+licen[cs]e|\bbusl\b|\bbsl[\s-]*1\.1"),
    ("Elastic-2.0", r"elastic\s+licen[cs]e|\belv2\b"),
    ("LicenseRef-FSL", r"functional\s+source\s+licen[cs]e|\bfsl-1"),
    (
        "LGPL-2.0-or-later WITH WxWindows-exception-3.1",
        r"wxw(?:indows|idgets)\s+(?:library\s+)?licen[cs]e",
    ),
    ("LicenseRef-PolyForm", r"polyform\s+\w+(?:\s+\w+)?\s+licen[cs]e"),
    ("LicenseRef-public-domain", r"public\s+domain"),
    ("CC0-1.0", r"\bcc0\b|creative\s+commons\s+zero"),
    (
        "CC",
        r"creativecommons\.org/licenses/by(?:-(?:nc|nd|sa))*"
        r"|\bcc[\s-]by(?:[\s-](?:nc|nd|sa))*|creative\s+commons(?:\s+[\w-]+){0,4}?\s+licen[cs]e"
        r"|creative\s+commons(?:[\s\-\u2013\u2014/]+(?:attribution|non-?commercial|share-?alike"
        r"|no\s?-?deriv\w+))+",
    ),
    (
        "Apache",
        r"\bapache\.org/licenses/licen[cs]e-|\bapache(?:\s+software)?(?:\s+foundation)?(?:'s)?(?:[\s,-]+(?:public\s+)?licen[cs]e"
        r"|[\s-]+v?2\b|[\s,]+version)|\bapl[\s-]*2",
    ),
    ("MIT", r"(?:\bmit|\bexpat|\bx11)(?:[\s/-]x11)?(?:[\s-]+style)?[\s-]+licen[cs]e|\bmit\b"),
    (
        "BSD",
        r"(?:\b(?:[0-4]|two|three|four|simplified|new|modified|revised)[\s-]*clause\s+|"
        r"\b(?:simplified|new|modified|revised)\s+)?\b(?:free)?bsd(?:[\s-]*[0-4][\s-]clause)?"
        r"(?:[\s-]+(?:style|type))?(?:[\s-]+licen[cs]e|\b)",
    ),
    ("ISC", r"\bisc\b(?:\s+licen[cs]e)?"),
    ("Zlib", r"\bzlib(?:/libpng)?\s+licen[cs]e"),
    ("BSL-1.0", r"boost\s+software\s+licen[cs]e"),
    ("Unlicense", r"\bthe\s+unlicen[cs]e\b|\bunlicense\.org"),
    ("WTFPL", r"\bwtfpl\b|do\s+what\s+the\s+f\S+\s+you\s+want"),
    ("Artistic", r"artistic\s+licen[cs]e"),
    ("BlueOak-1.0.0", r"blue\s*oak\s+model\s+licen[cs]e"),
)
"""Names of licences in notices, the more specific first; some need their version (see `named`)."""
NAME = re.compile(
    rf"\b(?:{'|'.join(f'(?P<n{place}>{words})' for place, (_, words) in enumerate(NAMES))})",
    re.IGNORECASE,
)

NUMBER = re.compile(
    r"[^.;\w]{0,4}(?:licen[cs]es?\W{0,3})?(?:\(\W?[a-z]+\W?\)\W{0,3})?"
    r"(?:as\s+published\s+by\s+the\s+free\s+software\s+foundation\W{0,3})?"
    r"(?:either\s+|in\s+)?(?:version|v|ver)?[\s._-]{0,3}(?P<number>\d(?:\.\d)?)",
    re.IGNORECASE,
)
NUMBER_BEFORE = re.compile(
    r"\bversion\s+(?P<number>\d(?:\.\d)?)(?P<later>\s+or\s+(?:later|any\s+later"
    r"\s+version))?\s+of\s+(?:the\s+)?$",
    re.IGNORECASE,
)
LATER = re.compile(
    r"^(?:\.0)?(?:\+|[^.]{0,60}\bor\W{1,3}(?:\(?at\s+your\s+(?:option|choice)\)?\W{1,3})?"
    r"(?:any\s+)?(?:later|newer|higher))",
    re.IGNORECASE,
)
MENTIONED = re.compile(
    r"[\"'`]?[\s-]*(?:compatible|compliant|headers?\b|texts?\b|scanner|violation"
    r"|(?:v?\d(?:\.\d)?\s+)?(?:is|are|(?:must|should|will)\s+be)\s+(?:refused|rejected|denied)\b)",
    re.IGNORECASE,
)
"""Words after a name that show that the licence itself is not meant."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A licence that a text mentions or contains, from `start` to `end`."""

    start: int
    end: int
    id: str
    in_full: bool


def names(flat: str) -> Iterator[Mention]:
    """Yield the licences that a text mentions, in any context; `flat` is one line."""
    for found in NAME.finditer(flat):
        if not MENTIONED.match(flat, found.end()):
            license_id, end = named(flat, found)
            yield Mention(found.start(), end, license_id, False)


def named(flat: str, found: re.Match[str]) -> tuple[str, int]:
    """Return the SPDX id of a named licence, and the end of its name and version."""
    license_id = NAMES[int(str(found.lastgroup)[1:])][0]
    number = NUMBER.match(flat, found.end())
    version, end = (number["number"], number.end()) if number else ("", found.end())
    name = found.group().lower()
    match license_id:
        case "GNU":
            return gnu(flat, found, version, end)
        case "Erlang":
            return "ErlPL-1.1", end
        case "MPL":
            return f"MPL-{version if '.' in version else (version or '2') + '.0'}", end
        case "EPL":
            return ("ErlPL-1.1" if version == "1.1" else f"EPL-{version[:1] or '1'}.0"), end
        case "CDDL":
            return ("CDDL-1.1" if version == "1.1" else "CDDL-1.0"), end
        case "EUPL":
            return f"EUPL-{version if '.' in version else '1.2'}", end
        case "OSL":
            return "OSL-3.0", end
        case "CC":
            return creative_commons(flat, found)
        case "Apache":
            return (f"Apache-{version}" if version in ("1.0", "1.1") else "Apache-2.0"), end
        case "Artistic":
            return ("Artistic-2.0" if version.startswith("2") else "Artistic-1.0"), end
        case "BSD":
            return bsd(name), found.end()
    return license_id, found.end()


def gnu(flat: str, found: re.Match[str], version: str, end: int) -> tuple[str, int]:
    """Return the id of one of the GNU licences, with "only" or "or later"."""
    name = found.group().lower()
    kind = next(
        (short for word, short in GNU.items() if word and word in name),
        {"a": "AGPL", "l": "LGPL"}.get(name.removeprefix("gnu").lstrip()[:1], "GPL"),
    )
    before = NUMBER_BEFORE.search(flat, max(0, found.start() - 60), found.start())
    later = bool(before and before["later"])
    if not version and before:
        version = before["number"]
    if not version:
        return f"{kind}-{OLDEST[kind]}-or-later", end
    tail = LATER.match(flat[end : end + 120])
    end += tail.end() if tail else 0
    number = version if "." in version else f"{version}.0"
    return f"{kind}-{number}-{'or-later' if tail or later else 'only'}", end


def creative_commons(flat: str, found: re.Match[str]) -> tuple[str, int]:
    """Return the id of a Creative Commons licence, its conditions in the order of SPDX."""
    said = flat[found.start() : found.end() + 80].lower()
    parts = [short for word, short in CONDITIONS if re.search(word, said)]
    number = re.search(r"[1-4]\.0", said)
    return "-".join(["CC-BY", *parts, number.group() if number else "4.0"]), found.end()


CONDITIONS = (
    (r"non-?\s?commercial|\bby[\s-]nc|-nc\b", "NC"),
    (r"no\s?-?deriv|-nd\b", "ND"),
    (r"share-?\s?alike|-sa\b", "SA"),
)


def bsd(name: str) -> str:
    """Return the id of a BSD licence by the number of its clauses; three if there is no number."""
    if re.search(r"\b0", name):
        return "0BSD"
    if re.search(r"2|two|simplified|free", name):
        return "BSD-2-Clause"
    return "BSD-4-Clause" if re.search(r"4|four", name) else "BSD-3-Clause"
