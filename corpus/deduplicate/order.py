"""The representative of a cluster: the order in which documents are preferred.

A file in a vendor folder that is named after another package of the corpus
(`lib/vendor/jason/decoder.ex`) comes last, because that package may be younger than its copy. All
other files are ordered by

1. the package that was published first, by its first release in the store, so that an original is
   kept and not a later copy under another name; packages of unknown time come last, so that
   omitting the time gains nothing, and of these the ones that more packages require come first;
2. licence evidence: verified, text_only, declared_only, then anything else, so that a release has
   documents with the best evidence;
3. role: library, script, example, guide, template, migration, config, benchmark, test, because
   people learn from code that others call;
4. package name, so that copies inside one package are adjacent, then its newest version (semantic
   versioning 2.0; invalid versions come last), so that a release has current code;
5. path and document_id, so that no two documents are equal.
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
    "guide",
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
    """Return the sort key of versions by semantic versioning, old first; invalid versions sort
    first.

    Versions of equal precedence (build metadata) are sorted as text.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return ((), (), version)
    *numbers, prerelease = found.groups()
    return (tuple(int(number or 0) for number in numbers), _prerelease_key(prerelease), version)


def _prerelease_key(prerelease: str | None) -> tuple[tuple[int, int, str], ...]:
    """Numbers sort before words, fewer identifiers before more, and pre-releases first."""
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
    license_evidence. `published` has a time by source and package; smaller is earlier.
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
    """Return a text for each document, equal for the same source and package."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(documents["source"], documents["package"], "\0")


def _guests(documents: pa.Table) -> pa.Array:
    """Return which documents are in a vendor folder named after another package of the corpus."""
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
    """Return the names of folders inside vendor folders, without version numbers."""
    return [re.sub(r"-v?\d.*", "", folder).lower() for folder in _GUESTS.findall(path)]


def _times(documents: pa.Table, published: Mapping[tuple[str, str], int]) -> pa.Array:
    """Return when the package of each document was first published; unknown times sort last."""
    encoded = package_keys(documents).combine_chunks().dictionary_encode()
    names = (name.split("\0", 1) for name in encoded.dictionary.to_pylist())
    times = [published.get((source, package), _NEVER) for source, package in names]
    return pa.array(times, pa.int64()).take(encoded.indices)


def _newest_first(versions: pa.ChunkedArray) -> list[str]:
    return sorted(versions.unique().to_pylist(), key=version_key, reverse=True)


def _place(values: pa.ChunkedArray, preference: tuple[str, ...] | list[str]) -> pa.ChunkedArray:
    """Replace each value by its index in `preference`; unknown values come last."""
    import pyarrow.compute as pc

    places = pc.index_in(values, value_set=pa.array(preference, pa.string()))
    return pc.fill_null(places, len(preference))
