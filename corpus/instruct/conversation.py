"""Checking a draft, and making a row from it."""

import re
from functools import cache
from importlib.metadata import version
from typing import Final

from corpus.elixir import grammar, unquotes_outside_quote
from corpus.instruct.answerable import unresolved
from corpus.instruct.difficulty import Level
from corpus.instruct.draft import Draft, Filter, Kind, phrase
from corpus.instruct.fence import SPACE, fenced, repeats
from corpus.instruct.left_out import Left
from corpus.parsing import NestedTooDeeply, Unparsable, parse, refuse_deep_brackets
from corpus.rows import InstructRow

CUT: Final = re.compile(r"encoded_\d+_bytes")
"""The tag by which the filters replace encoded data."""
BODY: Final = re.compile(r"^.*?,do:")
TELLING: Final = 16
"""A line of code of this many characters, without blanks, is unlikely to occur twice by chance."""
SYSTEM: Final = (
    "You are an experienced Elixir engineer. Answer with Elixir code in one fenced block.",
    "You write idiomatic Elixir. Reply with a single code block and nothing else.",
    "You are a programming assistant for Elixir and OTP. Give the code only.",
    "Answer as a senior Elixir developer: correct, idiomatic code in one block.",
)
"""System messages; which one a row has follows from its id."""


def refusal(kind: Kind, draft: Draft) -> Left | None:
    """Return why a draft gives no row, or None if it is sound."""
    for asked in (*kind.filters, *SOUND):
        if (reason := asked(draft)) is not None:
            return reason
    return None


def is_cut(draft: Draft) -> Left | None:
    """Refuse an answer that encoded data was removed from."""
    return Left.CUT if CUT.search(draft.answer) else None


def is_given(draft: Draft) -> Left | None:
    """Refuse a question that has the answer."""
    return Left.IN_QUESTION if stands_in(draft.answer, draft.question) else None


def is_unreadable(draft: Draft) -> Left | None:
    """Refuse an answer that does not parse."""
    return None if parses(draft.answer) else Left.UNPARSABLE


def depends_on_body(draft: Draft) -> Left | None:
    """Refuse an answer that has an `unquote` outside of `quote`."""
    return Left.MODULE_BODY if unquotes_outside_quote(draft.answer.encode()) else None


def is_unanswerable(draft: Draft) -> Left | None:
    """Refuse an answer with a name that is explained nowhere."""
    try:
        unknown = unresolved(draft.whole, draft.spans, draft.module, draft.aliases)
    except (NestedTooDeeply, Unparsable):
        return Left.UNPARSABLE
    return Left.UNRESOLVED if unknown else None


SOUND: Final[tuple[Filter, ...]] = (
    is_cut,
    is_given,
    is_unreadable,
    depends_on_body,
    is_unanswerable,
)
"""What holds for every row, the cheap checks first."""


def parses(source: str) -> bool:
    """Return whether Elixir source has no error."""
    raw = source.encode()
    try:
        refuse_deep_brackets(raw)
        return not parse(grammar.PARSER, raw).root_node.has_error
    except (NestedTooDeeply, Unparsable):
        return False


def stands_in(answer: str, question: str) -> bool:
    """Return whether a question contains its answer: all of it, or half of its distinctive lines.

    Blanks do not count, nor do comments and the heads of functions, which a question may name.
    """
    if repeats(question, answer):
        return True
    asked = SPACE.sub("", question)
    telling = [line for line in map(body_of, answer.split("\n")) if len(line) >= TELLING]
    given = sum(line in asked for line in telling)
    return bool(telling) and 2 * given >= len(telling)


def body_of(line: str) -> str:
    """Return the part of a line, without blanks, that belongs to a function's body."""
    code = SPACE.sub("", line)
    if code.startswith("#"):
        return ""
    return BODY.sub("", code) if not code.startswith("def") or ",do:" in code else ""


def row_of(kind: str, id_: str, draft: Draft, level: Level) -> InstructRow:
    """Return the row of a sound draft; its answer becomes a fenced block."""
    first = draft.sources[0]
    return {
        "id": id_,
        "kind": kind,
        "subject": draft.subject,
        "difficulty": level.value,
        "needs": [],
        "messages": [
            {"role": "system", "content": phrase(SYSTEM, id_[8:])},
            {"role": "user", "content": draft.question},
            {"role": "assistant", "content": fenced(draft.answer)},
        ],
        "document_ids": [each.document_id for each in draft.sources],
        "purls": [each.purl for each in draft.sources],
        "package": first.package,
        "paths": [each.path for each in draft.sources],
        "license_expression": first.license_expression,
        "verification": draft.verification,
        "toolchain": None if draft.verification == "none" else toolchain(),
        "split": first.split,
    }


@cache
def toolchain() -> str:
    """Return the parser that verified the answers, with its version."""
    return f"tree-sitter-elixir {version('tree-sitter-elixir')}"
