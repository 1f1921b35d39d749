"""The data that row promises are checked on: columns without text, and statements computed in
Arrow.

Spans are read in small batches, so that only one batch of text is in memory. They are returned in
frames of many rows, because an expectation takes as long for ten rows as for ten thousand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.extraction import BehaviourEvidence
from corpus.identifiers import purl
from corpus.instruct.conversation import parses
from corpus.instruct.fence import repeats, unfenced
from corpus.reasons import Reason
from corpus.release import Shard, Span
from corpus.tables import (
    CHAT_ROLES,
    COMPONENT_KINDS,
    DOUBTS,
    ORIGIN_KINDS,
    SMELL_CHECKS,
    SPLIT_NAMES,
)
from quality.lookup import MISSING, Lookup, lookup_of, split_places
from quality.promises import judged_columns

TEXT_BATCH_ROWS = 256
DUPLICATES = (Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value)
NAMES = ("source", "package", "version")
"""The columns that a purl is made of."""

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Values: TypeAlias = "pa.Array | Flags | Numbers"
Columns = dict[str, Values]


def frames(spans: Sequence[Span], rows: int) -> Iterator[pa.Table]:
    """Yield the columns of spans of one table that are checked, in frames of about `rows` rows.

    Raises OSError and pyarrow.ArrowException for a file that cannot be read.
    """
    pending: list[pa.RecordBatch] = []
    for span in spans:
        statements = _statements(span.shard.config)
        columns = dict.fromkeys([*judged_columns(span.shard.config), *statements.needs])
        lookup = lookup_of(span)
        for batch in span.batches(list(columns), TEXT_BATCH_ROWS):
            pending.append(_judged(batch, span.shard, lookup))
            if sum(item.num_rows for item in pending) >= rows:
                yield pa.Table.from_batches(pending)
                pending = []
    if pending:
        yield pa.Table.from_batches(pending)


def _judged(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> pa.RecordBatch:
    plain = {name: batch[name] for name in judged_columns(shard.config)}
    derived = _statements(shard.config).derive(batch, shard, lookup)
    known = {name: _known(values) for name, values in derived.items()}
    return pa.RecordBatch.from_pydict({**plain, **known})


def _statements(table: str) -> "Statements":
    """Return how to compute a table's statements, or None if only its columns are checked."""
    return STATEMENTS.get(table, Statements((), lambda batch, shard, lookup: {}))


def _known(values: Values) -> pa.Array:
    """Count a statement that is null as false."""
    known = pa.array(values)
    return pc.fill_null(known, False) if pa.types.is_boolean(known.type) else known


def _of_documents(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    documented, specified, public = (
        batch[f"{name}_functions"] for name in ("documented", "specified", "public")
    )
    return {
        "text_bytes": pc.binary_length(batch["text"]),
        "in_its_shard": pc.equal(batch["split"], shard.split),
        "counts_agree": pc.and_(
            pc.less_equal(documented, public), pc.less_equal(specified, public)
        ),
        "lists_are_told": pc.and_(pc.is_valid(batch["modules"]), pc.is_valid(batch["redactions"])),
        "identities_agree": _identities_agree(batch),
    }


def _identities_agree(batch: pa.RecordBatch) -> pa.Array:
    """Return whether each SWHID is one of contents, and each purl that of its package.

    Nothing is said of values that are null.
    """
    names = zip(*(batch[name].to_pylist() for name in NAMES), strict=True)
    purls = [None if None in row else purl(*row) for row in names]
    formed = pc.match_substring_regex(batch["swhid"], "^swh:1:cnt:[0-9a-f]{40}$")
    same = pc.equal(batch["purl"], pa.array(purls, pa.string()))
    return pc.and_(pc.fill_null(formed, True), pc.fill_null(same, True))


def _of_functions(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    expected = SPLIT_NAMES.index(shard.split)
    return {
        "clauses": pc.list_value_length(batch["clauses"]),
        "refers_to_document": lookup.split_codes(batch["document_id"]) == expected,
        "ranges_are_sound": _sound_ranges(batch["clauses"], lookup.bytes_of(batch["document_id"])),
    }


def _of_modules(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    expected = SPLIT_NAMES.index(shard.split)
    behaviours = batch["behaviours"]
    flat = behaviours.flatten()
    confidence = np.asarray(pc.fill_null(flat.field("confidence"), -1))
    named = pc.greater(pc.fill_null(pc.binary_length(flat.field("name")), 0), 0)
    known = pc.is_in(flat.field("evidence"), value_set=pa.array([*BehaviourEvidence]))
    sound = np.asarray(named) & np.asarray(known) & (confidence > 0) & (confidence <= 1)
    return {
        "belongs_to_document": lookup.split_codes(batch["document_id"]) == expected,
        "behaviours_are_sound": _all_of_each(behaviours, sound),
    }


def _of_fragments(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    expected = SPLIT_NAMES.index(shard.split)
    components = batch["components"]
    flat = components.flatten()
    named = pc.greater(pc.fill_null(pc.binary_length(flat.field("name")), 0), 0)
    known = pc.is_in(flat.field("kind"), value_set=pa.array(COMPONENT_KINDS))
    placed = pc.fill_null(pc.greater(flat.field("line"), 0), False)
    told = np.asarray(pc.and_(pc.and_(named, known), placed))
    start, end, first, last, expressions, parsed = (
        np.asarray(pc.fill_null(batch[name], -1))
        for name in (
            *("start_byte", "end_byte", "start_line", "end_line"),
            *("expressions", "expressions_parsed"),
        )
    )
    sizes = lookup.bytes_of(batch["document_id"])
    return {
        "belongs_to_document": lookup.split_codes(batch["document_id"]) == expected,
        "fragment_is_within": (start >= 0)
        & (start < end)
        & (end <= sizes)
        & (first >= 1)
        & (first <= last),
        "components_are_told": _all_of_each(components, told),
        "counts_agree": parsed <= expressions,
    }


def _of_signals(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    expected = SPLIT_NAMES.index(shard.split)
    smells = batch["smells"]
    flat = smells.flatten()
    counts = np.asarray(pc.fill_null(flat.field("count"), 0))
    known = np.asarray(pc.is_in(flat.field("check"), value_set=pa.array(SMELL_CHECKS)))
    owners = np.repeat(np.arange(len(smells)), _lengths(smells))
    sums = np.bincount(owners, weights=counts, minlength=len(smells))
    told = pc.and_(pc.is_valid(smells), pc.equal(batch["smell_count"], pa.array(sums)))
    untold = pc.and_(pc.is_null(smells), pc.is_null(batch["smell_count"]))
    agree = np.asarray(pc.or_(pc.fill_null(told, False), untold))
    return {
        "belongs_to_document": lookup.split_codes(batch["document_id"]) == expected,
        "smells_are_sound": agree & _all_of_each(smells, known & (counts > 0)),
    }


def _of_verdicts(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    expected = SPLIT_NAMES.index(shard.split)
    verified = pc.equal(batch["verdict"], "verified")
    known = pc.is_in(batch["reason"], value_set=pa.array(DOUBTS))
    is_told = pc.and_(pc.is_valid(batch["detail"]), known)
    level, reached = batch["level"], ("parsed", "compiled", "executed")
    parsed = pc.is_in(level, value_set=pa.array(reached))
    compiled = pc.is_in(level, value_set=pa.array(reached[1:]))
    return {
        "is_of_document": lookup.split_codes(batch["document_id"]) == expected,
        "reason_is_told": pc.if_else(verified, pc.is_null(batch["reason"]), is_told),
        "level_is_reached": pc.and_(
            pc.equal(parsed, pc.fill_null(batch["parsed"], False)),
            pc.equal(compiled, pc.fill_null(batch["compiled"], False)),
        ),
    }


def _sound_ranges(clauses: pa.ListArray, sizes: Numbers) -> Flags:
    """Return, for each row, whether its clauses end after they begin and within a text of that
    size.
    """
    flat = clauses.flatten()
    start, end, first, last = (
        flat.field(name).to_numpy(zero_copy_only=False)
        for name in ("start_byte", "end_byte", "start_line", "end_line")
    )
    sizes = np.repeat(sizes, _lengths(clauses))
    sound = (start >= 0) & (start < end) & (end <= sizes) & (first >= 1) & (first <= last)
    return _all_of_each(clauses, sound)


def _of_instruct(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    messages = batch["messages"]
    contents = messages.flatten().field("content")
    known = np.asarray(pc.is_in(messages.flatten().field("role"), value_set=pa.array(CHAT_ROLES)))
    ids, documents = batch["document_ids"], batch["document_ids"].flatten()
    splits, licenses = lookup.split_codes(documents), lookup.license_codes(documents)
    own_split = np.repeat(split_places(batch["split"]), _lengths(ids))
    own_license = np.repeat(lookup.places_of(batch["license_expression"]), _lengths(ids))
    conversations = [[turn or {} for turn in row or ()] for row in messages.to_pylist()]
    return {
        "messages": pc.list_value_length(messages),
        "needs": pc.list_value_length(batch["needs"]),
        "answer_parses": pa.array([_answer_parses(row) for row in conversations]),
        "last_role": pa.array([row[-1].get("role") if row else None for row in conversations]),
        "roles_are_known": _all_of_each(messages, known),
        "shortest_message": _least_of_each(messages, pc.utf8_length(contents)),
        "answer_is_hidden": pa.array([_answer_is_hidden(row) for row in conversations]),
        "refers_to_documents": _all_of_each(ids, splits != MISSING) & (_lengths(ids) > 0),
        "has_purls": _has_purls(ids, batch["purls"]),
        "split_is_inherited": _all_of_each(ids, splits == own_split)
        & np.asarray(pc.fill_null(pc.equal(batch["split"], shard.split), False)),
        "license_is_inherited": _all_of_each(ids, licenses == own_license),
    }


def _of_context(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    ids, files = batch["document_ids"], batch["files"]
    splits = lookup.split_codes(ids.flatten())
    own_split = np.repeat(split_places(batch["split"]), _lengths(ids))
    flat = files.flatten()
    at, start, end = (
        flat.field(name).to_numpy(zero_copy_only=False)
        for name in ("at_byte", "start_byte", "end_byte")
    )
    sizes = np.repeat(np.asarray(pc.fill_null(batch["bytes"], 0)), _lengths(files))
    return {
        "text_bytes": pc.binary_length(batch["text"]),
        "holds_its_files": _all_of_each(
            files, (at >= 0) & (start >= 0) & (start < end) & (at + end - start <= sizes)
        ),
        "refers_to_documents": _all_of_each(ids, splits != MISSING) & (_lengths(ids) > 0),
        "has_purls": _has_purls(ids, batch["purls"]),
        "split_is_inherited": _all_of_each(ids, splits == own_split)
        & np.asarray(pc.fill_null(pc.equal(batch["split"], shard.split), False)),
    }


def _has_purls(ids: pa.ListArray, purls: pa.ListArray) -> Flags:
    """Return whether there is a purl for each document."""
    known = np.asarray(pc.fill_null(pc.starts_with(purls.flatten(), "pkg:"), False))
    same: Flags = _lengths(ids) == _lengths(purls)
    return same & _all_of_each(purls, known)


def _answer_is_hidden(messages: Sequence[dict[str, str]]) -> bool:
    """Return whether there is an answer and no earlier message repeats it."""
    *asked, answer = ["", *(message.get("content") or "" for message in messages)]
    source = unfenced(answer).strip()
    return bool(source) and not any(repeats(question, source) for question in asked)


def _answer_parses(messages: Sequence[dict[str, str]]) -> bool:
    """Return whether the answer, if there is one, is Elixir that parses."""
    return not messages or parses(unfenced(messages[-1].get("content") or ""))


def _of_rejects(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    duplicate = np.asarray(pc.is_in(batch["reason"], value_set=pa.array(DUPLICATES)))
    kept = lookup.split_codes(batch["representative_id"]) != MISSING
    return {
        "is_no_document": lookup.split_codes(batch["document_id"]) == MISSING,
        "representative_is_kept": ~duplicate | kept,
    }


def _of_origin(batch: pa.RecordBatch, shard: Shard, lookup: Lookup) -> Columns:
    """One statement for all columns: there are some 160 keys for each document."""
    holds = pc.is_in(batch["kind"], value_set=pa.array(ORIGIN_KINDS))
    for name in ("key", "content", "package"):
        holds = pc.and_(holds, pc.is_valid(batch[name]))
    return {"is_key": pc.and_(holds, pc.greater_equal(batch["line"], 0))}


@dataclass(frozen=True, slots=True)
class Statements:
    """The columns that a table's statements are computed from, and the function for it."""

    needs: tuple[str, ...]
    derive: Callable[[pa.RecordBatch, Shard, Lookup], Columns]


STATEMENTS = {
    "documents": Statements(
        (
            *("text", "split", "public_functions", "documented_functions", "specified_functions"),
            *("modules", "redactions", "swhid", "purl", *NAMES),
        ),
        _of_documents,
    ),
    "functions": Statements(("document_id", "clauses"), _of_functions),
    "modules": Statements(("document_id", "behaviours"), _of_modules),
    "fragments": Statements(
        (
            *("document_id", "components", "start_byte", "end_byte", "start_line", "end_line"),
            *("expressions", "expressions_parsed"),
        ),
        _of_fragments,
    ),
    "signals": Statements(("document_id", "smells", "smell_count"), _of_signals),
    "verdicts": Statements(
        ("document_id", "verdict", "level", "reason", "detail", "parsed", "compiled"), _of_verdicts
    ),
    "instruct": Statements(
        ("messages", "needs", "document_ids", "purls", "split", "license_expression"), _of_instruct
    ),
    "context": Statements(
        ("text", "bytes", "files", "document_ids", "purls", "split"), _of_context
    ),
    "rejects": Statements(("document_id", "reason", "representative_id"), _of_rejects),
    "origin": Statements(("key", "kind", "content", "line", "package"), _of_origin),
}
"""Statements about rows that take more than one column, by table name."""


def _lengths(lists: pa.ListArray) -> Numbers:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0))


def _all_of_each(lists: pa.ListArray, holds: Flags) -> Flags:
    """Return, for each list, whether `holds` (one entry per element) is true throughout."""
    owners = np.repeat(np.arange(len(lists)), _lengths(lists))
    return np.asarray(np.bincount(owners[~holds], minlength=len(lists)) == 0)


def _least_of_each(lists: pa.ListArray, values: pa.Array) -> Numbers:
    """Return the smallest value of each list; 0 for an empty list or a null value."""
    least = np.full(len(lists), np.iinfo(np.int64).max)
    owners = np.repeat(np.arange(len(lists)), _lengths(lists))
    np.minimum.at(least, owners, np.asarray(pc.fill_null(values, 0)))
    return np.where(_lengths(lists) == 0, 0, least)
