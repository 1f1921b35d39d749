"""What was dropped because it stands in the corpus already, and how close the calls were."""

import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.deduplicate import NearDuplicates
from corpus.reasons import Reason
from quality.report.figures import Numbers, Row, even_histogram, share, total
from quality.report.sources import Sources

SIMILARITY = re.compile(r"similarity (\d\.\d+)")
"""How `corpus.selection` tells the similarity in the detail of a reject."""
LARGEST = 10


def duplicates(sources: Sources) -> dict[str, Any]:
    """Return counts, cluster sizes, similarities and where duplicates came from."""
    dropped = sources.rejected_files
    exact, near = (
        dropped.filter(pc.equal(dropped["reason"], reason.value))
        for reason in (Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE)
    )
    compared = sources.documents.num_rows + exact.num_rows + near.num_rows
    both = pa.concat_tables([exact, near])
    threshold = _threshold(sources)
    return {
        "compared": compared,
        "threshold": threshold,
        "exact": _dropped(exact, compared),
        "near": _dropped(near, compared),
        "across_packages": _across_packages(sources, both),
        "similarities": _similarities(near, threshold),
        "clusters": _clusters(sources, both),
    }


def _threshold(sources: Sources) -> float:
    told = sources.release.manifest.config.get("duplicates", {})
    return float(told.get("threshold", NearDuplicates().threshold))


def _dropped(table: pa.Table, compared: int) -> Row:
    return {
        "documents": table.num_rows,
        "bytes": total(table, "bytes"),
        "share": share(table.num_rows, compared),
    }


def similarity_of(detail: str | None) -> float | None:
    """Return the similarity that a reject's detail tells, None where it tells none."""
    found = SIMILARITY.search(detail or "")
    return float(found[1]) if found else None


def _similarities(near: pa.Table, threshold: float) -> list[Row]:
    values = [similarity_of(detail) for detail in near["detail"].to_pylist()]
    known = np.array([value for value in values if value is not None])
    return even_histogram(known, threshold, 1.0, 15) if len(known) else []


def _representatives(sources: Sources, dropped: pa.Table, column: str) -> pa.ChunkedArray:
    """Return a column of the document that stands for each dropped one, null if it is unknown."""
    places = pc.index_in(
        dropped["representative_id"],
        value_set=sources.documents["document_id"].combine_chunks(),
    )
    return sources.documents[column].take(places)


def _across_packages(sources: Sources, dropped: pa.Table) -> Row:
    """Count duplicates of another package's document, and the pairs of packages they join most."""
    kept = _representatives(sources, dropped, "package").to_pylist()
    pairs = Counter(
        (package, other)
        for package, other in zip(dropped["package"].to_pylist(), kept, strict=True)
        if other is not None and package != other
    )
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:LARGEST]
    return {
        "documents": pairs.total(),
        "share": share(pairs.total(), dropped.num_rows),
        "pairs": [{"dropped": a, "kept": b, "documents": count} for (a, b), count in ordered],
    }


def _clusters(sources: Sources, dropped: pa.Table) -> Row:
    """Count clusters by size; a cluster is what hangs together over verified edges."""
    of_dropped = _representatives(sources, dropped, "cluster_id").drop_null()
    of_kept = sources.documents["cluster_id"]
    ids = pa.chunked_array([*of_kept.chunks, *of_dropped.chunks], pa.string())
    counts = pc.value_counts(ids.combine_chunks())
    sizes = counts.field("counts").to_numpy()
    order = np.lexsort((np.array(counts.field("values").to_pylist(), dtype=str), -sizes))
    largest = [counts[int(place)].as_py() for place in order[:LARGEST]]
    return {
        "count": len(sizes),
        "of_several": int((sizes > 1).sum()),
        "sizes": _sizes(sizes),
        "largest": [_largest(sources, item) for item in largest if item["counts"] > 1],
    }


def _sizes(sizes: Numbers) -> list[Row]:
    """Count clusters and files in ranges of size."""
    ranges = [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, None)]
    rows = []
    for least, most in ranges:
        within = sizes[(sizes >= least) & (sizes <= (most or np.inf))]
        row = {"from": least, "to": most, "clusters": len(within), "files": int(within.sum())}
        rows.append(row)
    return rows


def _largest(sources: Sources, cluster: Row) -> Row:
    """Name a cluster by the first of its documents."""
    documents = sources.documents
    of_cluster = documents.filter(pc.equal(documents["cluster_id"], cluster["values"]))
    first = of_cluster.sort_by("document_id").slice(0, 1).to_pylist()[0]
    return {
        "files": cluster["counts"],
        "kept": of_cluster.num_rows,
        "package": first["package"],
        "path": first["path"],
    }
