"""The documents that stand for dropped ones: package, version and cluster of each, by its id."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quality.keys import Keys, among, joined, keys
from quality.report.sources import Sources


@dataclass(frozen=True, slots=True)
class Kept:
    """All documents, sorted by key: 36 bytes each."""

    ids: Keys
    clusters: Keys
    packages: npt.NDArray[np.int32]
    """Place of each document's package and version in `names`."""
    names: tuple[tuple[str, str], ...]

    def packages_of(self, ids: pa.Array) -> list[tuple[str, str]]:
        """Return package and version of the documents known among `ids`, in their order."""
        return [self.names[place] for place in self.packages[self._places(ids)].tolist()]

    def clusters_of(self, ids: pa.Array) -> Keys:
        """Return the clusters of the documents that are known among `ids`, in their order."""
        return self.clusters[self._places(ids)]

    def knows(self, ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Say of each id, none of them null, whether there is such a document."""
        return among(keys(ids), self.ids) >= 0

    def _places(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        places = among(keys(ids), self.ids)
        return places[places >= 0]


def read_kept(sources: Sources) -> Kept:
    """Read ids, clusters and packages of all documents that have an id and a cluster."""
    ids, clusters, packages = [], [], [np.empty(0, dtype=np.int32)]
    numbers: dict[tuple[str, str], int] = {}
    columns = ["document_id", "cluster_id", "package", "version"]
    for batch in sources.batches("documents", columns):
        known = batch.filter(pc.and_(pc.is_valid(batch[0]), pc.is_valid(batch[1])))
        ids.append(keys(known[0]))
        clusters.append(keys(known[1]))
        names = zip(known[2].to_pylist(), known[3].to_pylist(), strict=True)
        places = [numbers.setdefault(name, len(numbers)) for name in names]
        packages.append(np.array(places, dtype=np.int32))
    unordered = joined(ids)
    order = np.argsort(unordered, kind="stable")
    return Kept(
        unordered[order], joined(clusters)[order], np.concatenate(packages)[order], tuple(numbers)
    )
