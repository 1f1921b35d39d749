"""The stage that reads fingerprints and writes the cluster and representative of each document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.atomic import replacing
from corpus.deduplicate.banding import band_keys, buckets
from corpus.deduplicate.configuration import NearDuplicates
from corpus.deduplicate.exact import joined
from corpus.deduplicate.order import package_keys, representative_order
from corpus.deduplicate.reading import read_heavy, read_light
from corpus.deduplicate.scratch import Scratch, open_scratch
from corpus.deduplicate.stars import InsidePackage, Stars, stars
from corpus.parts import write_part
from corpus.places import scratch_for
from corpus.tables import CLUSTERS

Indices = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint64]
SAME = ("normalized_id", "content_id")
"""Equal bytes have equal tokens only within one language: lib/page.ex may also be a template."""

_NO_KEYS = np.empty((0, 0), dtype=np.uint64)


def cluster(
    fingerprints: Sequence[Path],
    destination: Path,
    config: NearDuplicates,
    published: Mapping[tuple[str, str], int] | None = None,
) -> Path:
    """Write CLUSTERS, one row per document sorted by document_id, and return `destination`.

    Exact duplicates (equal normalized_id or content_id) form groups, whose most preferred documents
    are compared; see `stars` for which are dropped and `order` for which are preferred. `published`
    has, by source and package, the time when a package was first published, in microseconds since
    1970; missing packages come after all others. `cluster_id` is the smallest document_id that is
    connected by verified edges. The result depends on the set of documents only, not on their order
    or their division into parts. An existing `destination` is not changed.

    Raises BadFingerprints for input that ingest did not write, and OSError.
    """
    if destination.exists():
        return destination
    groups = _exact_groups(fingerprints, published or {})
    table = _table(groups, _near(fingerprints, scratch_for(destination), groups, config))
    with replacing(destination) as temporary:
        write_part(table, temporary)
    return destination


@dataclass(frozen=True, slots=True)
class _Groups:
    """Documents with equal tokens or equal bytes; groups are numbered by the preference of their
    first document.

    `rows` are the input's row numbers in order of preference; `ids` and `numbers` are the
    document_ids and groups in that order, and `leaders` the index in it of each group's first.
    `packages` and `paths` have one number per leader, equal for equal packages or paths.
    """

    rows: Indices
    ids: pa.StringArray
    numbers: Indices
    leaders: Indices
    packages: npt.NDArray[np.int32]
    paths: npt.NDArray[np.int32]


def _exact_groups(
    fingerprints: Sequence[Path], published: Mapping[tuple[str, str], int]
) -> _Groups:
    documents = read_light(fingerprints)
    codes = [_codes(documents[name]) for name in SAME]
    documents = documents.drop_columns(list(SAME))
    rows = representative_order(documents, published)
    numbers = joined(*(each[rows] for each in codes))
    leaders = np.unique(numbers, return_index=True)[1]
    leading = documents.select(["source", "package", "path"]).take(pa.array(rows[leaders]))
    return _Groups(
        rows,
        documents["document_id"].take(pa.array(rows)).combine_chunks(),
        numbers,
        leaders,
        _codes(package_keys(leading)).astype(np.int32),
        _codes(leading["path"]).astype(np.int32),
    )


def _codes(column: pa.ChunkedArray) -> Indices:
    """Return a number for each value, equal for equal values."""
    codes: Indices = column.combine_chunks().dictionary_encode().indices.to_numpy()
    return codes.astype(np.int64)


def _near(
    fingerprints: Sequence[Path], folder: Path, groups: _Groups, config: NearDuplicates
) -> Stars:
    """Compare the groups' leaders; documents without shingles are not candidates."""
    count = len(groups.leaders)
    with (
        open_scratch(folder, count, config.bands[0]) as scratch,
        open_scratch(folder, count, bands=0) as functions,
    ):
        first_functions = _spill(fingerprints, groups, config, scratch, functions)
        bands = (scratch.keys(band) for band in range(config.bands[0]))
        inside = InsidePackage(
            config.within_package,
            config.most_missing,
            config.most_in_vain,
            groups.packages,
            groups.paths,
            functions,
            first_functions,
        )
        return stars(buckets(bands, scratch.sizes > 0), scratch, config.threshold, inside)


def _spill(
    fingerprints: Sequence[Path],
    groups: _Groups,
    config: NearDuplicates,
    scratch: Scratch,
    functions: Scratch,
) -> Numbers:
    """Copy shingles and signatures of the groups' leaders from the parts to the scratch files.

    Return the smallest digest of a function of each; 0 if it has none.
    """
    first_functions = np.zeros(len(groups.leaders), dtype=np.uint64)
    number_of_row = np.full(len(groups.rows), -1)
    number_of_row[groups.rows[groups.leaders]] = np.arange(len(groups.leaders))
    first = 0
    for batch in read_heavy(fingerprints):
        numbers = number_of_row[first : first + len(batch.signatures)]
        first += len(numbers)
        leads = numbers >= 0
        numbers = numbers[leads]
        keys = band_keys(batch.signatures[leads], config.bands)
        scratch.add(numbers, *batch.shingles.of(leads), keys)
        sizes, digests = batch.functions.of(leads)
        functions.add(numbers, sizes, digests, _NO_KEYS)
        some = sizes > 0
        first_functions[numbers[some]] = digests[(np.cumsum(sizes) - sizes)[some]]
    return first_functions


def _table(groups: _Groups, settled: Stars) -> pa.Table:
    """Apply the results for groups to their documents, and sort by document_id."""
    import pyarrow.compute as pc

    ids = groups.ids
    representatives = settled.representatives[groups.numbers]
    places = groups.leaders[representatives]
    columns = {
        "document_id": ids,
        "cluster_id": ids.take(pa.array(_smallest(ids, settled.components[groups.numbers]))),
        "representative_id": ids.take(pa.array(places)),
        "relation": _relations(groups, representatives, places),
        "similarity": settled.similarities[groups.numbers].astype(np.float32),
    }
    table = pa.table(columns, schema=CLUSTERS)
    return table.take(pc.sort_indices(ids))


def _relations(groups: _Groups, representatives: Indices, places: Indices) -> pa.Array:
    same_code = representatives == groups.numbers
    itself = places == np.arange(len(places))
    return pa.array(np.where(itself, "representative", np.where(same_code, "exact", "near")))


def _smallest(ids: pa.StringArray, components: Indices) -> Indices:
    """Return for each document the index of the smallest document_id in its component."""
    import pyarrow.compute as pc

    by_id = pc.sort_indices(ids).to_numpy().astype(np.int64)
    found, first = np.unique(components[by_id], return_index=True)
    smallest = np.zeros(len(components), dtype=np.int64)
    smallest[found] = by_id[first]
    return smallest[components]
