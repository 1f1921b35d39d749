"""The unit of parallel work: a bundle of archives becomes a folder with one part of each table."""

import gc
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import whole_folder
from corpus.bounds import check_least
from corpus.extraction import Clause, Component, Fragment, Function
from corpus.identifiers import document_id, purl
from corpus.ingest.opened import OpenedArchive, ReadConfig, open_archive
from corpus.ingest.source_file import Parsed, SourceText
from corpus.licenses import PackageLicenses, recognize
from corpus.parts import write_part
from corpus.processes import Processes
from corpus.provenance import digest_of
from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.redaction import redact_text
from corpus.rows import (
    ComponentRow,
    DescribedRow,
    DetectedRow,
    HostRow,
    IdentityRow,
    LicenseRow,
    RejectRow,
    reject_row,
)
from corpus.sources import source_named
from corpus.split.repository import host_row
from corpus.store import Archive
from corpus.supervision import NO_BUDGET, Watch
from corpus.tables import (
    CLAUSE,
    DECLARED,
    EXTRACTED,
    EXTRACTED_FRAGMENTS,
    EXTRACTED_FUNCTIONS,
    FINGERPRINTS,
    LICENSES,
    MODULE,
    READ_ARCHIVES,
    REJECTS,
)

if TYPE_CHECKING:
    from corpus.store import ArchiveStore

PUBLIC_KINDS = frozenset({"def", "defmacro", "defdelegate", "defguard"})
"""Public kinds of Elixir; in Erlang, exported functions are public."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestConfig:
    """Configuration of how archives are bundled and read."""

    bundle_bytes: int = 1_000_000
    """Compressed bytes per bundle; Elixir source expands about six times. A small size gives enough
    bundles to keep every worker busy, and a worker has one bundle in memory at a time.
    """
    read: ReadConfig = field(default_factory=ReadConfig)

    def __post_init__(self) -> None:
        """Raise ValueError for a bundle size that is too small."""
        check_least(1, self, "bundle_bytes")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Archives that are read together, and the folder for their parts.

    `refusals` are files that must not be read, by archive and position in it (or `WHOLE`). With
    `one_by_one` no step processes several files together, so that the cause of a failure is known.
    """

    archives: tuple[Archive, ...]
    paths: tuple[Path, ...]
    destination: Path
    config: IngestConfig
    refusals: Mapping[int, Mapping[int, Reject]] = field(default_factory=dict)
    one_by_one: bool = False
    opted_out: frozenset[int] = frozenset()
    """Archives of which nothing is written but fingerprints and the names of files."""

    def seconds(self, number: int) -> float:
        """Return the CPU time that an archive has left after its refusals."""
        config = self.config.read
        spent = config.budget.file_seconds * len(self.refusals.get(number, ()))
        return config.seconds(self.archives[number]) - spent


def plan_bundles(
    archives: Sequence[Archive],
    store: "ArchiveStore",
    folder: Path,
    config: IngestConfig,
    made_by: str = "",
    opted_out: Collection[str] = (),
) -> list[Bundle]:
    """Divide archives into bundles, in the order given; the same archives give the same bundles.

    `opted_out` are digests of archives that are left out as a whole.

    Their folders are named by the archives, the configuration, and the digest of the code in
    `made_by`. Raises UnknownSource for an archive of an unknown source.
    """
    for archive in archives:
        source_named(archive.source)
    return [
        _bundle(group, store, folder, config, made_by, opted_out)
        for group in _grouped(archives, config)
    ]


def _bundle(
    archives: list[Archive],
    store: "ArchiveStore",
    folder: Path,
    config: IngestConfig,
    made_by: str,
    opted_out: Collection[str],
) -> Bundle:
    rows = [replace(archive, fetched_at="") for archive in archives]
    out = frozenset(n for n, archive in enumerate(archives) if archive.sha256 in opted_out)
    # Without any, the name is the same for every ledger, so that an entry rereads little.
    name = digest_of(rows, config.read, made_by, *([sorted(out)] if out else []))
    paths = tuple(store.path(archive) for archive in archives)
    return Bundle(tuple(archives), paths, folder / name, config, opted_out=out)


def _grouped(archives: Sequence[Archive], config: IngestConfig) -> Iterator[list[Archive]]:
    group: list[Archive] = []
    for archive in archives:
        if group and sum(item.bytes for item in group) + archive.bytes > config.bundle_bytes:
            yield group
            group = []
        group.append(archive)
    if group:
        yield group


def ingest(bundle: Bundle, watch: Watch = NO_BUDGET) -> Path:
    """Read every archive of a bundle and write its parts; return their folder.

    The folder is written completely or not at all; an existing one is returned unchanged.
    """
    if bundle.destination.exists():
        return bundle.destination
    with uncollected():
        _write_folder(_open(bundle, watch), bundle.destination)
    return bundle.destination


def rehearse(bundle: Bundle, watch: Watch) -> None:
    """Do the same as `ingest` without writing, to check whether it is safe."""
    with uncollected():
        tables_of(_open(bundle, watch))


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection while the rows of one bundle are collected.

    The rows contain no cycles, and collection took a fifth of the CPU time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _open(bundle: Bundle, watch: Watch) -> list[OpenedArchive]:
    opened, config = [], bundle.config.read
    for number, (archive, path) in enumerate(zip(bundle.archives, bundle.paths, strict=True)):
        with watch.group(number, bundle.seconds(number)):
            refusals = bundle.refusals.get(number, {})
            each = open_archive(archive, path, config, refusals, watch, bundle.one_by_one)
            opened.append(replace(each, is_opted_out=number in bundle.opted_out))
    return opened


def _write_folder(opened: list[OpenedArchive], destination: Path) -> None:
    try:
        with whole_folder(destination) as folder:
            _write_parts(opened, folder)
    except OSError:
        if not destination.exists():  # else the same task ran twice, and the other one was first
            raise


def tables_of(opened: list[OpenedArchive]) -> dict[str, pa.Table]:
    """Return the parts of a bundle, by the name of their table."""
    documents = documents_table(opened)
    return {
        "documents": documents,
        "functions": functions_table(opened, documents),
        "declared": declared_table(opened, documents),
        "fragments": fragments_table(opened, documents),
        "fingerprints": fingerprints_table(opened),
        "rejects": rejects_table(opened),
        "archives": archives_table(opened),
        "licenses": licenses_table(opened),
    }


def _write_parts(opened: list[OpenedArchive], folder: Path) -> None:
    for name, table in tables_of(opened).items():
        write_part(table, folder / f"{name}.arrow", is_random=name == "fingerprints")


def identity(archive: Archive, file: SourceText | RejectedFile) -> IdentityRow:
    """Return the columns that say where a file came from."""
    return {
        "document_id": document_id(archive.sha256, file.path),
        "content_id": file.content_id,
        "swhid": file.swhid,
        "source": archive.source,
        "package": archive.name,
        "version": archive.version,
        "purl": purl(archive.source, archive.name, archive.version),
        "archive_sha256": archive.sha256,
        "path": file.path,
    }


def reject_id(archive: Archive, file: RejectedFile, position: int) -> str:
    """Return the id of a reject; a member skipped in unpacking may share its path with others."""
    if file.reject.stage is Stage.UNPACK:
        return document_id(archive.sha256, f"{file.path}\0{position}")
    return document_id(archive.sha256, file.path)


def documents_table(opened: Sequence[OpenedArchive]) -> pa.Table:
    """Tabulate documents, sorted by content_id and document_id.

    Named tuples are values of structs as they are: Arrow takes their fields in order.
    """
    hosts = {item.archive.sha256: _host(item) for item in opened}
    rows = [
        {
            **identity(item.archive, file.source),
            "published_at": item.archive.published_at,
            **hosts[item.archive.sha256],
            "retirement": item.retirement,
            "advisories": [advisory.id for advisory in item.archive.advisories],
            **document_row(file, item.fingerprints[file.source.path].tokens),
            "modules": [module[: len(MODULE)] for module in file.extraction.modules],
            "license_expression": verdict.expression,
            "license_evidence": verdict.evidence.value,
        }
        for item in opened
        if item.licenses is not None and not item.is_opted_out
        for file in item.files
        if isinstance(file, Parsed)
        for verdict in [item.licenses.of(file.source.path)]
    ]
    rows.sort(key=lambda row: (row["content_id"], row["document_id"]))
    return pa.Table.from_pylist(rows, schema=EXTRACTED)


def _host(item: OpenedArchive) -> HostRow:
    archive = item.archive
    return host_row(item.links, archive.name, archive.version, archive.repository)


def document_row(file: Parsed, tokens: int) -> DescribedRow:
    """Return the columns of `EXTRACTED` that describe the file itself."""
    source, functions = file.source, file.extraction.functions
    exported = {export for module in file.extraction.modules for export in module.exports}
    public = [f for f in functions if f.kind in PUBLIC_KINDS or (f.name, f.arity) in exported]
    documented = [f for f in public if f.doc_kind == "string"]
    specified = [f for f in public if f.specs]
    return {
        "language": source.language,
        "role": source.role,
        "text": source.text,
        "bytes": len(source.text),
        "lines": source.lines,
        "tokens": tokens,
        "parse_errors": file.extraction.parse_errors,
        "median_line_length": source.median_line_length,
        "longest_line": source.longest_line,
        "comment_fraction": source.comment_lines / source.lines,
        "hidden_characters": source.hidden_characters,
        "control_tokens": source.control_tokens,
        "public_functions": len(public),
        "documented_functions": len(documented),
        "specified_functions": len(specified),
        "redactions": [
            {"rule": cut.rule, "start": cut.start, "end": cut.end} for cut in source.redactions
        ],
    }


def functions_table(opened: Sequence[OpenedArchive], documents: pa.Table) -> pa.Table:
    """Tabulate functions, sorted by document_id and then in the order of the document.

    Origin and licence are the same as for `documents`. It works by column, because a dictionary for
    each clause took a third of the time of extraction.
    """
    by_document = sorted(
        (
            (document_id(item.archive.sha256, file.source.path), file.extraction.functions)
            for item in opened
            if not item.is_opted_out
            for file in item.files
            if isinstance(file, Parsed)
        ),
        key=itemgetter(0),
    )
    owners = [document for document, found in by_document for _ in found]
    functions = [function for _, found in by_document for function in found]
    values = columns_of(functions, Function._fields)
    values.pop("clauses")
    clauses = clauses_array([function.clauses for function in functions])
    schema = EXTRACTED_FUNCTIONS
    columns = {name: pa.array(each, schema.field(name).type) for name, each in values.items()}
    columns |= {"document_id": pa.array(owners, pa.string()), "clauses": clauses}
    places = pc.index_in(columns["document_id"], value_set=documents["document_id"])
    columns |= {name: documents[name].take(places) for name in schema.names if name not in columns}
    return pa.table([columns[name] for name in schema.names], schema=schema)


def declared_table(opened: Sequence[OpenedArchive], documents: pa.Table) -> pa.Table:
    """Tabulate what modules say of their behaviours, in the same order as functions."""
    by_document = sorted(
        (
            (document_id(item.archive.sha256, file.source.path), file.extraction.modules)
            for item in opened
            if not item.is_opted_out
            for file in item.files
            if isinstance(file, Parsed)
        ),
        key=itemgetter(0),
    )
    modules = [module for _, found in by_document for module in found]
    columns: dict[str, Sequence[object]] = {
        "document_id": [document for document, found in by_document for _ in found],
        "module": [module.name for module in modules],
        "kind": [module.kind for module in modules],
        "start_line": [module.start_line for module in modules],
        "end_line": [module.end_line for module in modules],
        "own": [module.behaviours for module in modules],
        "used": [module.used for module in modules],
        "macros": [module.macros for module in modules],
    }
    columns |= columns_of([module.processes for module in modules], Processes._fields)
    arrays = {name: pa.array(each, DECLARED.field(name).type) for name, each in columns.items()}
    places = pc.index_in(arrays["document_id"], value_set=documents["document_id"])
    arrays |= {name: documents[name].take(places) for name in DECLARED.names if name not in arrays}
    return pa.table([arrays[name] for name in DECLARED.names], schema=DECLARED)


def fragments_table(opened: Sequence[OpenedArchive], documents: pa.Table) -> pa.Table:
    """Tabulate fragments, in the same order as functions."""
    by_document = sorted(
        (
            (document_id(item.archive.sha256, file.source.path), file.extraction.fragments)
            for item in opened
            if not item.is_opted_out
            for file in item.files
            if isinstance(file, Parsed) and file.extraction.fragments
        ),
        key=itemgetter(0),
    )
    fragments = [fragment for _, found in by_document for fragment in found]
    values = columns_of(fragments, Fragment._fields)
    values["components"] = [list(map(component_row, each.components)) for each in fragments]
    values["document_id"] = [document for document, found in by_document for _ in found]
    schema = EXTRACTED_FRAGMENTS
    arrays = {name: pa.array(each, schema.field(name).type) for name, each in values.items()}
    places = pc.index_in(arrays["document_id"], value_set=documents["document_id"])
    arrays |= {name: documents[name].take(places) for name in schema.names if name not in arrays}
    return pa.table([arrays[name] for name in schema.names], schema=schema)


def component_row(of: Component) -> ComponentRow:
    """Return a value of `tables.COMPONENT`."""
    return {"name": of.name, "kind": of.kind, "module": of.module, "line": of.line}


def columns_of(
    rows: Iterable[Function | Clause | Fragment | Processes], fields: tuple[str, ...]
) -> dict[str, Sequence[object]]:
    """Turn named tuples with these fields into a sequence for each field."""
    columns: Sequence[Sequence[object]] = list(zip(*rows, strict=True)) or [()] * len(fields)
    return dict(zip(fields, columns, strict=True))


def clauses_array(rows: Sequence[tuple[Clause, ...]]) -> pa.Array:
    """Return the clauses of every function as a list of structs, without dictionaries."""
    values = columns_of(chain.from_iterable(rows), Clause._fields)
    arrays = [pa.array(values[field.name], field.type) for field in CLAUSE]
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    struct = pa.StructArray.from_arrays(arrays, fields=list(CLAUSE))
    return pa.ListArray.from_arrays(pa.array(offsets), struct)


def rejects_table(opened: Sequence[OpenedArchive]) -> pa.Table:
    """Tabulate rejected files, and archives that failed, sorted by document_id."""
    failures = [(item.archive, item.failure, 0) for item in opened if item.failure is not None]
    files = [
        (item.archive, file, position)
        for item in opened
        for position, file in enumerate(item.files)
        if isinstance(file, RejectedFile)
    ]
    rows: list[RejectRow] = [
        {
            **reject_row(identity(archive, file), file.reject, file.bytes),
            "document_id": reject_id(archive, file, position),
        }
        for archive, file, position in [*failures, *files]
    ]
    return pa.Table.from_pylist(rows, schema=REJECTS).sort_by("document_id")


def fingerprints_table(opened: Sequence[OpenedArchive]) -> pa.Table:
    """Tabulate fingerprints in the order of the documents, without a Python object per shingle."""
    kept = [
        (item, file.source, item.fingerprints[file.source.path])
        for item in opened
        for file in item.files
        if isinstance(file, Parsed)
    ]
    rows = [
        {
            **identity(item.archive, source),
            "bytes": len(source.text),
            "role": source.role,
            "tokens": found.tokens,
            "license_evidence": evidence_of(item, source),
            "lf_id": source.lf_id,
            "normalized_id": found.normalized_id,
            "signature": found.signature.astype("<u4").tobytes(),
        }
        for item, source, found in kept
    ]
    lists = {
        "shingles": list_array([found.shingles for _, _, found in kept]),
        "functions": list_array([found.functions for _, _, found in kept]),
    }
    plain = pa.schema([field for field in FINGERPRINTS if field.name not in lists])
    table = pa.Table.from_pylist(rows, schema=plain)
    for name, values in lists.items():
        table = table.append_column(FINGERPRINTS.field(name), values)
    return table.select(FINGERPRINTS.names)


def evidence_of(item: OpenedArchive, source: SourceText) -> str | None:
    """Return the licence evidence of a document."""
    return item.licenses.of(source.path).evidence.value if item.licenses else None


def list_array(values: Sequence[np.ndarray]) -> pa.Array:
    """Return a list<uint64> array from one NumPy array per row."""
    lengths = np.array([0, *map(len, values)], dtype=np.int64)
    flat = np.concatenate(values) if values else np.empty(0, np.uint64)
    offsets = pa.array(np.cumsum(lengths).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(flat, pa.uint64()))


def licenses_table(opened: Sequence[OpenedArchive]) -> pa.Table:
    """Tabulate the verdicts on the licences of archives that are not opted out."""
    rows = [
        _license_row(item, item.licenses)
        for item in opened
        if item.licenses is not None and not item.is_opted_out
    ]
    return pa.Table.from_pylist(rows, schema=LICENSES)


def _license_row(item: OpenedArchive, licenses: PackageLicenses) -> LicenseRow:
    reason, package = licenses.reason, licenses.package
    refused = "quarantined" if reason is Reason.LICENSE_CONTRADICTED else "refused"
    return {
        "archive_sha256": item.archive.sha256,
        "source": item.archive.source,
        "package": item.archive.name,
        "version": item.archive.version,
        "declared": item.declared,
        "detected": [
            _detected_row(path, text, item.license_texts[path])
            for path, text in sorted(licenses.texts.items())
        ],
        "expression": package.expression,
        "evidence": package.evidence.value,
        "verdict": "allowed" if reason is None else refused,
        "reason": None if reason is None else reason.value,
        "detail": package.detail and redact_text(package.detail, item.redaction),
        "own_statements": len(licenses.files),
        "own_refused": sum(each.reason is not None for each in licenses.files.values()),
    }


def _detected_row(path: str, text: bytes, told: str) -> DetectedRow:
    """Tell what a text is; it is named by the digest of what is told of it, which is redacted."""
    found = recognize(text)
    return {
        "path": path,
        "sha256": digest_of_text(told),
        "licenses": sorted(found.ids),
        "appended": sorted(found.appended),
        "coverage": found.coverage,
    }


def digest_of_text(text: str) -> str:
    """Return the digest that names a licence text."""
    return hashlib.sha256(text.encode()).hexdigest()


def archives_table(opened: Sequence[OpenedArchive]) -> pa.Table:
    """Tabulate the data of each archive; of one that is opted out, only what names it."""
    rows = [
        {
            "source": item.archive.source,
            "package": item.archive.name,
            "version": item.archive.version,
            "purl": purl(item.archive.source, item.archive.name, item.archive.version),
            "sha256": item.archive.sha256,
            "url": item.archive.url,
            "license_expression": item.verdict.expression if item.verdict else None,
            "license_evidence": item.verdict.evidence.value if item.verdict else None,
            "license_reason": item.licenses.reason if item.licenses else None,
            "license_texts": [
                {"path": path, "text": text, "sha256": digest_of_text(text)}
                for path, text in item.license_texts.items()
            ],
            "copyright": item.copyright,
            "links": list(map(asdict, item.links)),
            "retirement": item.retirement,
            "advisories": list(map(asdict, item.archive.advisories)),
            "notes": list(item.notes),
            "files_seen": len(item.files),
            "failure": item.failure.reject.reason.value if item.failure else None,
        }
        for item in opened
    ]
    for row, item in zip(rows, opened, strict=True):
        if item.is_opted_out:
            row |= {"license_texts": [], "copyright": [], "links": [], "notes": []}
    return pa.Table.from_pylist(rows, schema=READ_ARCHIVES)
