"""Instruction rows of a build: all kinds, for kept documents, without repeated answers.

Rows are drafted by bundle. Then all rows are compared: of rows with the same answer, and of rows
that ask for the same Module.function/arity, one is kept, from the document that is preferred among
duplicates (`corpus/deduplicate/order.py`). The manifest has the number of rows left out.
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
"""A document gives no rows because of an error in this project; its id is used instead of a row's.
"""
FAILURES: Final = b"failures"
"""Metadata of a draft: the ids of such documents with the error, as JSON."""
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
"""The data of a row for the comparison of all rows."""
LONGEST_MISTAKE: Final = 300
"""Maximum number of characters of an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructTask:
    """The parts of one bundle, its kept documents, and the file for the rows."""

    documents: Path
    functions: Path
    kept: Path
    destination: Path
    config: InstructConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftTask:
    """The drafted rows of one bundle, the repeats of all drafts, and the file for the rest."""

    number: int
    """Index of the draft among all, from 0; it is also the index of its batch of repeats."""
    draft: Path
    repeats: Path
    destination: Path


def write_rows(task: InstructTask) -> None:
    """Draft the instruction rows of one bundle; an existing file is not changed."""
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
    """Leave out rows for the same source position.

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
    """Write the ids of rows that repeat a preferred row, and the reason.

    The ids of each draft are one batch, in the order of the drafts. After them there is one batch
    of documents that gave no rows because of an error. `published` has, by source and package, when
    it was first published. It takes about 130 bytes per row in memory. An existing file is not
    changed.
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
    """Return the ids of documents whose draft failed."""
    with open_part(draft) as part:
        told = (part.schema.metadata or {}).get(FAILURES, b"{}")
    return list(json.loads(told))


def _keys(draft: Path) -> pa.Table:
    """Return id and document of every row, and digests of its answer and its subject."""
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
    """Return row numbers: preferred documents first, in a document by position."""
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
    """Write the drafted rows of one bundle that are kept; an existing file is not changed."""
    if task.destination.exists():
        return
    rows = read_part(task.draft)
    with open_part(task.repeats, ["id"]) as part:
        repeats = part.get_batch(task.number)
    is_repeat = among(identifiers(repeats["id"]), identifiers(rows["id"]))
    with replacing(task.destination) as temporary:
        write_part(rows.filter(pa.array(~is_repeat)).cast(INSTRUCT), temporary)


def count_repeats(repeats: Path) -> dict[str, int]:
    """Return the number of rows left out, and of documents without rows because of an error, by
    reason.
    """
    reasons = read_part(repeats, columns=["reason"])["reason"].to_pylist()
    return dict(sorted(Counter(reasons).items()))
