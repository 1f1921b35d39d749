"""Selection: the representatives of each cluster are kept, and the others become rejects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.counterparts import Told, told_of
from corpus.decontamination.comparing import contaminated
from corpus.identifiers import Identifiers, among, identifiers
from corpus.optout.removals import (
    Entries,
    OptedOut,
    archive_rejects,
    left_out,
    opted_out_row,
    rewritten,
)
from corpus.parts import part_writer, read_part, write_part
from corpus.reasons import Reason, Reject, Stage
from corpus.rows import DuplicateRow, HostRow, RejectRow, reject_row
from corpus.tables import CLUSTERS, IDENTITY, KEPT, REJECTS

Digests = npt.NDArray[np.uint64]
DUPLICATE_REASONS = {"exact": Reason.EXACT_DUPLICATE, "near": Reason.NEAR_DUPLICATE}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that are read, and where the kept documents and the rejects of each are told.

    `matches` is what documents hold of benchmarks, `comparing.MATCHES`.
    """

    fingerprints: Sequence[Path]
    archives: Sequence[Path]
    rejects: Sequence[Path]
    matches: Sequence[Path]
    kept: Sequence[Path]
    rejected: Sequence[Path]


def select(
    parts: Parts,
    clusters: Path,
    splits: Path,
    alignments: Path,
    out: OptedOut,
    contamination: Path,
    duplicates: Path,
) -> None:
    """Write the documents that stay, as `tables.KEPT`, and those that do not, as rejects.

    The rejects of ingest are written again, without what is told of files that are opted out.
    `contamination` becomes the matches of documents that are left out because of them.

    Of fingerprints the shingles are not read; the digests of all functions of duplicates are held
    in memory, 8 bytes each, to count what is lost with each. `clusters` is sorted by document_id.
    An existing `duplicates` means that all of it is done.
    """
    if duplicates.exists():
        return
    settled, places = read_part(clusters), read_part(splits)
    told = told_of(alignments, out.archives.keys())
    excluded = left_out(out, parts.fingerprints, settled)
    tainted = contaminated(parts.matches, parts.fingerprints, settled, excluded)
    with replacing(contamination) as temporary:
        write_part(tainted.matches, temporary)
    gone = {*excluded, *tainted.rejects}
    settled = _without(settled, gone)
    known = identifiers(settled["document_id"])
    stays = pc.equal(settled["relation"], "representative").to_numpy()
    if gone:
        stays = stays & ~among(np.array(sorted(gone), dtype=known.dtype), known)
    functions = _functions_kept(parts.fingerprints, known, stays)
    with replacing(duplicates) as temporary, part_writer(temporary, REJECTS) as writer:
        writer.write_table(archive_rejects(out, parts.archives))
        for part, destination in zip(parts.rejects, parts.rejected, strict=True):
            with replacing(destination) as rejected:
                write_part(rewritten(out, read_part(part)), rejected)
        for part, destination in zip(parts.fingerprints, parts.kept, strict=True):
            documents = _with_clusters(part, settled, known)
            if excluded:
                named, documents = _divided(documents, excluded)
                writer.write_table(_opted_out(named, excluded))
            if tainted.rejects:
                named, documents = _divided(documents, tainted.rejects)
                writer.write_table(_contaminated(named, tainted.rejects))
            is_kept = pc.equal(documents["relation"], "representative")
            _write_kept(documents.filter(is_kept), places, told, destination)
            dropped = documents.filter(pc.invert(is_kept))
            writer.write_table(_rejects(dropped, _lost(part, dropped, functions), told))


def _divided(documents: pa.Table, ids: Collection[str]) -> tuple[pa.Table, pa.Table]:
    """Return the documents with these ids, and the others."""
    named = pc.is_in(documents["document_id"], value_set=pa.array(sorted(ids), pa.string()))
    return documents.filter(named), documents.filter(pc.invert(named))


def _without(clusters: pa.Table, excluded: Collection[str]) -> pa.Table:
    """Return clusters in which none is named after a document that is left out."""
    out = pa.array(sorted(excluded), pa.string())
    if not pc.any(pc.is_in(clusters["cluster_id"], value_set=out)).as_py():
        return clusters
    stays = clusters.filter(pc.invert(pc.is_in(clusters["document_id"], value_set=out)))
    named = stays.group_by("cluster_id").aggregate([("document_id", "min")])
    found = pc.index_in(clusters["cluster_id"], value_set=named["cluster_id"])
    names = pc.coalesce(named["document_id_min"].take(found), clusters["cluster_id"])
    place = clusters.column_names.index("cluster_id")
    return clusters.set_column(place, CLUSTERS.field("cluster_id"), names)


def _functions_kept(
    fingerprints: Sequence[Path], known: Identifiers, stays: npt.NDArray[np.bool_]
) -> Digests:
    """Return the digests of functions of duplicates that documents which stay have too, sorted.

    `known` are all documents, sorted, and `stays` says which of them stay. The parts are read
    twice, so that only the functions of duplicates are in memory.
    """
    dropped = [_functions(part, known, ~stays) for part in fingerprints]
    asked = np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *dropped]))
    found = np.zeros(len(asked), dtype=np.bool_)
    for part in fingerprints if len(asked) else ():
        here = _functions(part, known, stays)
        here = here[among(asked, here)]
        found[np.searchsorted(asked, here)] = True
    return asked[found]


def _functions(part: Path, known: Identifiers, chosen: npt.NDArray[np.bool_]) -> Digests:
    """Return the digests of the functions of the documents of a part that are chosen."""
    table = read_part(part, columns=["document_id", "functions"])
    here = chosen[np.searchsorted(known, identifiers(table["document_id"]))]
    digests: Digests = pc.list_flatten(table["functions"].filter(pa.array(here))).to_numpy()
    return digests


def _lost(part: Path, dropped: pa.Table, functions: Digests) -> list[int]:
    """Return how many functions of each dropped document of a part are not in `functions`."""
    if not len(dropped):
        return []
    table = read_part(part, columns=["document_id", "functions"])
    rows = table.take(pc.index_in(dropped["document_id"], value_set=table["document_id"]))
    lists = rows["functions"].combine_chunks()
    theirs = pc.list_flatten(lists).to_numpy()
    owners = pc.list_parent_indices(lists).to_numpy()
    lost = ~among(functions, theirs)
    counts: list[int] = np.bincount(owners[lost], minlength=len(rows)).tolist()
    return counts


def of_kept(rows: pa.Table, kept: Path) -> pa.Table:
    """Return the rows whose document stays, with its `cluster_id` and `split`.

    What is known of its repository now takes the place of what ingest knew.
    """
    better = [name for name in HostRow.__annotations__ if name in rows.schema.names]
    places = read_part(kept, columns=["document_id", "cluster_id", "split", *better])
    found = pc.index_in(rows["document_id"], value_set=places["document_id"])
    rows, places = rows.filter(pc.is_valid(found)), places.take(pc.drop_null(found))
    for name in ("cluster_id", "split"):
        rows = rows.append_column(KEPT.field(name), places[name])
    for name in better:
        place = rows.schema.get_field_index(name)
        known = pc.coalesce(places[name], rows[name])
        rows = rows.set_column(place, rows.schema.field(name), known)
    return rows


def _with_clusters(part: Path, clusters: pa.Table, known: Identifiers) -> pa.Table:
    """Return identity and size of the documents of a part with the columns of `tables.CLUSTERS`.

    `known` are the identifiers of the clusters' documents, sorted as these are.
    """
    documents = read_part(part, columns=[*(each.name for each in IDENTITY), "bytes"])
    found = clusters.take(
        pa.array(np.searchsorted(known, identifiers(documents["document_id"])), pa.int64())
    )
    for name in CLUSTERS.names[1:]:
        documents = documents.append_column(CLUSTERS.field(name), found[name])
    return documents


def _write_kept(documents: pa.Table, splits: pa.Table, told: Told, destination: Path) -> None:
    places = pc.index_in(documents["package"], value_set=splits["package"])
    table = documents.append_column("split", splits["split"].take(places))
    known = told.columns(documents["archive_sha256"], documents["content_id"])
    for field in known.schema:
        table = table.append_column(field, known[field.name])
    with replacing(destination) as temporary:
        write_part(table.select(KEPT.names).cast(KEPT), temporary)


def _rejects(documents: pa.Table, lost: Sequence[int], told: Told) -> pa.Table:
    rows = [
        _reject(row, count, told) for row, count in zip(documents.to_pylist(), lost, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=REJECTS)


def _opted_out(documents: pa.Table, why: Mapping[str, tuple[Reject, Entries]]) -> pa.Table:
    found: list[DuplicateRow] = documents.to_pylist()
    rows = [opted_out_row(row, *why[row["document_id"]], row["bytes"]) for row in found]
    return pa.Table.from_pylist(rows, schema=REJECTS)


def _contaminated(documents: pa.Table, why: Mapping[str, Reject]) -> pa.Table:
    found: list[DuplicateRow] = documents.to_pylist()
    rows = [reject_row(row, why[row["document_id"]], row["bytes"]) for row in found]
    return pa.Table.from_pylist(rows, schema=REJECTS)


def _reject(row: DuplicateRow, lost: int, told: Told) -> RejectRow:
    detail = f"Jaccard similarity {row['similarity']:.3f} to its representative"
    file = row["package"], row["content_id"] or ""
    if version := told.version_with(*file, row["representative_id"] or ""):
        detail = f"{detail}; {version} on Hex has the same file and is published from here"
    reject = Reject(Stage.DEDUPLICATE, DUPLICATE_REASONS[row["relation"]], detail)
    return reject_row(row, reject, row["bytes"], row["representative_id"], lost)
