"""How licences were named on Hex before it asked for SPDX ids, as far as no list knows it."""

import re
from collections.abc import Collection

VERSIONED = re.compile(
    r"(?:gnu )?(?P<name>[al]?gpl|mpl|epl)[- ]?(?:version |v)?(?P<major>[123])(?:\.(?P<minor>[01]))?"
    r"(?P<later>\+| or later)?"
)
"""AGPLv3, GNU GPL 2+, LGPLv2.1, MPL2: names that only one licence with that version has."""
SPELLINGS = {
    "apl 2.0": "Apache-2.0",
    "apl-2.0": "Apache-2.0",
    "aplv2": "Apache-2.0",
    "asl 2.0": "Apache-2.0",
    "asl-2.0": "Apache-2.0",
    "aslv2": "Apache-2.0",
    "bsd 2 clause": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "simplified bsd license": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "mit (expat)": "MIT",
}
"""Lower case. BSD and Apache alone may be any of several licences, so the texts decide there."""

GNU = ("GPL-", "LGPL-", "AGPL-")
RESTRICTIVE = {
    r"agpl|affero": ("AGPL-",),
    r"lgpl|lesser general|library general": ("LGPL-",),
    r"gpl|\bgnu\b|general public|copyleft": GNU,
    r"\bmpl|mozilla": ("MPL-",),
    r"\bepl|eclipse|erlang public": ("EPL-", "ErlPL-"),
    r"\bcddl|common development": ("CDDL-",),
    r"\beupl|european union": ("EUPL-",),
    r"\bosl\b|open software": ("OSL-",),
    r"cecill": ("CECILL-",),
    r"share-?alike|\bby-sa": ("CC-BY-SA-",),
    r"sspl|server side public": ("SSPL-",),
    r"\bbu?sl\b|business source": ("BUSL-", "BSL-"),
    r"elastic|\belv2": ("Elastic-",),
    r"\bfsl\b|functional source": ("FSL-",),
    r"polyform": ("PolyForm-",),
    r"unlicen[cs]ed": ("Unlicense",),
    r"proprietary|commercial|private|confidential|internal|closed|rights reserved": (),
    r"source.available|fair source|freeware|shareware|evaluation|\btrial\b|hippocratic": (),
    r"unauthori[sz]ed": (),
}
"""Words for terms that a permissive text denies, with how the ids of texts begin that grant them.

The licences are the copyleft and source-available ones of the SPDX list that packages for Elixir,
Erlang and the web go by; the last lines are what authors write who grant nothing to everybody
(npm's word for that is UNLICENSED), which no text bears out. A word too many costs a package; a
word too few lets one in that its author did not offer, so the words are broad.
"""


def respelled(text: str) -> str | None:
    """Return the SPDX id for an old spelling, None if it is none; the id may not exist."""
    plain = " ".join(text.casefold().split())
    found = VERSIONED.fullmatch(plain)
    if found is None:
        return SPELLINGS.get(plain)
    later = "-or-later" if found["later"] else ""
    return f"{found['name'].upper()}-{found['major']}.{found['minor'] or 0}{later}"


def is_restrictive(text: str) -> bool:
    """Say whether a text names copyleft or proprietary terms."""
    return bool(claims(text))


def is_contradicted(text: str, families: Collection[str]) -> bool:
    """Say whether licences were found, and none grants copyleft or proprietary terms in a text."""
    return bool(families) and any(
        not any(name.startswith(ids) for name in families) for ids in claims(text)
    )


def claims(text: str) -> list[tuple[str, ...]]:
    """Return for all restrictive terms that a text names how the ids begin that bear them out."""
    return [ids for words, ids in RESTRICTIVE.items() if re.search(words, text, re.IGNORECASE)]
