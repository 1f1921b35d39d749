"""The stage that gives every package its split."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.identifiers import identifiers
from corpus.packages import Link
from corpus.parts import read_part, write_part
from corpus.split.configuration import SplitConfig
from corpus.split.kinship import Document, Kin, count, join_kin, merged
from corpus.split.ranges import splits_of
from corpus.split.repository import PackageLinks, families_by_repository
from corpus.tables import SPLITS

READ = ("package", "path", "role", "tokens")


def assign(
    packages: Sequence[PackageLinks],
    clusters: Path | None,
    fingerprints: Sequence[Path],
    destination: Path,
    config: SplitConfig,
    published: Mapping[tuple[str, str], int] = MappingProxyType({}),
    aligned: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write one row a package as `tables.SPLITS`, sorted by package; an existing file stays.

    `fingerprints` are parts of `tables.FINGERPRINTS`, of which shingles, signatures and functions
    are not read; `clusters` is a table of `tables.CLUSTERS`, or None where nothing was compared.
    `published` says by source and package when a package was first published, the smaller the
    earlier; `aligned` are packages and the repositories that have their files.
    The order of packages and rows does not matter.
    """
    if destination.exists():
        return destination
    known = {name for part in fingerprints for name in _packages(part)}
    unlinked = [PackageLinks(name, ()) for name in sorted(known)]
    linked = families_by_repository([*packages, *unlinked], aligned)
    census = count(read_documents(fingerprints, clusters, linked), config.boilerplate)
    joined, reasons = join_kin(census, config, _first_of_families(published, linked))
    families = {package: joined.get(family, family) for package, family in linked.items()}
    filled = +merged(census.kept, joined)
    splits = splits_of(set(families.values()), filled, config)
    siblings = Counter(linked.values())
    rows = [
        {
            "package": package,
            "family": families[package],
            **_why(family, siblings[family], reasons.get(family)),
            "split": splits[families[package]],
        }
        for package, family in sorted(linked.items())
    ]
    with replacing(destination) as temporary:
        write_part(pa.Table.from_pylist(rows, schema=SPLITS), temporary)
    return destination


def links_of(archives: Sequence[Path]) -> list[PackageLinks]:
    """Return the packages in parts of `tables.READ_ARCHIVES`, with their redacted links.

    A repository names a family, so what is private in its address would be in the attribution.
    """
    found: dict[PackageLinks, None] = {}
    for part in archives:
        for row in read_part(part, columns=["package", "links"]).to_pylist():
            found[PackageLinks(row["package"], tuple(Link(**each) for each in row["links"]))] = None
    return list(found)


def _first_of_families(
    published: Mapping[tuple[str, str], int], families: Mapping[str, str]
) -> dict[str, int]:
    """Return when the first package of each family was published, if that is known."""
    first: dict[str, int] = {}
    for (_, package), time in published.items():
        if (family := families.get(package)) is not None:
            first[family] = min(time, first.get(family, time))
    return first


class Why(TypedDict):
    """The columns of `tables.FAMILY` that say why a package is in its family."""

    joined_by: str | None
    joined_with: str | None
    joined_share: float | None
    joined_documents: int | None


def _why(family: str, packages: int, kin: Kin | None) -> Why:
    if kin is not None:
        return Why(
            joined_by="kinship",
            joined_with=kin.family,
            joined_share=kin.share,
            joined_documents=kin.documents,
        )
    by, other = ("repository", family) if packages > 1 else (None, None)
    return Why(joined_by=by, joined_with=other, joined_share=None, joined_documents=None)


def _packages(part: Path) -> list[str]:
    names: list[str] = read_part(part, columns=["package"])["package"].unique().to_pylist()
    return names


def read_documents(
    fingerprints: Sequence[Path], clusters: Path | None, families: Mapping[str, str]
) -> Iterator[Document]:
    """Yield the documents in the order of the parts; `clusters` is sorted by document_id.

    A document that is alone in its cluster has none here: it is in common with nobody.
    """
    if clusters is None:
        for part in fingerprints:
            documents = read_part(part, columns=READ)
            for row in zip(*(documents[name].to_pylist() for name in READ), strict=True):
                yield Document(families[row[0]], None, True, *row[1:])
        return
    settled = read_part(clusters, columns=["document_id", "cluster_id", "relation"])
    known = identifiers(settled["document_id"])
    numbers = settled["cluster_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    alone = pa.array(np.bincount(numbers)[numbers] == 1)
    names = pc.if_else(alone, pa.scalar(None, pa.string()), settled["cluster_id"])
    is_kept = pc.equal(settled["relation"], "representative")
    for part in fingerprints:
        documents = read_part(part, columns=["document_id", *READ])
        places = pa.array(np.searchsorted(known, identifiers(documents["document_id"])))
        columns = [names.take(places), is_kept.take(places), *map(documents.column, READ)]
        for row in zip(*(column.to_pylist() for column in columns), strict=True):
            cluster, stays, package, path, role, tokens = row
            yield Document(families[package], cluster, stays, path, role, tokens)
