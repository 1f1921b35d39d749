"""Who stands for a cluster: the order in which documents are preferred.

What stands in a folder for other people's code that is named after another package of the corpus
(`lib/vendor/jason/decoder.ex`) comes last, for that package may be younger than who copied it. Then
counts, in this order,

1. the package that was published first, by its first release that the store knows of, so that an
   original stands and not a later copy of it under another name; packages of unknown time
   come after all others, so that leaving it out gains nothing, and those that more packages require
   come first of them;
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

_GUEST = r"(?:^|/)(?:deps|vendor(?:ed)?|third[_-]?party|3rd[_-]?party|externals?)/([^/]+)/"
_GUESTS = re.compile(_GUEST)
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
        "guest": _guests(documents),
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


def _guests(documents: pa.Table) -> pa.Array:
    """Tell which documents stand in a folder for other people's code, named after their package."""
    import pyarrow.compute as pc

    is_guest = np.zeros(len(documents), dtype=bool)
    maybe = np.flatnonzero(pc.match_substring_regex(documents["path"], _GUEST))
    if len(maybe):
        packages = set(documents["package"].unique().to_pylist())
        rows = documents.select(["package", "path"]).take(pa.array(maybe)).to_pylist()
        is_guest[maybe] = [
            any(name in packages and name != row["package"] for name in named(row["path"]))
            for row in rows
        ]
    return pa.array(is_guest)


def named(path: str) -> list[str]:
    """Return the names of folders in folders for other people's code, less a version's number."""
    return [re.sub(r"-v?\d.*", "", folder).lower() for folder in _GUESTS.findall(path)]


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
