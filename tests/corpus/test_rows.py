"""The types of rows and the schemas of tables say the same."""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pyarrow as pa
import pytest

from corpus import extraction, processes, rows, tables
from corpus.reasons import Reason, Reject, Stage
from corpus.release.assembly import InputRow

DESCRIBED = list(rows.DescribedRow.__annotations__)
DUPLICATE = [*tables.IDENTITY, tables.EXTRACTED.field("bytes"), *list(tables.CLUSTERS)[1:]]
TYPES = {
    rows.ExportRow: tables.EXPORT,
    rows.CallbackRow: tables.CALLBACK,
    rows.TypeRow: tables.TYPE,
    rows.BehaviourRow: tables.BEHAVIOUR,
    rows.ResolvedBehaviourRow: tables.RESOLVED_BEHAVIOUR,
    rows.UseRow: tables.USE,
    rows.CompilerWarningRow: tables.COMPILER_WARNING,
    rows.ModuleRow: tables.MODULE,
    rows.ClauseRow: tables.CLAUSE,
    rows.FunctionRow: tables.EXTRACTED_FUNCTIONS,
    rows.ComponentRow: tables.COMPONENT,
    rows.PlaceRow: tables.PLACE,
    rows.SpanRow: tables.SPAN,
    rows.ProtocolRow: tables.PROTOCOL,
    rows.MessageRow: tables.MESSAGE,
    rows.NeedRow: tables.NEED,
    rows.InstructRow: tables.INSTRUCT,
    rows.SmellRow: tables.SMELL,
    rows.SignalRow: tables.SIGNALS,
    rows.IdentityRow: tables.IDENTITY,
    rows.RejectRow: tables.REJECTS,
    rows.DetectedRow: tables.DETECTED_LICENSE,
    rows.LicenseRow: tables.LICENSES,
    rows.RedactionRow: tables.REDACTION,
    rows.DescribedRow: [tables.EXTRACTED.field(name) for name in DESCRIBED],
    rows.DuplicateRow: DUPLICATE,
    rows.HostRow: tables.HOST,
    InputRow: [tables.READ_ARCHIVES.field(name) for name in InputRow.__annotations__],
}


VALUES = {
    extraction.Behaviour: tables.BEHAVIOUR,
    extraction.Callback: tables.CALLBACK,
    extraction.Clause: tables.CLAUSE,
    extraction.TypeDefinition: tables.TYPE,
    processes.Child: tables.CHILD,
    processes.Link: tables.PROCESS_LINK,
    processes.Message: tables.PROTOCOL,
    processes.Place: tables.PLACE,
    processes.Processes: tables.PROCESSES,
    processes.Span: tables.SPAN,
    processes.Started: tables.STARTED,
    processes.Supervisor: tables.SUPERVISOR,
}
"""Named tuples that become structs as they are, by the order of their fields."""


def described(hint: Any) -> object:
    """Describe a type: a Python type, a list of one, or the fields of a row."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if is_typeddict(hint):
        return {name: described(each) for name, each in get_type_hints(hint).items()}
    if get_origin(hint) is Sequence:
        return [described(get_args(hint)[0])]
    return str if hint is bytes else hint


def stored(kind: pa.DataType) -> object:
    """Describe an Arrow type in the same way."""
    if pa.types.is_struct(kind):
        return {kind.field(n).name: stored(kind.field(n).type) for n in range(kind.num_fields)}
    if pa.types.is_list(kind):
        return [stored(kind.value_type)]
    checks = (
        (bool, pa.types.is_boolean),
        (int, pa.types.is_integer),
        (float, pa.types.is_floating),
        (str, pa.types.is_string),
        (str, pa.types.is_large_string),
    )
    return next(python for python, holds in checks if holds(kind))


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.__name__)
def test_a_row_has_the_columns_of_its_schema(row: type) -> None:
    assert described(row) == {field.name: stored(field.type) for field in TYPES[row]}


@pytest.mark.parametrize("row", VALUES, ids=lambda row: row.__name__)
def test_a_named_tuple_has_the_fields_of_its_schema_in_their_order(row: Any) -> None:
    assert list(row._fields) == [field.name for field in VALUES[row]]


def test_a_module_begins_with_the_fields_of_its_schema() -> None:
    names = [field.name for field in tables.MODULE]
    assert list(extraction.Module._fields[: len(names)]) == names


def test_every_type_of_row_is_held_to_a_schema() -> None:
    own = {each for each in vars(rows).values() if is_typeddict(each)}
    assert own - set(TYPES) == set()


def test_a_reject_becomes_a_row_with_the_identity_of_what_it_rejects() -> None:
    document: rows.DuplicateRow = {
        "document_id": "d",
        "content_id": "c",
        "swhid": "s",
        "source": "hex",
        "package": "anchor",
        "version": "1.0.0",
        "purl": "pkg:hex/anchor@1.0.0",
        "archive_sha256": "a",
        "path": "lib/anchor.ex",
        "bytes": 120,
        "cluster_id": "b",
        "representative_id": "b",
        "relation": "near",
        "similarity": 0.8,
    }
    reject = Reject(Stage.DEDUPLICATE, Reason.NEAR_DUPLICATE, "similar to another")
    assert rows.reject_row(document, reject, 120, "b", 3) == {
        "document_id": "d",
        "content_id": "c",
        "swhid": "s",
        "source": "hex",
        "package": "anchor",
        "version": "1.0.0",
        "purl": "pkg:hex/anchor@1.0.0",
        "archive_sha256": "a",
        "path": "lib/anchor.ex",
        "bytes": 120,
        "stage": "deduplicate",
        "reason": "near_duplicate",
        "detail": "similar to another",
        "representative_id": "b",
        "functions_lost": 3,
        "removed_by": None,
    }
