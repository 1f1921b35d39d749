"""Making a row from a question and its answer, or refusing it."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import pyarrow as pa

from corpus.elixir import MOST_NEEDS, Need, Surroundings, extract
from corpus.extraction import Extraction
from corpus.instruct.fence import SPACE, fenced, repeats
from corpus.instruct.material import Material
from corpus.parsing import NestedTooDeeply, Unparsable
from corpus.rows import InstructRow
from corpus.tables import INSTRUCT

CUT = re.compile(r"encoded_\d+_bytes")
"""The tag by which the filters replace encoded data."""
PRIVATE = frozenset({"defp", "defmacrop", "defguardp"})
"""Private kinds."""
BODY = re.compile(r"^.*?,do:")
TELLING = 16
"""A line of code of this many characters, without blanks, is unlikely to occur twice by chance."""

Failed = Callable[[str, Exception], None]
"""A callback that gets the id of a document without rows, and the error."""
Span = tuple[int, int]
"""A half-open range of bytes."""
Signature = tuple[str, int]
"""A name and an arity."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question, and its answer in Elixir source.

    `subject` is the requested function or module, in `module`; `spans` are the byte ranges of the
    answer in the document.
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
        """Whether the answer is a whole module."""
        return self.subject == self.module


def identify(kind: str, document_id: str, place: object) -> str:
    """Return a conversation's id; `place` is the position of the answer in the document."""
    return hashlib.sha256(f"{kind}\0{document_id}\0{place}".encode()).hexdigest()


def phrase(phrases: Sequence[str], id_: str) -> str:
    """Choose one of several phrasings, always the same one for an id."""
    return phrases[int(id_[:8], 16) % len(phrases)]


def is_sound(conversation: Conversation) -> bool:
    """Return whether the answer is complete, parses, and is not in the question."""
    return (
        CUT.search(conversation.answer) is None
        and not stands_in(conversation.answer, conversation.question)
        and parsed(conversation.answer) is not None
    )


def parsed(source: str) -> Extraction | None:
    """Return the extraction from Elixir source, or None if it has an error."""
    try:
        extraction = extract(source.encode())
    except (NestedTooDeeply, Unparsable):
        return None
    return None if extraction.parse_errors else extraction


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


def raised(document_id: str, error: Exception) -> None:
    """Raise the error of a document."""
    raise error


def tabulate(
    materials: Iterable[Material],
    converse: Callable[[Material], Iterable[Conversation]],
    failed: Failed = raised,
) -> pa.Table:
    """Return the rows of `tables.INSTRUCT` for documents.

    `converse` gives the valid conversations of one document. If an exception is raised, the
    document gives no rows, and `failed` is called. MemoryError is not treated as an error of a
    document.
    """
    rows: list[InstructRow] = []
    for material in materials:
        try:
            rows += _rows_of(material, converse(material))
        except MemoryError:
            raise
        except Exception as error:
            failed(material.document_id, error)
    return pa.Table.from_pylist(rows, schema=INSTRUCT)


def _rows_of(material: Material, conversations: Iterable[Conversation]) -> list[InstructRow]:
    """Return the rows of one document, without those that have too many needs."""
    items = list(conversations)
    if not items:
        return []
    context = Context(material, [span for item in items for span in item.spans])
    answered = ((item, context.needs(item)) for item in items)
    return [row(item, needs) for item, needs in answered if len(needs) <= MOST_NEEDS]


class Context:
    """One document, for finding the needs of its conversations."""

    def __init__(self, material: Material, spans: Sequence[Span]) -> None:
        self._around = Surroundings(material.text, spans)
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
        """Return what an answer uses from the rest of its document."""
        module = None if conversation.is_module else conversation.module
        private, own = self._private[module], self._own[module]
        return self._around.needs(conversation.spans, conversation.module, private, own)


def row(conversation: Conversation, needs: Sequence[Need]) -> InstructRow:
    """Return one row; the answer becomes a fenced block."""
    return {
        "id": conversation.id,
        "kind": conversation.kind,
        "subject": conversation.subject,
        "needs": [{"kind": need.kind, "name": need.name} for need in needs],
        "messages": [
            {"role": "user", "content": conversation.question},
            {"role": "assistant", "content": fenced(conversation.answer)},
        ],
        "document_ids": [conversation.source.document_id],
        "purls": [conversation.source.purl],
        "license_expression": conversation.source.license_expression,
        "verification": "parsed",
        "toolchain": toolchain(),
        "split": conversation.source.split,
    }


@cache
def toolchain() -> str:
    """Return the parser that verified the answers, with its version."""
    return f"tree-sitter-elixir {version('tree-sitter-elixir')}"
