"""Turn a question and its answer into a row, or refuse it."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import groupby
from typing import Any

import pyarrow as pa

from corpus.elixir import Need, Surroundings, extract
from corpus.extraction import Extraction, NestedTooDeeply, Unparsable
from corpus.instruct.fence import SPACE, fenced, repeats
from corpus.instruct.material import Material
from corpus.schema import INSTRUCT

CUT = re.compile(r"encoded_\d+_bytes")
"""The tag that the filters leave where they cut encoded data out."""
PRIVATE = frozenset({"defp", "defmacrop", "defguardp"})
"""Kinds that only the module itself can call."""
BODY = re.compile(r"^.*?,do:")
TELLING = 16
"""Characters, without blanks, from which on a line of code is unlikely to recur by chance."""

Span = tuple[int, int]
"""A half-open range of bytes."""
Signature = tuple[str, int]
"""A name and an arity."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question, and an answer that is Elixir source.

    `subject` is what is asked for, in `module`; `spans` are the bytes of the document that the
    answer was cut from.
    """

    id: str
    kind: str
    subject: str
    question: str
    answer: str
    source: Material
    module: str
    spans: tuple[Span, ...]

    @property
    def is_module(self) -> bool:
        """Whether the answer is all of its module."""
        return self.subject == self.module


def identify(kind: str, document_id: str, place: object) -> str:
    """Return a conversation's id; `place` says where in the document the answer stands."""
    return hashlib.sha256(f"{kind}\0{document_id}\0{place}".encode()).hexdigest()


def phrase(phrases: Sequence[str], id_: str) -> str:
    """Pick one of several ways to say the same, always the same one for an id."""
    return phrases[int(id_[:8], 16) % len(phrases)]


def is_sound(conversation: Conversation) -> bool:
    """Tell whether the answer is whole, parses, and does not stand in the question."""
    return (
        CUT.search(conversation.answer) is None
        and not stands_in(conversation.answer, conversation.question)
        and parsed(conversation.answer) is not None
    )


def parsed(source: str) -> Extraction | None:
    """Return what our parser reads in Elixir source, or None where it finds an error."""
    try:
        extraction = extract(source.encode())
    except (NestedTooDeeply, Unparsable):
        return None
    return None if extraction.parse_errors else extraction


def stands_in(answer: str, question: str) -> bool:
    """Tell whether a question gives its answer away: all of it, or half of its telling lines.

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


def tabulate(conversations: Iterable[Conversation]) -> pa.Table:
    """Return conversations as rows of `schema.INSTRUCT`; they must be sound."""
    rows = []
    for _, group in groupby(conversations, key=lambda item: item.source.document_id):
        context: Context | None = None
        for item in group:
            context = context or Context(item.source)
            rows.append(row(item, context.needs(item)))
    return pa.Table.from_pylist(rows, schema=INSTRUCT)


class Context:
    """One document, to be asked what its conversations take from the rest of it."""

    def __init__(self, material: Material) -> None:
        self._around = Surroundings(material.text)
        self._own: defaultdict[str | None, set[Signature]] = defaultdict(set)
        self._private: defaultdict[str | None, dict[Signature, Signature]] = defaultdict(dict)
        for function in material.functions:
            name, arity, module = function["name"], function["arity"], function["module"]
            calls = [(name, given) for given in range(arity - function["defaults"], arity + 1)]
            self._own[module].update(calls)
            self._own[None].update(calls)
            if function["kind"] in PRIVATE:
                self._private[module] |= dict.fromkeys(calls, (name, arity))

    def needs(self, conversation: Conversation) -> tuple[Need, ...]:
        """Return what an answer takes from the rest of its document."""
        module = None if conversation.is_module else conversation.module
        private, own = self._private[module], self._own[module]
        return self._around.needs(conversation.spans, conversation.module, private, own)


def row(conversation: Conversation, needs: Sequence[Need]) -> dict[str, Any]:
    """Return one row; the answer becomes a fenced block."""
    return {
        "id": conversation.id,
        "kind": conversation.kind,
        "subject": conversation.subject,
        "needs": [need._asdict() for need in needs],
        "messages": [
            {"role": "user", "content": conversation.question},
            {"role": "assistant", "content": fenced(conversation.answer)},
        ],
        "document_ids": [conversation.source.document_id],
        "license_expression": conversation.source.license_expression,
        "verification": "parsed",
        "toolchain": toolchain(),
        "split": conversation.source.split,
    }


@cache
def toolchain() -> str:
    """Return the parser that verified the answers, with its version."""
    return f"tree-sitter-elixir {version('tree-sitter-elixir')}"
