"""Reading of licence notices: prose at the head of a file about its terms.

A notice counts if it grants or denies permissions. "Works with GPL software" mentions a licence but
is not about this file; the same holds for "finds packages licensed under the GPL" in a checker.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from corpus.licenses.declarations import licensing, permissive, read_license
from corpus.licenses.names import NAME, Mention, named, names
from corpus.untrusted import quoted

SHORTEST_TEXT = 150
"""A match of licenseclassifier of at least this length is a licence text and not a mention."""
EXCERPT = 120
"""Maximum number of characters of a notice that a verdict quotes."""


class Standing(StrEnum):
    """The effect of a notice."""

    LICENSED = "licensed"
    CONDITIONED = "conditioned"
    """A known licence is restricted: Commons Clause, no commercial use, no training."""
    PROPRIETARY = "proprietary"
    UNKNOWN = "unknown"
    """The notice refers to unknown terms."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The statement of a text: its effect, an SPDX expression if it is LICENSED, and its words.

    With `in_full` the text contains the licence and does not only mention it.
    """

    standing: Standing
    expression: str | None
    words: str
    in_full: bool = False


GRANT = re.compile(
    r"\b(?:(?:re|sub|dual[- ]|multi[- ]|tri[- ])?licen[cs]ed|(?:re)?distribut(?:ed?|able)"
    r"|(?:re)?released|published|available|provided|offered|covered|governed|issued|protected|use[ds]?"
    r"|modif(?:y|ied)|cop(?:y|ied)|free\s+software|subject|shared?|falls?|is|are|placed|dedicated)\b"
    r"[^.;:]{0,60}?\b(?:under|by|to|with|in|into|per|according\s+to)\s"
    r"|\bunder\s+(?:the\s+)?(?:terms|conditions|provisions)\b|\blicen[cs]es?\s*[:=-]+\s|@licen[cs]e\b"
    r"|\blicen[cs]e\s+is\b|\bdual[- ]licen[cs]e|\bunder\s+(?:the|an?)\s"
    r"|\b(?:alternatively|either)\b|\bpublic\s+domain\b"
    r"|\blicen[cs]ed\s+(?:as\s+)?$|\bcopyright\s[^.;:]{0,60}?[,(]\s*$",
    re.IGNORECASE,
)
"""Words of a grant; the name of the licence follows in the same sentence."""
REACH = 260
"""Characters after a grant in which the licence is mentioned: the dual notice of Rust has 230."""
SENTENCE = re.compile(r"[.;!?]\s+(?=[A-Z\"(@])|\n\s*\n")
HYPOTHETICAL = re.compile(
    r"^\W*(?:(?:an?|the|this)\s+[\w-]+\s+(?:that\s+|which\s+)?)?(?:checks|finds|detects|lists|reports"
    r"|rejects|refuses|recogni[sz]es|searches|warns|returns|replaces)\b"
    r"|^\W*(?:to\s+)?(?:check|find|detect|list|report|reject|refuse|search|warn|return|replace)\s+"
    r"(?:all|the|for|if|whether|that|every|any|which|packages|dependencies|files|licen\w+)\b"
    r"|\b(?:if(?!\s+not\s+\w+ed\b)|whether|unless(?!\s+(?:otherwise|explicitly|\w+ed\b))"
    r"|(?:every|each)(?!\s+(?:file|source|module|part))|other(?!\s+(?:parts?|portions?|sections?))"
    r"|some(?!\s+(?:of|parts?|portions?|code|functions?|sections?|files?))"
    r"|compatible\s+with|incompatible|such\s+as|for\s+example|e\.g|instead|formerly|previously"
    r"|(?:packages|dependencies|projects)\s+(?:that|which|whose|with|under))\b"
    r"|(?<!these\s)\b(?:packages|dependencies|projects)\s+$|\bexamples?\s*[:,]|[\"'`\u201c]\s*$"
    r"|\bwas\s+originally\s+$",
    re.IGNORECASE,
)
"""Words before a grant in its sentence that show that the sentence is not about this file."""
CLAUSE = re.compile(r",\s*(?:(?:and|which|that)\s+)?(?:(?:is|was|are)\s+)?$", re.IGNORECASE)
"""Words before a grant: it applies to the subject of the sentence ("A linked list, released
under").
"""
IN_BETWEEN = re.compile(r"\b(?:such\s+as|for\s+example|e\.g)\b", re.IGNORECASE)
ADJECTIVE = re.compile(
    r"[\s-]*licen[cs]ed\b(?!\s+(?:packages|dependencies|projects|libraries|modules|software))",
    re.IGNORECASE,
)
"""Words after a name: "GPL licensed"."""
SAME = re.compile(
    r"\bsame\s+(?:licen[cs](?:e|ing)|terms|conditions)(?:\s+(?:and|or)\s+\w+)?\s+as\s+(?:that\s+of\s+)?"
    r"(?:the\s+)?(?P<of>erlang|otp|elixir|perl|python|ruby|php|lua|tcl|java|linux|emacs|gcc|mysql"
    r"|rabbitmq)(?![\w-])",
    re.IGNORECASE,
)
"""The licence of another project; that of Erlang/OTP depends on the date."""
LONGEST_LINE = 200
ALONE = re.compile(
    r"(?:the|(?:copyright|c \d{4}|\d{4}).*|released?|licen[cs]es?|spdx|under)?", re.IGNORECASE
)
"""The words that may stand before a name in a line that is a statement by itself."""
TAIL = re.compile(
    r"(?:licen[cs]e)?(?: ?(?:version|v)? ?\d(?: \d)?)?"
    r"(?: ?(?:january|february|june|november) \d{4})?"
    r"(?: ?(?:see|https?|text|header|copyright|c) .*)?",
    re.IGNORECASE,
)
"""The words that may follow it there."""

CHOICE = re.compile(
    r"\b(?:dual|tri|multi)\W?licen|\byour\s+choice\s+of|\beither\s+of\b|\bat\s+your\s+(?:option|choice)"
    r"|\balternatively\b|\bchoose\b",
    re.IGNORECASE,
)
OR = re.compile(r"\bor\b|\balternatively\b", re.IGNORECASE)
SLASH = re.compile(r"[/|]")
"""Means OR if all are permissive, because it makes no difference then; otherwise it is unknown."""

OWNED = re.compile(
    r"\bcopyright\b|\(c\)|\u00a9|\ball\s+rights\s+reserved|\bproperty\s+of\b"
    r"|\b(?:inc\.|corp\.|llc\b|ltd\b|gmbh\b)|\balle\s+rechte\b|\btous\s+droits\b|\bderechos\b"
    r"|\b(?:this|the)\s+(?:source\s+)?(?:file|program|software|library|code|module|work|material|document)",
    re.IGNORECASE,
)
"""Without one of these, words such as "confidential" describe the data of the program."""
FORBIDDEN = (
    r"(?:(?:strictly|expressly|explicitly)\s+)?(?:prohibited|forbidden|not\s+(?:permitted|allowed))"
)
PROPRIETARY = re.compile(
    r"\bunauthori[sz]ed\s+(?:copying|use|reproduction|distribution|disclosure|modification"
    r"|duplication|redistribution|transfer|access\s+to\s+th(?:is|e)\s+(?:file|software|source|code))\b[^.]{0,200}?\b(?:prohibited|forbidden|illegal|unlawful"
    r"|not\s+(?:permitted|allowed)|violat\w+)"
    r"|\bstrictly\s+confidential\b|\bcompany[\s-]confidential\b"
    r"|\b(?:confidential|proprietary)\s+(?:information|property|data|materials?|source(?:\s+code)?|code"
    r"|software|works?|product)\s+(?:of|to|owned\s+by|belonging\s+to)\b"
    r"|\blicensed\s+materials?\b[^.]{0,20}?\bproperty\s+of\b"
    r"|\bunbefugte\w*\s+(?:kopieren|nutzung|verwendung|weitergabe|vervielf\w+)"
    r"|\b(?:weitergabe|vervielf\w+)\b[^.]{0,120}?\b(?:nicht\s+(?:gestattet|erlaubt)|untersagt|verboten)"
    r"|\btoute\s+(?:reproduction|utilisation|diffusion|copie)\b[^.]{0,120}?\b(?:interdite|prohib\w+)"
    r"|\bprohibida\s+(?:su|la)\s+(?:reproducci|distribuci|copia)\w*"
    r"|\blicen[cs]e\s*[:=]?\s+(?:proprietary|commercial|closed|none)\b|@licen[cs]e\s+proprietary\b"
    r"|\bno\s+part\s+of\s+th(?:is|e)\s+[^.]{0,60}?\bmay\s+be\b|\bnot\s+(?:an?\s+)?open[\s-]source\b",
    re.IGNORECASE,
)
"""Words that deny permissions in any context."""
SHOUTED = re.compile(
    r"^[^\w\n]*(?:[A-Z]+\s+){0,3}(?:CONFIDENTIAL|PROPRIETARY|UNLICENSED)\b"
    r"|^[^\w\n]*(?:DO\s+NOT\s+(?:RE)?DISTRIBUTE|NOT\s+FOR\s+(?:RE)?DISTRIBUTION)\b"
    r"|\b(?:PROPRIETARY|Proprietary)\s*(?:and|AND|&|/|,)\s*(?:CONFIDENTIAL|Confidential)\b"
    r"|\b(?:CONFIDENTIAL|Confidential)\s*(?:and|AND|&|/|,)\s*(?:PROPRIETARY|Proprietary|proprietary)\b",
    re.MULTILINE,
)
HANDLED = (
    r"(?!\W{1,4}(?:[\w-]{1,30}\s+)?(?:protocol|format|extension|api|header|field|attribute|driver|hardware|device"
    r"|system|service|database|encoding|message|command|client|printer|data|value|computing|token"
    r"|request|mode|option|codec|element|type|event|transport|firmware|feature|server|sensor|network"
    r"|vendor|schema|parameter|string)s?\b)"
)
"""Things that a program handles and that may be called proprietary or confidential."""
DENYING = re.compile(
    rf"\bproprietary\b{HANDLED}|\btrade\s+secrets?\b|\bconfidential\b{HANDLED}"
    rf"|\bvertraulich\b|\bconfidentiel(?:le)?\b|\bconfidencial\b|\beigentum\s+der\b"
    rf"|\bnot\s+(?:intended\s+)?for\s+(?:public\s+)?(?:re)?(?:distribution|sale|release)\b"
    rf"|\byou\s+(?:may|must)\s+not\s+(?:use|copy|(?:re)?distribute|share|modify)\b(?![^.]{{0,40}}\bexcept\b)"
    rf"|\brestricted\s+rights\b|\bvalid\s+(?:[\w-]+\s+){{0,2}}(?:subscription|licen[cs]e\s+key)\b"
    rf"|\brestricted\s+to\b[^.]{{0,40}}?\b(?:employees|customers|licensees|subscribers)\b"
    rf"|\bonly\s+(?:(?:by|for|to|available|licensed)\s+){{0,3}}(?:customers|licensees|subscribers"
    rf"|employees)\b"
    rf"|\b(?:may|must|shall|can)\s*not\s+be\s+(?:[\w-]+,?\s+(?:or\s+|and\s+)?){{0,5}}?(?:copied|reproduced"
    rf"|distributed|redistributed|disclosed|duplicated|published|shared|transmitted|modified|used)\b"
    rf"|\b(?:copying|reproduction|(?:re)?distribution|use|disclosure|modification)\b[^.]{{0,120}}?\b"
    rf"(?:is|are)\s+{FORBIDDEN}"
    rf"|\bwithout\s+(?:the\s+)?(?:express\w*|prior|explicit|written)\b[^.]{{0,60}}?"
    rf"\b(?:permission|consent|authori[sz]ation)\b"
    rf"|\binternal\s+use\s+only\b|\bdo\s+not\s+(?:copy|(?:re)?distribute|share)\b"
    rf"|\bevaluation\s+(?:purposes\s+)?only\b|\blicensed,\s+not\s+sold\b|\bend[\s-]user\s+licen[cs]e"
    rf"|\blicen[cs]e\s+agreement\b|\bno\s+licen[cs]e\s+is\s+granted\b|\bnot\s+licen[cs]ed\b"
    rf"|\bno\s+(?:rights?|permission)\s+(?:is|are)\s+granted\b|\bnon-?disclosure\b"
    rf"|\b(?:commercial|closed[\s-]source)\s+licen[cs]e\b|\bsource[\s-]available\b",
    re.IGNORECASE,
)
"""Words that deny permissions unless the notice grants some: BSD's "without prior permission"."""
CONDITION = re.compile(
    r"\bcommons\s+clause\b|\b(?:for\s+)?non-?\s?commercial\s+(?:use|purposes?)\b"
    r"|\bnot\b[^.]{0,40}?\bfor\s+(?:any\s+)?commercial\b"
    r"|\bcommercial\s+use\s+(?:of\s+[^.]{0,40}?)?(?:is\s+|requires\s+)"
    r"|\b(?:not|never|no|prohibited)\b[^.]{0,60}?\b(?:ai|llms?|machine[\s-]learning|language\s+models?)"
    r"\W{1,4}(?:\w{1,30}\W{1,4})?training\b|\bgood,?\s+not\s+evil\b"
    r"|\b(?:not|never|prohibited)\b[^.]{0,60}?\btrain(?:ing)?\b[^.]{0,60}?\b(?:models?|ai|machine\s+learning)\b"
    r"|\b(?:personal|educational|academic|research)\s+(?:use|purposes)\s+only\b",
    re.IGNORECASE,
)
UNKNOWN_NAME = re.compile(
    r"\s*(?:the\s+)?(?:terms\s+(?:and\s+conditions\s+)?of\s+)?(?:the\s+|an?\s+)?"
    r"(?P<name>(?:(?!The\b|This\b)(?:[A-Z0-9]|[a-z]{1,9}[A-Z0-9])[\w.&'-]*\s+){1,6}"
    r"(?:[Pp]ublic\s+|[Ss]ource\s+)?[Ll]icen[cs]e)\b"
    r"|(?:\s*[Tt]he)?\s*(?P<short>(?!LI[CS]EN|COPY|README|NOTICE)[A-Z][\w-]{0,20}[A-Z0-9][\w-]{0,20}"
    r"(?:\s+[A-Z]{2,5}\b)?(?:\s+[vV]?\d[\d.]*)?)\s*(?:[.,;]\s|[.,;]?$)"
)
"""A name after a grant: "the Acme License", or only capitals at the end of a sentence."""
FIELD = re.compile(
    r"^[ \t]*@?licen[cs]e(?:[-_ ]identifier)?[ \t]*(?:[:=][ \t]*|(?<=@license)[ \t]+)"
    r"(?P<name>[^\n]{1,60})$",
    re.IGNORECASE | re.MULTILINE,
)
"""`License: X`, where X is not a name that prose uses."""
ELSEWHERE = re.compile(
    r"^(?:an?|the)\s|\bsee\b|licen[cs]e\b|https?:|\bfile\b|/|\bsame\b|\bbelow\b|[(){}=]",
    re.IGNORECASE,
)
TEXT = re.compile(
    r"permission\s+(?:is\s+hereby\s+granted|to\s+use|is\s+granted)|redistribution\s+and\s+use"
    r"|provided\s+[\"'`]*as[\s-]is|everyone\s+is\s+permitted|altered\s+source\s+versions"
    r"|terms\s+and\s+conditions\s+for|hereby\s+granted|beer-?ware",
    re.IGNORECASE,
)
"""Phrases of whole licence texts: the classifier runs only if one is present."""


TITLE = re.compile(
    r"^[ \t]*(?:The[ \t]+)?(?P<name>(?:[A-Z][\w.'-]*[ \t]+){1,5}Licen[cs]e),?[ \t]+"
    r"[Vv](?:ersion)?[ \t]*\d",
    re.MULTILINE,
)


@lru_cache(maxsize=4096)
def read_notice(text: str, *, alone: bool = True) -> Notice | None:
    """Return the statement of a text about licences; None if it grants and denies nothing.

    `text` has no comment signs and at most some thousand characters. Results are cached, because
    most files of a project have the same notice. With `alone` the bare name of a licence is a
    grant.
    """
    flat = " ".join(text.split())
    granted = mentions(text, flat, alone)
    return denial(text, flat, bool(granted)) or licensed(flat, granted) or unknown(text, flat)


def denial(text: str, flat: str, grants: bool) -> Notice | None:
    """Return the denial in a text, or None."""
    owned = OWNED.search(flat)
    shouted = SHOUTED.search(text)
    found = PROPRIETARY.search(flat)
    if found is None and shouted and (owned or is_line(shouted, text)):
        found = shouted
    if found is not None:
        return Notice(Standing.PROPRIETARY, None, excerpt(found))
    if (owned or grants or NAME.search(flat)) and (found := CONDITION.search(flat)):
        return Notice(Standing.CONDITIONED, None, excerpt(found))
    if owned and not grants and (found := DENYING.search(flat)):
        return Notice(Standing.PROPRIETARY, None, excerpt(found))
    return None


def is_line(match: re.Match[str], text: str) -> bool:
    """Return whether a match is the only text in its line."""
    rest = text[match.end() :].split("\n", 1)[0]
    return not any(map(str.isalnum, rest))


def licensed(flat: str, found: list[Mention]) -> Notice | None:
    """Return the licences that are granted: all of them, or a choice where the text offers one."""
    ids = list(dict.fromkeys(mention.id for mention in found if mention.id))
    if not ids:
        return None
    between = [
        flat[left.end : right.start] for left, right in pairwise(found) if left.id != right.id
    ]
    behind = flat[found[-1].end :][:120]
    choice = any(map(CHOICE.search, [*between, behind])) or CHOICE.search(flat[: found[0].start])
    harmless = permissive().issuperset(ids)
    alternatives = all(OR.search(each) or (harmless and SLASH.search(each)) for each in between)
    is_choice = len(ids) > 1 and (bool(choice) or alternatives)
    expression = str(licensing().parse((" OR " if is_choice else " AND ").join(ids)))
    words = quoted(flat, EXCERPT, max(0, found[0].start - 40))
    return Notice(Standing.LICENSED, expression, words, any(m.in_full for m in found))


def unknown(text: str, flat: str) -> Notice | None:
    """Return the unknown terms that a text refers to for this file."""
    if (same := SAME.search(flat)) and not hypothetical(flat, same.start()):
        if same["of"].lower() == "elixir":
            return Notice(Standing.LICENSED, "Apache-2.0", excerpt(same))
        return Notice(Standing.UNKNOWN, None, excerpt(same))
    for grant in GRANT.finditer(flat):
        named = UNKNOWN_NAME.match(flat, grant.end())
        if named is None or hypothetical(flat, grant.start()):
            continue
        if named["short"] and "under" not in grant.group().lower():
            continue
        read = read_license(" ".join((named["name"] or named["short"]).split()).rstrip("."))
        if read is not None:
            return Notice(Standing.LICENSED, str(read), excerpt(named))
        return Notice(Standing.UNKNOWN, None, excerpt(named))
    found = FIELD.search(text) or TITLE.search(text)
    if found is None or (found.re is FIELD and ELSEWHERE.search(found["name"])):
        return None
    read = read_license(found["name"].strip())
    if read is not None:
        return Notice(Standing.LICENSED, str(read), excerpt(found))
    return Notice(Standing.UNKNOWN, None, excerpt(found))


def mentions(text: str, flat: str, alone: bool) -> list[Mention]:
    """Return the licences that are granted, in the order of the text."""
    whole = list(texts(flat))
    stated = [
        each
        for each in names(flat)
        if not any(known.start <= each.start < known.end for known in whole)
        and (granted(flat, each.start) or is_adjective(flat, each))
    ]
    stated = stated or (list(lines(text)) if alone and not whole else [])
    kinds = {each.id.split("-")[0] for each in whole}
    stated = [each for each in stated if each.id.split("-")[0] not in kinds]
    return sorted([*whole, *stated], key=lambda each: each.start)


def texts(flat: str) -> Iterator[Mention]:
    """Yield the licences whose full text is in a text."""
    if TEXT.search(flat):
        from corpus.licenses.classifier import identify

        for match in identify(flat, least_percent=0):
            if match.end - match.start >= SHORTEST_TEXT:
                yield Mention(match.start, match.end, match.id, True)


def lines(text: str) -> Iterator[Mention]:
    """Yield licences that are the whole of a line, or the end of a copyright line."""
    place = 0
    for line in text.splitlines():
        flat = " ".join(line.split())
        found = NAME.search(flat) if len(flat) < LONGEST_LINE else None
        if found:
            before = flat[: found.start()]
            license_id, end = named(flat, found)
            in_brackets = before.endswith(" (") and flat[end:].rstrip(". ") == ")"
            described = in_brackets and before[0] not in "-*+|" and not HYPOTHETICAL.search(before)
            if described or (ALONE.fullmatch(plain(before)) and TAIL.fullmatch(plain(flat[end:]))):
                yield Mention(place, place + end, license_id, False)
        place += len(flat) + 1


def plain(text: str) -> str:
    """Return the words of a text, one blank between them."""
    return " ".join(re.findall(r"\w+", text))


def granted(flat: str, start: int) -> bool:
    """Return whether a licence that is mentioned at `start` is granted."""
    window = max(0, start - REACH)
    for found in reversed(list(GRANT.finditer(flat, window, start))):
        between = flat[found.end() : start]
        if SENTENCE.search(between) and not CHOICE.search(flat[found.start() : start]):
            return False
        return not IN_BETWEEN.search(between) and not hypothetical(flat, found.start())
    return False


def is_adjective(flat: str, named: Mention) -> bool:
    """Return whether a text calls something licensed by a name: "This tool is GPL licensed"."""
    return bool(ADJECTIVE.match(flat, named.end)) and not hypothetical(flat, named.start)


def hypothetical(flat: str, start: int) -> bool:
    """Return whether the sentence up to `start` is about something other than this file."""
    before = flat[max(0, start - 150) : start]
    return not CLAUSE.search(before) and bool(HYPOTHETICAL.search(SENTENCE.split(before)[-1]))


def excerpt(found: re.Match[str]) -> str:
    """Return the words that were found."""
    return quoted(found.group(), EXCERPT)
