"""What a kind makes: a question with its answer, or the reason why there is none."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpus.instruct.configuration import InstructConfig
from corpus.instruct.left_out import Left
from corpus.instruct.material import Material, Package


@dataclass(frozen=True, slots=True)
class Draft:
    """A question and its answer, before they are checked.

    `subject` is what is asked for, in `module`; `answer` is Elixir source. `whole` is the answer in
    what the question shows around it, as one file, and `spans` are the byte ranges of the answer in
    it: every name there has to be explained. An answer that stands alone is its own surroundings.
    `aliases` are the names that an alias in force at its origin explains.
    """

    subject: str
    module: str
    question: str
    answer: str
    sources: tuple[Material, ...]
    whole: str
    spans: tuple[tuple[int, int], ...]
    aliases: frozenset[str] = frozenset()
    verification: str = "parsed"
    effort: str | None = None
    """Source whose difficulty counts, if that is not the answer's."""


Drafted = Draft | Left


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may give a row: nothing of it is parsed before `write` is called with its id.

    `place` is the position of the answer in the document, as it enters the id.
    """

    material: Material
    module: str
    place: object
    write: Callable[[str], Drafted]


def identify(kind: str, document_id: str, place: object) -> str:
    """Return a row's id; `place` is the position of the answer in the document."""
    return hashlib.sha256(f"{kind}\0{document_id}\0{place}".encode()).hexdigest()


def phrase(phrases: Sequence[str], id_: str) -> str:
    """Choose one of several phrasings, always the same one for an id."""
    return phrases[int(id_[:8], 16) % len(phrases)]


Filter = Callable[[Draft], Left | None]
"""A question about a draft, with a reason for an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of instruction.

    `given` and `answer` say what the user gives and what the answer is. `phrases` are the first
    sentences of questions, of which each row has one. `propose` yields the places of a package that
    may give a row, in the order of its documents, and reads no more than rows for it. Of a draft,
    `filters` are asked in order; what holds for every kind is checked after them.
    """

    name: str
    given: str
    answer: str
    phrases: tuple[str, ...]
    propose: Callable[[Package, InstructConfig], Sequence[Candidate]]
    filters: tuple[Filter, ...] = ()
