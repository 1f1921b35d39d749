"""Who stands for a cluster: the order in which documents are preferred.

1. licence evidence: verified, text_only, declared_only, then anything else, so that what a release
   keeps is what it can best account for;
2. role: library, script, example, template, migration, config, benchmark, test, for people learn
   from the code that others call;
3. package name, so that copies inside one package meet, then its newest version (semantic
   versioning 2.0; what is no version comes last), so that a release holds current code;
4. path and document_id, which leave no two documents equal.

Across packages the name decides only because something must: fingerprints know neither who wrote a
file first nor who copied it.
"""

import re

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


def representative_order(documents: pa.Table) -> npt.NDArray[np.int64]:
    """Return row numbers, the most preferred document first.

    `documents` has the columns document_id, package, version, path, role and license_evidence.
    """
    import pyarrow.compute as pc

    keys = {
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


def _newest_first(versions: pa.ChunkedArray) -> list[str]:
    return sorted(versions.unique().to_pylist(), key=version_key, reverse=True)


def _place(values: pa.ChunkedArray, preference: tuple[str, ...] | list[str]) -> pa.ChunkedArray:
    """Replace each value by its place in `preference`; strangers come after all of them."""
    import pyarrow.compute as pc

    places = pc.index_in(values, value_set=pa.array(preference, pa.string()))
    return pc.fill_null(places, len(preference))
