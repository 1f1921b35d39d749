"""Instruction rows of a build: every kind, over the documents that stay, and no answer twice.

Rows are drafted bundle by bundle. Then all of them meet: of rows with the same answer, and of rows
that ask for the same Module.function/arity, one stays, that of the document that would stand for
its duplicates (`corpus/deduplicate/order.py`). What is left out is counted in the manifest.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.deduplicate import representative_order
from corpus.identifiers import among, identifiers
from corpus.instruct import KINDS, InstructConfig
from corpus.parts import one_batch, open_part, part_writer, read_part, write_part
from corpus.selection import of_kept
from corpus.tables import INSTRUCT

REPEATED_ANSWER: Final = "repeated_answer"
REPEATED_SUBJECT: Final = "repeated_subject"
FAILED: Final = "extraction_failed"
"""A document gives no rows because of a mistake of ours; its id stands for a row's."""
FAILURES: Final = b"failures"
"""Metadata of a draft: the ids of such documents with what was raised, as JSON."""
REPEATS: Final = pa.schema([("id", pa.string()), ("reason", pa.string())])
PREFERENCE: Final = [
    *["document_id", "source", "package", "version", "path", "role", "license_evidence"],
]
DIGEST_BYTES: Final = 16
KEYS: Final = pa.schema(
    [
        *(("id", pa.string()), ("document_id", pa.string())),
        *(("answer", pa.binary(DIGEST_BYTES)), ("subject", pa.binary(DIGEST_BYTES))),
    ]
)
"""What is known of a row when all of them meet."""
LONGEST_MISTAKE: Final = 300
"""Characters of an exception that are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructTask:
    """The parts of one bundle, those of its documents that stay, and where the rows go."""

    documents: Path
    functions: Path
    kept: Path
    destination: Path
    config: InstructConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftTask:
    """The drafted rows of one bundle, what is left out of all drafts, and where the rest goes."""

    number: int
    """Of the draft among all, from 0: its batch of the repeats."""
    draft: Path
    repeats: Path
    destination: Path


def write_rows(task: InstructTask) -> None:
    """Draft the instruction rows of one bundle; an existing file is left as it is."""
    if task.destination.exists():
        return
    documents = of_kept(read_part(task.documents), task.kept).combine_chunks()
    functions = read_part(task.functions)
    stays = pc.is_in(functions["document_id"], value_set=documents["document_id"])
    functions = functions.filter(stays)
    failures: dict[str, str] = {}

    def failed(document_id: str, error: Exception) -> None:
        failures[document_id] = f"{type(error).__name__}: {error}"[:LONGEST_MISTAKE]

    tables = [kind(documents, functions, task.config, failed) for kind in KINDS.values()]
    rows = first_of_each_id(pa.concat_tables(tables).cast(INSTRUCT))
    if failures:
        told = json.dumps(failures, sort_keys=True).encode()
        rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), FAILURES: told})
    with replacing(task.destination) as temporary:
        write_part(rows, temporary)


def first_of_each_id(rows: pa.Table) -> pa.Table:
    """Leave out what asks for the same place in a source again.

    `defimpl Shown, for: [Date, Time]` defines one text for two modules.
    """
    _, first = np.unique(rows["id"].to_numpy(), return_index=True)
    return rows.take(pa.array(np.sort(first)))


def find_repeats(
    drafts: Sequence[Path],
    fingerprints: Sequence[Path],
    destination: Path,
    published: Mapping[tuple[str, str], int],
) -> None:
    """Write the ids of rows that say again what a preferred row says, and why.

    The ids of each draft are a batch of their own, in the order of the drafts; behind them is
    one of documents that no row could be made of. `published` says by source and package when it
    was first published. Holds some 130 bytes a row in memory. An existing file is left as it is.
    """
    if destination.exists():
        return
    keys = [_keys(path) for path in drafts]
    rows = pa.concat_tables([KEYS.empty_table(), *keys])
    order = _preferred(rows, fingerprints, published)
    answers = rows["answer"].to_numpy(zero_copy_only=False)
    subjects = rows["subject"].to_numpy(zero_copy_only=False)
    said, asked = set[bytes](), set[bytes]()
    left_out: list[tuple[int, str]] = []
    for place in order.tolist():
        if answers[place] in said:
            left_out.append((place, REPEATED_ANSWER))
        elif subjects[place] in asked:
            left_out.append((place, REPEATED_SUBJECT))
        else:
            said.add(answers[place])
            asked.add(subjects[place])
    left_out.sort()
    places = np.array([place for place, _ in left_out], dtype=np.int64)
    ids = rows["id"].take(pa.array(places))
    found = pa.table({"id": ids, "reason": [reason for _, reason in left_out]}, REPEATS)
    ends = np.searchsorted(places, np.cumsum([len(each) for each in keys]))
    failed = sorted(each for path in drafts for each in _failures(path))
    with replacing(destination) as temporary, part_writer(temporary, REPEATS) as writer:
        for begin, end in pairwise([0, *ends.tolist()]):
            writer.write_batch(one_batch(found.slice(begin, end - begin).sort_by("id")))
        told = pa.table({"id": failed, "reason": [FAILED] * len(failed)}, REPEATS)
        writer.write_batch(one_batch(told))


def _failures(draft: Path) -> list[str]:
    """Return the ids of documents that a draft could not be made of."""
    with open_part(draft) as part:
        told = (part.schema.metadata or {}).get(FAILURES, b"{}")
    return list(json.loads(told))


def _keys(draft: Path) -> pa.Table:
    """Return id and document of every row, and digests of its answer and of what it asks for."""
    found = []
    needed = ["id", "kind", "subject", "document_ids", "messages"]
    with open_part(draft, needed) as part:
        for number in range(part.num_record_batches):
            batch = part.get_batch(number)
            rows = batch.to_pylist()
            texts = {
                "answer": [row["messages"][-1]["content"] for row in rows],
                "subject": [f"{row['kind']}\0{row['subject']}" for row in rows],
            }
            digests = {name: list(map(_digest, each)) for name, each in texts.items()}
            documents = [row["document_ids"][0] for row in rows]
            columns = {"id": batch["id"], "document_id": documents, **digests}
            found.append(pa.table(columns, schema=KEYS))
    return pa.concat_tables([KEYS.empty_table(), *found])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES]


def _preferred(
    rows: pa.Table, fingerprints: Sequence[Path], published: Mapping[tuple[str, str], int]
) -> npt.NDArray[np.int64]:
    """Return row numbers, those of preferred documents first, in a document by their place."""
    wanted = np.unique(identifiers(rows["document_id"]))
    parts = (read_part(path, columns=PREFERENCE) for path in fingerprints)
    documents = pa.concat_tables(
        part.filter(pa.array(among(wanted, identifiers(part["document_id"])))) for part in parts
    )
    ordered = documents["document_id"].take(pa.array(representative_order(documents, published)))
    place = pc.index_in(rows["document_id"], value_set=ordered.combine_chunks())
    order: npt.NDArray[np.int64] = np.argsort(place.to_numpy(), kind="stable")
    return order


def leave_out_repeats(task: DraftTask) -> None:
    """Write the drafted rows of one bundle that stay; an existing file is left as it is."""
    if task.destination.exists():
        return
    rows = read_part(task.draft)
    with open_part(task.repeats, ["id"]) as part:
        repeats = part.get_batch(task.number)
    is_repeat = among(identifiers(repeats["id"]), identifiers(rows["id"]))
    with replacing(task.destination) as temporary:
        write_part(rows.filter(pa.array(~is_repeat)).cast(INSTRUCT), temporary)


def count_repeats(repeats: Path) -> dict[str, int]:
    """Return how many rows were left out, and documents without any for a mistake, by reason."""
    reasons = read_part(repeats, columns=["reason"])["reason"].to_pylist()
    return dict(sorted(Counter(reasons).items()))
