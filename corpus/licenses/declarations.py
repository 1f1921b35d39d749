"""Reading of declared licences: SPDX expressions since 2026, and any text before.

Names of licences on Hex from the time before SPDX ids are listed here, if they are on no other
list.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Protocol

LONGEST, MOST_BRACKETS = 1000, 30
"""Maximum number of characters and of opening brackets in one declared licence. Real ones have
fewer, and the parser is recursive for every bracket.
"""

MOST_DECLARED = 32
"""Maximum number of licences that one package may declare, of `LONGEST` characters together. Most
packages on hex.pm declare one, and all of them are on every row of the package."""

FAMILY_SUFFIXES = ("-only", "-or-later")
NOBODY = frozenset({"NONE", "UNLICENSED"})
"""SPDX's word for no licence, and npm's word for the same."""
LICENSE_REF = re.compile(r"(?:DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+")


class Expression(Protocol):
    """A licence expression of `license_expression`, a library without type annotations."""

    args: Sequence["Expression"]
    """The parts of an AND or OR."""

    def __init__(self, *args: "Expression") -> None: ...

    @property
    def symbols(self) -> "Collection[Symbol]":
        """All licences in it; an exception is together with its licence."""
        ...


class Symbol(Expression, Protocol):
    """A licence by its SPDX id, or an exception."""

    key: str
    is_exception: bool


class Licensing(Protocol):
    """The parser of `license_expression`."""

    AND: type[Expression]
    OR: type[Expression]
    known_symbols: Mapping[str, Symbol]

    def parse(self, expression: str, validate: bool = False) -> Expression:
        """Read an expression; with `validate` only one of known licences."""
        ...

    def license_symbols(self, expression: Expression) -> Sequence[Symbol]:
        """Return the licences and exceptions in an expression."""
        ...


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared list of licences: an expression of the readable ones, and the unreadable texts.

    `own` are the ids that it writes as `LicenseRef-`: terms of the author's own, on no list.
    """

    expression: Expression | None
    unreadable: tuple[str, ...]
    own: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether a licence was declared and all of the declaration could be read."""
        return self.expression is not None and not self.unreadable

    @property
    def text(self) -> str | None:
        """The expression in SPDX form; None if nothing could be read."""
        return None if self.expression is None else str(self.expression)


def too_long(licenses: Sequence[str]) -> str | None:
    """Return a message if a declared list is too long, else None."""
    length = sum(map(len, licenses))
    if len(licenses) <= MOST_DECLARED and length <= LONGEST:
        return None
    return (
        f"{len(licenses):,} licences of {length:,} characters are declared, "
        f"at most {MOST_DECLARED} of {LONGEST:,} are read"
    )


def read_declaration(licenses: Sequence[str]) -> Declaration:
    """Read a declared list. Hex does not define AND or OR for it, so all must hold: AND."""
    named = [text.strip() for text in licenses if text.strip()]
    read = {text: read_license(text) for text in named}
    own: set[str] = set()
    for text, item in read.items():
        found = with_references(text) if item is None and "LicenseRef-" in text else None
        if found is not None:
            read[text] = parse(found)
            own.update(each for each in license_ids(read[text]) if LICENSE_REF.fullmatch(each))
    readable = list(dict.fromkeys(str(item) for item in read.values() if item is not None))
    return Declaration(
        expression=join(readable),
        unreadable=tuple(text for text, item in read.items() if item is None),
        own=frozenset(own),
    )


def join(licenses: Sequence[str]) -> Expression | None:
    """Return the AND of all `licenses`; None if there are none."""
    return all_of(licenses) if licenses else None


def all_of(licenses: Sequence[str]) -> Expression:
    """Return the AND of some licences."""
    return parse(" AND ".join(f"({text})" for text in licenses))


@lru_cache(maxsize=4096)
def read_license(text: str) -> Expression | None:
    """Read one declared licence: a known name or an SPDX expression; else None."""
    from licenselynx import LicenseLynx

    if len(text) > LONGEST or text.count("(") > MOST_BRACKETS:
        return None

    for spelling in dict.fromkeys((text, text.title(), text.upper())):
        if found := LicenseLynx.map(spelling):
            is_spdx = str(getattr(found.src, "value", found.src)) == "spdx"
            return licensing().parse(found.id if is_spdx else f"LicenseRef-{found.id}")
    expression = read_expression(respelled(text) or text)
    return read_choice(text) if expression is None else expression


def read_choice(text: str) -> Expression | None:
    """Read `MIT/Apache-2.0`, Cargo's old form of OR; None if it has another form or is ambiguous.

    If a licence is not permissive, it is not known whether both must hold.
    """
    names = [name.strip() for name in text.split("/")]
    if len(names) < 2 or is_restrictive(text):
        return None
    read = [read_license(name) for name in names]
    if not all(item is not None and license_ids(item) <= permissive() for item in read):
        return None
    return licensing().parse(" OR ".join(f"({item})" for item in read))


def read_expression(text: str) -> Expression | None:
    """Read an SPDX expression of known licences; None if it is none."""
    from license_expression import ExpressionError

    try:
        return licensing().parse(text, validate=True)
    except (ExpressionError, AssertionError, IndexError):
        return None  # the last two are how the parser meets "( AND MIT" and "()"


@lru_cache(maxsize=4096)
def parse(expression: str) -> Expression:
    """Return a valid expression, parsed; cached, because files of a package mostly share one."""
    return licensing().parse(expression)


@cache
def licensing() -> Licensing:
    """Return the parser with the SPDX licence list; made once a process, in 20 ms."""
    from license_expression import get_spdx_licensing

    parser: Licensing = get_spdx_licensing()
    return parser


@lru_cache(maxsize=4096)
def read_tag(value: str) -> str | None:
    """Return the expression of a tag, read tolerantly; None if it is not an expression.

    A `LicenseRef-` counts as an id. A list with commas means AND of whatever it lists.
    """
    if len(value) > LONGEST or value.count("(") > MOST_BRACKETS or value in NOBODY:
        return None
    if (read := read_license(value)) is not None:
        return str(read)
    if "LicenseRef-" in value:
        return with_references(value)
    parts = [part.strip() for part in value.split(",") if part.strip()]
    read_parts = [read_license(part) for part in parts] if len(parts) > 1 else []
    if not read_parts or None in read_parts:
        return None
    return str(licensing().parse(" AND ".join(f"({part})" for part in read_parts)))


def with_references(value: str) -> str | None:
    """Return an expression that may contain licences that are not on the SPDX list."""
    from license_expression import ExpressionError

    try:
        parsed = licensing().parse(value)
        symbols = {str(symbol.key) for symbol in licensing().license_symbols(parsed)}
    except (ExpressionError, AssertionError, IndexError):
        return None
    known = licensing().known_symbols
    return str(parsed) if all(s in known or LICENSE_REF.fullmatch(s) for s in symbols) else None


def satisfied(expression: Expression, holds: Callable[[str], bool]) -> bool:
    """Return whether an expression holds, given which licences hold by `holds`.

    An exception (`WITH`) only adds permissions, so its licence decides.
    """
    if isinstance(expression, licensing().AND):
        return all(satisfied(part, holds) for part in expression.args)
    if isinstance(expression, licensing().OR):
        return any(satisfied(part, holds) for part in expression.args)
    return all(map(holds, license_ids(expression)))


def license_ids(expression: Expression | None) -> frozenset[str]:
    """Return the ids of all licences in an expression, without exceptions."""
    if expression is None:
        return frozenset()
    return frozenset(map(license_id, expression.symbols))


def joined(expressions: Sequence[str]) -> Expression:
    """Return the AND of expressions, without repetition."""
    parts: dict[str, None] = {}
    for text in expressions:
        parsed = parse(text)
        parts |= dict.fromkeys(
            map(str, parsed.args if isinstance(parsed, licensing().AND) else [parsed])
        )
    return all_of(list(parts))


def taken(expression: str | None, holds: Callable[[str], bool]) -> str | None:
    """Return an expression without the branches of its choices that do not hold.

    An expression that does not hold is not changed.
    """
    if expression is None or " OR " not in expression:
        return expression
    parsed = parse(expression)
    if not satisfied(parsed, holds):
        return expression
    return str(branches(parsed, holds))


def branches(expression: Expression, holds: Callable[[str], bool]) -> Expression:
    """Return an expression that holds with only the branches of its choices that hold."""
    if isinstance(expression, licensing().OR):
        usable = [each for each in expression.args if satisfied(each, holds)]
        kept = [branches(each, holds) for each in usable]
        return licensing().OR(*kept) if len(kept) > 1 else kept[0]
    if isinstance(expression, licensing().AND):
        return licensing().AND(*(branches(each, holds) for each in expression.args))
    return expression


def ids_of(expressions: Iterable[str | None]) -> frozenset[str]:
    """Return the ids of all licences in expressions."""
    parsed = (parse(each) for each in expressions if each)
    return frozenset(one for each in parsed for one in license_ids(each))


def license_id(symbol: Symbol) -> str:
    """Return the id of one symbol of an expression."""
    return str(getattr(symbol, "license_symbol", symbol).key)


def family(text: str) -> str:
    """Return the id of a licence text: the same for "only" and "or later"."""
    for suffix in FAMILY_SUFFIXES:
        text = text.removesuffix(suffix)
    return text


@cache
def permissive() -> frozenset[str]:
    """Return the SPDX ids that the Blue Oak Council rates Bronze or better.

    Public-domain dedications (CC0-1.0, Unlicense, 0BSD) are among them; the rating Lead (WTFPL,
    Beerware, ...) is not included, because its licences have weaker terms.
    """
    return rated()["ids"]


@cache
def rated() -> dict[str, frozenset[str]]:
    """Return the ids that the Blue Oak Council rates `silver` or better, and all `ids`."""
    data = files("corpus.licenses").joinpath("permissive.json").read_bytes()
    told = json.loads(data)
    return {name: frozenset(told[name]) for name in ("silver", "ids")}


VERSIONED = re.compile(
    r"(?:gnu )?(?P<name>[al]?gpl|mpl|epl)[- ]?(?:version |v)?(?P<major>[123])(?:\.(?P<minor>[01]))?"
    r"(?P<later>\+| or later)?"
)
"""AGPLv3, GNU GPL 2+, LGPLv2.1, MPL2: names that only one licence with this version has."""
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
Erlang and the web use; the last lines are phrases of authors who grant no licence to the public
(UNLICENSED in npm), for which there is no licence text. A phrase too many excludes a package; a
phrase too few includes code that its author did not license, so the phrases are broad.
"""


def respelled(text: str) -> str | None:
    """Return the SPDX id for an old spelling, else None; the id may not exist."""
    plain = " ".join(text.casefold().split())
    found = VERSIONED.fullmatch(plain)
    if found is None:
        return SPELLINGS.get(plain)
    later = "-or-later" if found["later"] else ""
    return f"{found['name'].upper()}-{found['major']}.{found['minor'] or 0}{later}"


def is_restrictive(text: str) -> bool:
    """Return whether a text mentions copyleft or proprietary terms."""
    return bool(claims(text))


def is_contradicted(text: str, families: Collection[str]) -> bool:
    """Return whether licences were found and none confirms a restrictive term in a text."""
    return bool(families) and any(
        not any(name.startswith(ids) for name in families) for ids in claims(text)
    )


def claims(text: str) -> list[tuple[str, ...]]:
    """Return, for each restrictive term in a text, the prefixes of the ids that confirm it."""
    return [ids for words, ids in RESTRICTIVE.items() if re.search(words, text, re.IGNORECASE)]
