"""The stage that gives every package its split."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from corpus.atomic import replacing
from corpus.schema import SPLITS
from corpus.split.configuration import SplitConfig
from corpus.split.kinship import count, join_kin, merged
from corpus.split.ranges import splits_of
from corpus.split.repository import PackageLinks, families_by_repository

READ = ("package", "cluster_id", "relation")
Row = tuple[str, str | None, bool]
"""A document's package, its cluster, and whether it stays in the release."""


def assign(
    packages: Sequence[PackageLinks],
    clusters: Path | None,
    fingerprints: Sequence[Path],
    destination: Path,
    config: SplitConfig,
) -> Path:
    """Write one row a package as `schema.SPLITS`, sorted by package; an existing file stays.

    `fingerprints` are parts of `schema.FINGERPRINTS`, of which only `document_id` and `package`
    are read; `clusters` is a table of `schema.CLUSTERS`, or None where nothing was compared. The
    order of packages and rows does not matter.
    """
    if destination.exists():
        return destination
    documents = list(read_documents(fingerprints, clusters))
    unlinked = [PackageLinks(name, ()) for name in sorted({row[0] for row in documents})]
    families = families_by_repository([*packages, *unlinked])
    by_family = ((families[name], cluster, is_kept) for name, cluster, is_kept in documents)
    census = count(by_family, config.boilerplate)
    joined = join_kin(census, config)
    families = {package: joined.get(family, family) for package, family in families.items()}
    filled = +merged(census.kept, joined)
    write_splits(families, splits_of(set(families.values()), filled, config), destination)
    return destination


def read_documents(fingerprints: Sequence[Path], clusters: Path | None) -> Iterator[Row]:
    """Yield a row a document, in no particular order."""
    import pyarrow.parquet as pq

    columns = ["document_id", "package"]
    parts = [pq.read_table(part, columns=columns) for part in fingerprints]
    if clusters is None or not parts:
        yield from ((name, None, True) for part in parts for name in part["package"].to_pylist())
        return
    table = pq.read_table(clusters, columns=["document_id", "cluster_id", "relation"])
    joined = pa.concat_tables(parts).join(table, "document_id", join_type="left outer")
    for batch in joined.to_batches():
        for row in zip(*(batch[name].to_pylist() for name in READ), strict=True):
            yield row[0], row[1], row[2] == "representative"


def write_splits(families: Mapping[str, str], splits: Mapping[str, str], to: Path) -> None:
    """Write the table of packages, whole or not at all."""
    import pyarrow.parquet as pq

    rows = [
        {"package": package, "family": family, "split": splits[family]}
        for package, family in sorted(families.items())
    ]
    with replacing(to) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=SPLITS), temporary)
