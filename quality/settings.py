"""The settings of the gate: its own thresholds, and the settings of the release's build.

The settings of the build are read from the manifest, so a release is checked by them and not by the
current defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from corpus.deduplicate import NearDuplicates
from corpus.filters import Limits
from corpus.fingerprint import FingerprintConfig
from corpus.licenses import LicensePolicy, is_license_id
from corpus.release import MANIFEST_NAME, MalformedManifest, Release


@dataclass(frozen=True, kw_only=True, slots=True)
class GateConfig:
    """Limits beyond which a promise is broken, or a warning is given."""

    parse_errors: float = 0.05
    """Share of documents in which the parser met an error. Elixir's and RabbitMQ's own sources are
    below 0.02 (macros and templates that no grammar knows). Above 0.05 the grammar or the reading
    of files is broken, and modules and functions cannot be trusted.
    """
    documents_in_split_clusters: float = 0.01
    """Share of documents whose cluster of near-duplicates has documents in another split. A cluster
    is a chain, so not all of its documents are similar to each other, and the splitter ignores
    boilerplate that many families share. Direct near-duplicates across splits are never accepted.
    """
    largest_package: float = 0.25
    """Share of all bytes from one package, warning only. Above a quarter, a model learns the style
    of one package. Small releases can reach it without an error.
    """
    smallest_split: float = 0.01
    """Share of documents in the smallest split, warning only. Below it, figures on that split are
    not precise: a hundred documents give a proportion to within ten points.
    """
    verified_licenses: float = 0.5
    """Least share of documents with a verified licence text, warning only. In a sample of 107 Hex
    releases 23 had no licence text, so a share below half means that the reading of licences is
    broken.
    """
    commonest_problem: float = 0.02
    """Share of documents that hold the same problem of a benchmark, warning only. Copies of one
    problem are rare in a corpus; what stands in every fiftieth document is boilerplate, and leaving
    it out costs more than it protects.
    """
    frame_rows: int = 50_000
    """Rows checked at once; a million rows without text took 0.43 GB."""
    examples: int = 3
    """Number of offending values shown per promise."""


RECODED = 2
"""A byte of a file takes at most this many bytes in a document: a Latin-1 character in UTF-8. The
removal of encoded spans only makes files shorter.
"""


Told = Mapping[str, object]
"""A part of the configuration as JSON holds it, not yet checked."""
Model = TypeVar("Model", NearDuplicates, FingerprintConfig)


@dataclass(frozen=True, slots=True)
class BuiltUnder:
    """The settings that decide which rows a release may hold."""

    policy: LicensePolicy
    duplicates: NearDuplicates
    fingerprint: FingerprintConfig
    longest_text: int
    """Bytes of UTF-8."""


def built_under(release: Release) -> BuiltUnder:
    """Read the settings of a release; defaults are used for those that its manifest lacks.

    Raises MalformedManifest for invalid settings.
    """
    try:
        return _read(release)
    except (TypeError, ValueError, AttributeError) as error:
        path = release.path / MANIFEST_NAME
        raise MalformedManifest(path, f"config: not valid settings of a build ({error})") from error


def _read(release: Release) -> BuiltUnder:
    ingest = ("ingest", "read")
    file = _whole(_told(release, *ingest, "file", "filters").get("file", Limits().file))
    return BuiltUnder(
        policy=_policy(_told(release, *ingest, "license")),
        duplicates=_as(NearDuplicates, _told(release, "duplicates")),
        fingerprint=_as(FingerprintConfig, _told(release, *ingest, "file", "fingerprint")),
        longest_text=RECODED * file,
    )


def _told(release: Release, *keys: str) -> Told:
    told: Told = release.manifest.config
    for key in keys:
        below = told.get(key, {})
        if not isinstance(below, Mapping):
            raise TypeError(f"{key} is {below!r}")
        told = below
    return told


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"file is {value!r}")
    return value


def _as(model: type[Model], told: Told) -> Model:
    """Return settings of a model; JSON has lists where the model has tuples."""
    known: dict[str, Any] = {}
    for name in (item.name for item in fields(model) if item.name in told):
        value = told[name]
        known[name] = tuple(value) if isinstance(value, list) else value
        default = getattr(model(), name)
        if not isinstance(known[name], (int, float) if type(default) is float else type(default)):
            raise TypeError(f"{name} is {value!r}")
    return model(**known)


def _policy(told: Told) -> LicensePolicy:
    """Return the licence policy. Unknown ids are left out, because they permit nothing."""
    known: dict[str, frozenset[str]] = {}
    for name in ("permitted", "permitted_extra"):
        if name in told:
            ids = told[name]
            if not isinstance(ids, Sequence):
                raise TypeError(f"{name} is {ids!r}")
            known[name] = frozenset(filter(is_license_id, ids))
    return LicensePolicy(**known)
