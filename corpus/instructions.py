"""Instruction rows of a build: all kinds, for kept documents, without repeated answers.

Rows are drafted by bundle. Then all rows are compared: of rows of a kind with the same or nearly
the same answer, and of rows that ask for the same Module.function/arity, one is kept, from the
document that is preferred among duplicates (`corpus/deduplicate/order.py`). Answers are nearly the
same if one of `BANDS` groups of MinHash minima agrees: with 8 minima each, all but certain from .9
on (99%), unlikely below .6 (13%). The manifest has the number of rows left out.
"""

import hashlib
import json
from collections import Counter, defaultdict
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
from corpus.fingerprint import FingerprintConfig, sketches
from corpus.identifiers import among, identifiers
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.drafting import draft_rows
from corpus.instruct.fence import unfenced
from corpus.instruct.left_out import ANY_KIND, Left
from corpus.instruct.registry import KINDS
from corpus.parts import one_batch, open_part, part_writer, read_part, write_part
from corpus.selection import of_kept
from corpus.tables import INSTRUCT

FAILURES: Final = b"failures"
"""Metadata of a draft: the ids of documents without rows because of an error, with the error, as
JSON."""
LEFT_OUT: Final = b"left_out"
"""Metadata of a draft and of repeats: by kind, how many candidates gave no row, by reason, as JSON.
"""
REPEATS: Final = pa.schema([("id", pa.string()), ("kind", pa.string()), ("reason", pa.string())])
PREFERENCE: Final = [
    *["document_id", "source", "package", "version", "path", "role", "license_evidence"],
]
DIGEST_BYTES: Final = 16
BANDS: Final = 8
MINIMA: Final = 8
"""Groups of minima that are compared, and minima in each."""
AT_ONCE: Final = 256
"""Answers that are sketched at once, which takes fifty times their size in memory."""
BAND: Final = np.dtype("u8")
SKETCH: Final = pa.field("sketch", pa.binary(BANDS * BAND.itemsize))
"""A digest of each group, of the tokens of the answer; null for an answer of fewer than five."""
DRAFTS: Final = INSTRUCT.append(SKETCH)
KEYS: Final = pa.schema(
    [
        *(("id", pa.string()), ("document_id", pa.string()), ("kind", pa.string())),
        *(("answer", pa.binary(DIGEST_BYTES)), ("subject", pa.binary(DIGEST_BYTES))),
        SKETCH,
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
    modules: Path
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

    modules = read_part(task.modules)
    made = draft_rows(KINDS, documents, functions, modules, task.config, failed)
    rows = first_of_each_id(made.rows)
    rows = rows.append_column(SKETCH, pa.array(sketched(rows), SKETCH.type))
    told: dict[bytes, object] = {LEFT_OUT: made.left_out}
    told |= {FAILURES: failures} if failures else {}
    texts = {name: json.dumps(each, sort_keys=True).encode() for name, each in told.items()}
    rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), **texts})
    with replacing(task.destination) as temporary:
        write_part(rows, temporary)


def sketched(rows: pa.Table) -> list[bytes | None]:
    """Return the sketch of each row's answer."""
    found: list[bytes | None] = []
    for start in range(0, len(rows), AT_ONCE):
        messages = rows["messages"].slice(start, AT_ONCE).to_pylist()
        answers = [unfenced(each[-1]["content"]).encode() for each in messages]
        for minima in sketches(answers, FingerprintConfig()):
            if minima is None:
                found.append(None)
            else:
                groups = (minima[MINIMA * n : MINIMA * (n + 1)].tobytes() for n in range(BANDS))
                digests = (hashlib.sha256(each).digest()[: BAND.itemsize] for each in groups)
                found.append(b"".join(digests))
    return found


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
    per_kind: int,
) -> None:
    """Write the ids of rows that are not kept, with kind and reason.

    Those are rows that repeat or resemble a preferred one, and of kinds with more than `per_kind`
    rows all but those with the smallest ids. The ids of each draft are one batch, in the order of
    the drafts. After them there is one batch of documents that gave no rows because of an error. It
    takes about 250 bytes per row in memory. `published` has, by source and package, when it was
    first published. An existing file is not changed.
    """
    if destination.exists():
        return
    keys = [_keys(path) for path in drafts]
    rows = pa.concat_tables([KEYS.empty_table(), *keys])
    order = _preferred(rows, fingerprints, published)
    left_out = sorted(_repeats(rows, order, per_kind).items())
    places = np.array([place for place, _ in left_out], dtype=np.int64)
    taken = rows.select(["id", "kind"]).take(pa.array(places))
    reasons = pa.array([str(reason) for _, reason in left_out], pa.string())
    found = pa.table([*taken.columns, reasons], schema=REPEATS)
    ends = np.searchsorted(places, np.cumsum([len(each) for each in keys]))
    failed = sorted(each for path in drafts for each in _told(path, FAILURES))
    schema = REPEATS.with_metadata({LEFT_OUT: json.dumps(_left_out(drafts), sort_keys=True)})
    with replacing(destination) as temporary, part_writer(temporary, schema) as writer:
        for begin, end in pairwise([0, *ends.tolist()]):
            writer.write_batch(one_batch(found.slice(begin, end - begin).sort_by("id")))
        columns = {"id": failed, "kind": [""] * len(failed), "reason": [Left.FAILED] * len(failed)}
        writer.write_batch(one_batch(pa.table(columns, REPEATS)))


def _repeats(rows: pa.Table, order: npt.NDArray[np.int64], per_kind: int) -> dict[int, Left]:
    """Return the rows that are not kept, by number."""
    answers = rows["answer"].to_numpy(zero_copy_only=False)
    subjects = rows["subject"].to_numpy(zero_copy_only=False)
    kinds = rows["kind"].to_pylist()
    resembling = _resembling(rows)
    said, asked, seen = set[bytes](), set[bytes](), set[tuple[str, int, int]]()
    left_out: dict[int, Left] = {}
    kept: defaultdict[str, list[int]] = defaultdict(list)
    for place in order.tolist():
        bands = {(kinds[place], *each) for each in resembling.get(place, ())}
        if answers[place] in said:
            left_out[place] = Left.REPEATED_ANSWER
        elif subjects[place] in asked:
            left_out[place] = Left.REPEATED_SUBJECT
        elif not bands.isdisjoint(seen):
            left_out[place] = Left.SIMILAR_ANSWER
        else:
            said.add(answers[place])
            asked.add(subjects[place])
            seen |= bands
            kept[kinds[place]].append(place)
    for places in kept.values():
        if len(places) > per_kind:
            ids = rows["id"].take(pa.array(places)).to_pylist()
            most = sorted(zip(ids, places, strict=True))[per_kind:]
            left_out.update((place, Left.KIND_CAP) for _, place in most)
    return left_out


def _resembling(rows: pa.Table) -> dict[int, list[tuple[int, int]]]:
    """Return, for each row that shares groups of minima with others, these groups."""
    known = np.flatnonzero(np.asarray(pc.is_valid(rows["sketch"])))
    chosen = rows["sketch"].take(pa.array(known)).to_pylist()
    groups = np.frombuffer(b"".join(chosen), BAND).reshape(len(known), BANDS)
    found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for band in range(BANDS):
        _, inverse, counts = np.unique(groups[:, band], return_inverse=True, return_counts=True)
        for place in np.flatnonzero(counts[inverse] > 1).tolist():
            found[int(known[place])].append((band, int(groups[place, band])))
    return found


def _told(draft: Path, name: bytes) -> dict[str, dict[str, int]]:
    """Return what the metadata of a part has under a name."""
    with open_part(draft) as part:
        text = (part.schema.metadata or {}).get(name, b"{}")
    found: dict[str, dict[str, int]] = json.loads(text)
    return found


def _left_out(drafts: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Return how many candidates of all drafts gave no row, by kind and reason."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in drafts:
        for kind, reasons in _told(path, LEFT_OUT).items():
            found[kind].update(reasons)
    return {kind: dict(reasons) for kind, reasons in found.items()}


def _keys(draft: Path) -> pa.Table:
    """Return id and document of every row, and digests of its answer and its subject."""
    found = []
    needed = ["id", "kind", "subject", "document_ids", "messages", "sketch"]
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
            columns = {name: batch[name] for name in ("id", "kind", "sketch")}
            columns |= {"document_id": documents, **digests}
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
        kept = rows.filter(pa.array(~is_repeat)).select(INSTRUCT.names)
        write_part(kept.cast(INSTRUCT), temporary)


def count_left_out(repeats: Path) -> dict[str, dict[str, int]]:
    """Return how many candidates and rows were left out, by kind and reason, without zeros.

    Documents without rows because of an error stand under `ANY_KIND`.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for kind, reasons in _told(repeats, LEFT_OUT).items():
        found[kind].update(reasons)
    for row in read_part(repeats, columns=["kind", "reason"]).to_pylist():
        found[row["kind"] or ANY_KIND][row["reason"]] += 1
    return {
        kind: {reason: count for reason, count in sorted(reasons.items()) if count}
        for kind, reasons in sorted(found.items())
        if any(reasons.values())
    }


def summed(left_out: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return what was left out by reason, for all kinds together."""
    found = Counter[str]()
    for reasons in left_out.values():
        found.update(reasons)
    return dict(sorted(found.items()))
