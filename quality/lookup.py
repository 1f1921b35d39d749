"""Which documents a release has, and in which split each is: the one table that is kept whole."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Release
from corpus.schema import SPLIT_NAMES

Codes = npt.NDArray[np.int8]
MISSING = -1


@dataclass(frozen=True, slots=True)
class Lookup:
    """Document ids and splits, about 70 bytes a document."""

    ids: pa.Array
    codes: Codes
    """Place of each document's split in SPLIT_NAMES."""

    def split_codes(self, ids: Any) -> Codes:
        """Return the place in SPLIT_NAMES of each document's split, -1 for an unknown document."""
        found = pc.index_in(ids, value_set=self.ids)
        places = pc.fill_null(found, MISSING).to_numpy(zero_copy_only=False)
        return np.where(places < 0, MISSING, np.append(self.codes, MISSING)[places]).astype(np.int8)


def read_lookup(release: Release) -> Lookup:
    """Read the ids and splits of all documents; an unknown split counts as none."""
    table = release.read("documents", ["document_id", "split"])
    return Lookup(table["document_id"].combine_chunks(), split_places(table["split"]))


def split_places(splits: Any) -> Codes:
    """Return the place of each name in SPLIT_NAMES, -1 for an unknown one."""
    found = pc.index_in(splits, value_set=pa.array(SPLIT_NAMES))
    return np.asarray(pc.fill_null(found, MISSING)).astype(np.int8)
