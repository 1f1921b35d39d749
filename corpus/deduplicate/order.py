"""Who stands for a cluster: the order in which documents are preferred.

1. the package that was published first, by its first release that the store knows of, so that an
   original stands and not a later copy of it under another name; packages whose time nobody knows
   come after all others, so that leaving it out gains nothing;
2. licence evidence: verified, text_only, declared_only, then anything else, so that what a release
   keeps is what it can best account for;
3. role: library, script, example, template, migration, config, benchmark, test, for people learn
   from the code that others call;
4. package name, so that copies inside one package meet, then its newest version (semantic
   versioning 2.0; what is no version comes last), so that a release holds current code;
5. path and document_id, which leave no two documents equal.
"""

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

EVIDENCE = ("verified", "text_only", "declared_only")
ROLES = (
    "library",
    "script",
    "example",
    "template",
    "migration",
    "config",
    "benchmark",
    "test",
)

_NEVER = np.iinfo(np.int64).max
_VERSION = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]*)?", re.ASCII
)
VersionKey = tuple[tuple[int, ...], tuple[tuple[int, int, str], ...], str]


def version_key(version: str) -> VersionKey:
    """Return what sorts versions from old to new by semantic versioning; no version sorts first.

    Equal precedence (build metadata) falls back on the text.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return ((), (), version)
    *numbers, prerelease = found.groups()
    return (tuple(int(number or 0) for number in numbers), _prerelease_key(prerelease), version)


def _prerelease_key(prerelease: str | None) -> tuple[tuple[int, int, str], ...]:
    """Numbers before words, fewer identifiers before more, and a release after all of them."""
    if prerelease is None:
        return ((2, 0, ""),)
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in prerelease.split(".")
    )


def representative_order(
    documents: pa.Table, published: Mapping[tuple[str, str], int]
) -> npt.NDArray[np.int64]:
    """Return row numbers, the most preferred document first.

    `documents` has the columns document_id, source, package, version, path, role and
    license_evidence. `published` has a time by source and package, the smaller the earlier.
    """
    import pyarrow.compute as pc

    keys = {
        "published": _times(documents, published),
        "evidence": _place(documents["license_evidence"], EVIDENCE),
        "role": _place(documents["role"], ROLES),
        "package": documents["package"],
        "version": _place(documents["version"], _newest_first(documents["version"])),
        "path": documents["path"],
        "document_id": documents["document_id"],
    }
    rows = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    order: npt.NDArray[np.int64] = rows.to_numpy().astype(np.int64)
    return order


def package_keys(documents: pa.Table) -> pa.ChunkedArray:
    """Return a text for each document that is the same for the same source and package."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(documents["source"], documents["package"], "\0")


def _times(documents: pa.Table, published: Mapping[tuple[str, str], int]) -> pa.Array:
    """Return when the package of each document was first published, the last for the unknown."""
    encoded = package_keys(documents).combine_chunks().dictionary_encode()
    names = (name.split("\0", 1) for name in encoded.dictionary.to_pylist())
    times = [published.get((source, package), _NEVER) for source, package in names]
    return pa.array(times, pa.int64()).take(encoded.indices)


def _newest_first(versions: pa.ChunkedArray) -> list[str]:
    return sorted(versions.unique().to_pylist(), key=version_key, reverse=True)


def _place(values: pa.ChunkedArray, preference: tuple[str, ...] | list[str]) -> pa.ChunkedArray:
    """Replace each value by its place in `preference`; strangers come after all of them."""
    import pyarrow.compute as pc

    places = pc.index_in(values, value_set=pa.array(preference, pa.string()))
    return pc.fill_null(places, len(preference))
