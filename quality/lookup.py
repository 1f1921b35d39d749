"""Which documents a release has, and in which split each is: the one table that is kept whole."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Release
from corpus.schema import SPLIT_NAMES
from quality.keys import Keys, among, joined, keys

Codes = npt.NDArray[np.int8]
MISSING = -1
BATCH_ROWS = 2048


@dataclass(frozen=True, slots=True)
class Lookup:
    """The documents' keys, sorted, and their splits: 17 bytes a document."""

    keys: Keys
    codes: Codes
    """Place of each document's split in SPLIT_NAMES."""

    def split_codes(self, ids: pa.Array) -> Codes:
        """Return the place in SPLIT_NAMES of each document's split, -1 for an unknown document."""
        encoded = ids.dictionary_encode()
        places = among(keys(encoded.dictionary), self.keys)
        codes = np.where(places < 0, MISSING, np.append(self.codes, MISSING)[places])
        of_each = np.asarray(pc.fill_null(encoded.indices, len(codes)))
        return np.asarray(np.append(codes, MISSING)[of_each], dtype=np.int8)


def read_lookup(release: Release, column: str = "document_id") -> Lookup:
    """Read the splits of all documents by an id of theirs; an unknown split counts as none."""
    ids, codes = [], [np.empty(0, dtype=np.int8)]
    for batch in release.batches("documents", [column, "split"], None, BATCH_ROWS):
        known = batch.filter(pc.is_valid(batch[column]))
        ids.append(keys(known[column]))
        codes.append(split_places(known["split"]))
    unordered = joined(ids)
    order = np.argsort(unordered, kind="stable")
    return Lookup(unordered[order], np.concatenate(codes)[order])


def split_places(splits: Any) -> Codes:
    """Return the place of each name in SPLIT_NAMES, -1 for an unknown one."""
    found = pc.index_in(splits, value_set=pa.array(SPLIT_NAMES))
    return np.asarray(pc.fill_null(found, MISSING)).astype(np.int8)
