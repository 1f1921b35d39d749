"""Comparison of the declared licences of a package with its licence texts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from corpus.licenses.declarations import (
    FAMILY_SUFFIXES,
    Declaration,
    Expression,
    family,
    is_contradicted,
    join,
    joined,
    license_ids,
    parse,
    read_declaration,
    satisfied,
    too_long,
)
from corpus.licenses.notices import Standing, read_notice
from corpus.licenses.policy import LicensePolicy
from corpus.licenses.reuse import LARGEST, dep5, is_debian
from corpus.licenses.texts import is_license_text, recognize
from corpus.reasons import Reason


class LicenseEvidence(StrEnum):
    """The evidence for a package's licence, best first."""

    VERIFIED = "verified"
    """The licence is declared, and the texts are those of the declared licences."""
    DECLARED_ONLY = "declared_only"
    """The licence is declared, but at least for one licence the text is missing or not recognised.
    """
    TEXT_ONLY = "text_only"
    """The licence is known from the texts; the declaration is missing or cannot be read."""
    CONTRADICTED = "contradicted"
    """The declaration and the texts differ. An unreadable declaration or text is a contradiction if
    it mentions copyleft or proprietary terms that the other does not grant ("Commercial")."""
    UNKNOWN = "unknown"
    """Neither the declaration nor a text could be read."""


@dataclass(frozen=True, slots=True)
class LicenseVerdict:
    """The judgement on one package; permitted if `reason` is None.

    `expression` is the whole SPDX expression with all its choices, so that users of the data can
    choose another branch than the permitted one.
    """

    expression: str | None
    evidence: LicenseEvidence
    reason: Reason | None
    detail: str


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of all texts of a package; ids are families (GPL-3.0 for "only" and "or later").

    `appended` are licences of third parties that a text lists after its own. `stated` are the
    expressions that it states besides.
    """

    families: frozenset[str]
    appended: frozenset[str]
    stated: tuple[str, ...]
    unrecognized: tuple[str, ...]
    riders: tuple[str, ...]
    terms: tuple[str, ...]


def judge_declaration(licenses: Sequence[str], policy: LicensePolicy) -> LicenseVerdict:
    """Judge by the declaration alone, before the archive is fetched.

    An absent or unreadable declaration is not refused, because the texts may decide.
    """
    if refused := refusal(licenses):
        return refused
    declared = read_declaration(licenses)
    if detail := unnamed(declared, policy):
        return LicenseVerdict(declared.text, LicenseEvidence.UNKNOWN, None, detail)
    if declared.expression is not None and not satisfied(declared.expression, policy.permits):
        evidence, reason = LicenseEvidence.DECLARED_ONLY, Reason.LICENSE_NOT_PERMITTED
        return LicenseVerdict(declared.text, evidence, reason, "not on the list of the policy")
    evidence = LicenseEvidence.DECLARED_ONLY if declared.complete else LicenseEvidence.UNKNOWN
    return LicenseVerdict(declared.text, evidence, None, unread(declared))


def judge(
    licenses: Sequence[str], texts: Mapping[str, bytes], policy: LicensePolicy
) -> LicenseVerdict:
    """Judge a package by its declared licences and its licence files (path to content).

    Only the licence texts for the whole package are used; see `is_license_file`.
    """
    if refused := refusal(licenses):
        return refused
    declared, found = read_declaration(licenses), read_texts(texts)
    expression = declared.expression if declared.complete else completed(declared, found)
    evidence = weigh(declared, found, policy)
    text = None if expression is None else str(expression)
    if found.riders:
        detail = f"a condition is added to the licence: {', '.join(found.riders)}"
        return LicenseVerdict(text, evidence, Reason.LICENSE_NOT_PERMITTED, detail)
    if detail := unnamed(declared, policy):
        return LicenseVerdict(text, LicenseEvidence.UNKNOWN, Reason.LICENSE_UNKNOWN, detail)
    if expression is not None and not satisfied(expression, policy.permits):
        detail = "not on the list of the policy"
        return LicenseVerdict(text, evidence, Reason.LICENSE_NOT_PERMITTED, detail)
    stated = [each for each in found.stated if not satisfied(parse(each), policy.permits)]
    if stated and evidence not in DENIED:
        detail = f"a licence file also states {', '.join(stated[:MOST_TOLD])}"
        text = str(joined([*filter(None, [text]), *stated[:MOST_TOLD]]))
        return LicenseVerdict(text, evidence, Reason.LICENSE_NOT_PERMITTED, detail)
    return LicenseVerdict(text, evidence, DENIED.get(evidence), explain(evidence, declared, found))


def unnamed(declared: Declaration, policy: LicensePolicy) -> str:
    """Return a detail if it depends on terms of the author's own that the policy does not name.

    It is empty if the declaration holds without them (`MIT OR LicenseRef-acme`), or is not
    permitted even with them.
    """
    if not declared.own or declared.expression is None:
        return ""
    with_own = satisfied(
        declared.expression, lambda each: each in declared.own or policy.permits(each)
    )
    if not with_own or satisfied(declared.expression, policy.permits):
        return ""
    names = ", ".join(sorted(each for each in declared.own if not policy.permits(each)))
    return f"terms of the author's own, which the policy does not name: {names}"


def refusal(licenses: Sequence[str]) -> LicenseVerdict | None:
    """Return the verdict on a declaration that is too long to be read; None for others."""
    if detail := too_long(licenses):
        return LicenseVerdict(None, LicenseEvidence.UNKNOWN, Reason.LICENSE_TOO_LONG, detail)
    return None


UNNAMED = re.compile(r"[^A-Za-z0-9.]+")
MOST_TOLD = 4
"""Statements that a verdict quotes; one is enough to refuse."""

DENIED = {
    LicenseEvidence.CONTRADICTED: Reason.LICENSE_CONTRADICTED,
    LicenseEvidence.UNKNOWN: Reason.LICENSE_UNKNOWN,
}


def read_texts(texts: Mapping[str, bytes]) -> Findings:
    """Recognise every licence text for the whole package."""
    read = {path: recognize(texts[path]) for path in sorted(texts) if is_license_text(path)}
    return Findings(
        families=frozenset(family(each) for text in read.values() for each in text.ids),
        appended=frozenset(family(each) for text in read.values() for each in text.appended),
        stated=tuple(dict.fromkeys(each for path in read for each in statements(texts[path]))),
        unrecognized=tuple(path for path, text in read.items() if not text.ids),
        riders=tuple(f"{text.rider!r} in {path}" for path, text in read.items() if text.rider),
        terms=tuple(sorted(frozenset().union(*(text.terms for text in read.values())))),
    )


@lru_cache(maxsize=1024)
def statements(text: bytes) -> tuple[str, ...]:
    """Return the expressions that a licence file states besides the licences that it contains.

    With the format of Debian's copyright files these are the licences of all paragraphs, otherwise
    what a sentence outside the licences grants ("The files in priv/ are licensed under the GPL").
    """
    if is_debian(text):
        if len(text) > LARGEST:
            return (reference("unread"),)
        notices = [each.notice for each in dep5(text.decode(errors="replace")) if each.notice]
        return tuple(dict.fromkeys(each.expression or reference(each.words) for each in notices))
    notice = read_notice(recognize(text).outside, alone=False)
    is_grant = notice is not None and notice.standing is Standing.LICENSED
    return (notice.expression,) if notice and is_grant and notice.expression else ()


def reference(words: str) -> str:
    """Return an id for a licence that is on no list, from its name."""
    name = UNNAMED.sub("-", words.rpartition(":")[2].strip()).strip("-.")
    return f"LicenseRef-{name or 'unknown'}"


def weigh(declared: Declaration, found: Findings, policy: LicensePolicy) -> LicenseEvidence:
    """Return the evidence for the licence."""
    declared_families = frozenset(map(family, license_ids(declared.expression)))
    undeclared = found.families - declared_families
    if not all(permits(policy, each) for each in found.appended - declared_families):
        return LicenseEvidence.CONTRADICTED
    if any(is_contradicted(name, found.families) for name in declared.unreadable):
        return LicenseEvidence.CONTRADICTED
    if any(is_contradicted(term, found.families | declared_families) for term in found.terms):
        return LicenseEvidence.CONTRADICTED
    if declared.expression is None or declared.unreadable:
        return LicenseEvidence.TEXT_ONLY if undeclared else LicenseEvidence.UNKNOWN
    if contradicts(declared_families, found, policy):
        return LicenseEvidence.CONTRADICTED
    if verified(declared.expression, found, policy):
        return LicenseEvidence.VERIFIED
    return LicenseEvidence.DECLARED_ONLY


def contradicts(declared: frozenset[str], found: Findings, policy: LicensePolicy) -> bool:
    """Return whether the texts contradict the declaration; `declared` are its families.

    They do if one is not permitted, or if all are recognised and none is of a declared licence. A
    permitted text beside others is assumed to apply to a part of the package, and an appended text
    to third parties.
    """
    undeclared = found.families - declared
    if not all(permits(policy, each) for each in undeclared):
        return True
    return bool(undeclared) and undeclared == found.families and not found.unrecognized


def verified(expression: Expression, found: Findings, policy: LicensePolicy) -> bool:
    """Return whether the texts confirm an expression; for an OR, a permitted branch is enough."""
    permitted = satisfied(expression, policy.permits)

    def borne_out(license_id: str) -> bool:
        usable = policy.permits(license_id) or not permitted
        return usable and family(license_id) in found.families | found.appended

    return satisfied(expression, borne_out)


def permits(policy: LicensePolicy, text_family: str) -> bool:
    """Return whether the licence of a text is permitted in any version that the text may mean."""
    return any(policy.permits(text_family + suffix) for suffix in ("", *FAMILY_SUFFIXES))


def completed(declared: Declaration, found: Findings) -> Expression | None:
    """Return the AND of the readable declaration and all texts."""
    readable = [] if declared.text is None else [declared.text]
    undeclared = found.families - frozenset(map(family, license_ids(declared.expression)))
    return join([*readable, *sorted(undeclared)])


def explain(evidence: LicenseEvidence, declared: Declaration, found: Findings) -> str:
    """Return a short detail about the evidence; empty if nothing is unusual."""
    texts = ", ".join(sorted(found.families | found.appended)) or "none"
    said = ", ".join(filter(None, (declared.text, *map(repr, declared.unreadable))))
    notes = {
        LicenseEvidence.CONTRADICTED: f"declared is {said}, the texts are {texts}",
        LicenseEvidence.UNKNOWN: f"{unread(declared)}; texts recognised: {texts}",
        LicenseEvidence.TEXT_ONLY: unread(declared),
    }
    unrecognized = f"not recognised: {', '.join(found.unrecognized)}" if found.unrecognized else ""
    named = f"which names {', '.join(map(repr, found.terms))}" if found.terms else ""
    return "; ".join(filter(None, (notes.get(evidence), unrecognized, named)))


def unread(declared: Declaration) -> str:
    """Return the unreadable parts of a declaration; empty if there are none."""
    if declared.unreadable:
        return f"not a licence name: {', '.join(map(repr, declared.unreadable))}"
    return "" if declared.complete else "no licence is declared"
