"""Instruction rows to read: some of each kind, the same ones for the same seed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from corpus.errors import CorpusError
from corpus.release import Release
from corpus.rows import InstructRow
from corpus.tables import INSTRUCT, INSTRUCTION_KINDS


class NoSuchKind(CorpusError):
    """There is no kind of instruction of this name."""

    def __init__(self, kind: str) -> None:
        kinds = ", ".join(INSTRUCTION_KINDS)
        super().__init__(f"there is no kind of instruction {kind!r}; the kinds are {kinds}")


@dataclass(frozen=True, slots=True)
class KindSample:
    """A kind with its number of rows in a release, and some of them."""

    kind: str
    rows: int
    sample: Sequence[InstructRow]


def samples(release: Release, kind: str | None, count: int, seed: int) -> Iterator[KindSample]:
    """Yield at most `count` rows of one kind, or of each kind, chosen by digest of id and seed.

    Two passes read the table, the first one ids only. Raises NoSuchKind.
    """
    if kind is not None and kind not in INSTRUCTION_KINDS:
        raise NoSuchKind(kind)
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for batch in release.batches("instruct", ("id", "kind")):
        for row in batch.to_pylist():
            ids[row["kind"]].append(row["id"])
    wanted = {
        name: nsmallest(count, ids[name], key=lambda id_: _rank(id_, seed))
        for name in (INSTRUCTION_KINDS if kind is None else (kind,))
    }
    chosen = {id_ for each in wanted.values() for id_ in each}
    found: dict[str, InstructRow] = {}
    for batch in release.batches("instruct", tuple(INSTRUCT.names)):
        for row in batch.to_pylist():
            if row["id"] in chosen:
                found[row["id"]] = row
    for name, each in wanted.items():
        yield KindSample(name, len(ids[name]), [found[id_] for id_ in each])


def _rank(id_: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{id_}".encode()).hexdigest()
