"""Ids in sixteen bytes: a digest of each, for where nothing but equality matters.

As text an id takes 68 bytes in Arrow and 113 in Python. Two different ones share sixteen bytes of
BLAKE2 about never, whoever chose them.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

KEY_BYTES = 16
Keys = npt.NDArray[np.bytes_]
NO_KEYS: Keys = np.empty(0, dtype=f"S{KEY_BYTES}")


def keys(ids: pa.Array) -> Keys:
    """Return a key for each id, whatever it looks like; nulls are left out."""
    digests = (
        hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()
        for text in ids.drop_null().to_pylist()
    )
    return np.frombuffer(b"".join(digests), dtype=NO_KEYS.dtype)


def joined(parts: list[Keys]) -> Keys:
    """Return all parts end to end."""
    return np.concatenate([NO_KEYS, *parts])


def among(wanted: Keys, ordered: Keys) -> npt.NDArray[np.int64]:
    """Return the first place of each wanted key in `ordered`, which is sorted; -1 for none."""
    if not len(ordered):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[places] == wanted, places, -1)
