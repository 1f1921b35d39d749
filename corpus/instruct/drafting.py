"""The rows of one bundle: what is proposed, drafted, checked and chosen, package by package.

Of a package each kind proposes places. The first ones in the order of their ids, which are digests,
are drafted, document by document, so that one tree is in memory at a time. Of the sound drafts the
caps take a sample that is spread over the levels of difficulty. Which rows a package gives follows
from the package alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from corpus.instruct.configuration import Caps, InstructConfig
from corpus.instruct.conversation import refusal, row_of
from corpus.instruct.difficulty import Level, level_of
from corpus.instruct.draft import Candidate, Draft, Kind, identify
from corpus.instruct.left_out import Left
from corpus.instruct.material import Package, packages
from corpus.parsing import NestedTooDeeply, Unparsable
from corpus.rows import InstructRow
from corpus.tables import INSTRUCT

SPARE = 3
"""Drafts are made of this many times as many places as the caps allow, for what is refused."""

Failed = Callable[[str, Exception], None]
"""A callback that gets the id of a document without rows, and the error."""
LeftOut = dict[str, Counter[str]]
"""By kind, how many candidates gave no row for each reason."""


def raised(document_id: str, error: Exception) -> None:
    """Raise the error of a document."""
    raise error


@dataclass(slots=True)
class Bundle:
    """The rows of a bundle, and what was left out."""

    rows: pa.Table
    left_out: LeftOut = field(default_factory=dict)


def draft_rows(
    kinds: Sequence[Kind],
    documents: pa.Table,
    functions: pa.Table,
    modules: pa.Table,
    config: InstructConfig,
    failed: Failed = raised,
) -> Bundle:
    """Return the rows of `tables.INSTRUCT` for documents, with one archive's documents together.

    If an exception is raised, the document gives no rows, and `failed` is called. MemoryError is
    not treated as an error of a document.
    """
    left_out: LeftOut = {kind.name: Counter() for kind in kinds}
    rows: list[InstructRow] = []
    for package in packages(documents, functions, modules):
        rows += _PackageRows(package, kinds, config, failed, left_out).rows()
    return Bundle(pa.Table.from_pylist(rows, schema=INSTRUCT), left_out)


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A sound draft of a candidate."""

    id: str
    candidate: Candidate
    draft: Draft
    level: Level


class _PackageRows:
    """The rows of one package."""

    def __init__(
        self,
        package: Package,
        kinds: Sequence[Kind],
        config: InstructConfig,
        failed: Failed,
        left_out: LeftOut,
    ) -> None:
        self._package, self._kinds, self._config = package, kinds, config
        self._failed, self._left_out = failed, left_out
        self._broken: set[str] = set()

    def rows(self) -> Iterator[InstructRow]:
        """Yield the rows, by kind, in the order of the documents."""
        waiting: defaultdict[str, list[tuple[Kind, str, Candidate]]] = defaultdict(list)
        for kind in self._kinds:
            for id_, candidate in self._considered(kind):
                waiting[candidate.material.document_id].append((kind, id_, candidate))
        drafts: defaultdict[str, list[_Drafted]] = defaultdict(list)
        for material in self._package.materials:
            for kind, id_, candidate in waiting.pop(material.document_id, ()):
                drafted = self._draft(kind, id_, candidate)
                if drafted is not None:
                    drafts[kind.name].append(drafted)
            material.forget()
        for kind in self._kinds:
            sound = [
                each
                for each in drafts[kind.name]
                if each.candidate.material.document_id not in self._broken
            ]
            chosen, passed_over = choose(sound, self._config.caps)
            self._left_out[kind.name].update(passed_over)
            for each in chosen:
                yield row_of(kind.name, each.id, each.draft, each.level)

    def _considered(self, kind: Kind) -> list[tuple[str, Candidate]]:
        """Return the candidates that are drafted, in the order of the documents."""
        try:
            found = kind.propose(self._package, self._config)
        except MemoryError:
            raise
        except Exception as error:
            for material in self._package.materials[:1]:
                self._fail(material.document_id, error)
            return []
        caps, modules = self._config.caps, Counter[str]()
        named = {
            identify(kind.name, each.material.document_id, each.place): (number, each)
            for number, each in reversed([*enumerate(found)])
        }
        taken: list[tuple[int, str, Candidate]] = []
        for id_ in sorted(named):
            number, candidate = named[id_]
            if len(taken) >= SPARE * caps.per_package:
                self._left_out[kind.name][Left.PACKAGE_CAP] += 1
            elif modules[candidate.module] >= SPARE * caps.per_module:
                self._left_out[kind.name][Left.MODULE_CAP] += 1
            else:
                modules[candidate.module] += 1
                taken.append((number, id_, candidate))
        taken.sort(key=lambda each: each[0])
        return [(id_, candidate) for _, id_, candidate in taken]

    def _draft(self, kind: Kind, id_: str, candidate: Candidate) -> _Drafted | None:
        document = candidate.material.document_id
        if document in self._broken:
            return None
        try:
            draft = candidate.write(id_)
            reason = draft if isinstance(draft, Left) else refusal(kind, draft)
            if isinstance(draft, Draft) and reason is None:
                return _Drafted(id_, candidate, draft, level_of(draft.effort or draft.answer))
        except (MemoryError, KeyboardInterrupt):
            raise
        except (NestedTooDeeply, Unparsable) as error:
            self._fail(document, error)
            return None
        except Exception as error:
            self._fail(document, error)
            return None
        self._left_out[kind.name][str(reason)] += 1
        return None

    def _fail(self, document: str, error: Exception) -> None:
        self._broken.add(document)
        self._failed(document, error)


def choose(drafts: Sequence[_Drafted], caps: Caps) -> tuple[list[_Drafted], Counter[str]]:
    """Return the drafts that the caps allow, in their order, and why the others are left out.

    Levels take turns, the hardest first, each in the order of ids, so that no level is more than
    its share as long as the others have drafts. Glue comes last.
    """
    levels = {level: [each for each in drafts if each.level is level] for level in Level}
    for each in levels.values():
        each.sort(key=lambda drafted: drafted.id, reverse=True)
    reasons, modules = Counter[str](), Counter[str]()
    chosen: set[str] = set()

    def offer(drafted: _Drafted) -> None:
        if len(chosen) >= caps.per_package:
            reasons[Left.PACKAGE_CAP] += 1
        elif modules[drafted.candidate.module] >= caps.per_module:
            reasons[Left.MODULE_CAP] += 1
        else:
            modules[drafted.candidate.module] += 1
            chosen.add(drafted.id)

    turns = [levels[level] for level in (Level.HARD, Level.MEDIUM, Level.EASY)]
    while any(turns):
        for waiting in turns:
            if waiting:
                offer(waiting.pop())
    glue = levels[Level.GLUE]
    allowed = len(chosen) + max(1, int(caps.glue_share * len(chosen) / (1.001 - caps.glue_share)))
    while glue:
        drafted = glue.pop()
        if len(chosen) >= allowed:
            reasons[Left.GLUE] += 1
        else:
            offer(drafted)
    return [each for each in drafts if each.id in chosen], reasons
