"""What a release is judged by: the gate's own thresholds, and what the release was built under.

The manifest tells the settings of the build, so that a release is held to those and not to defaults
of today.
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
    """Limits above or below which a promise is broken, or worth a warning."""

    parse_errors: float = 0.05
    """Share of documents in which the parser met an error. Elixir's and RabbitMQ's own sources
    stay under 0.02 (macros and templates that no grammar knows); beyond 0.05 the grammar or the
    reading of files is broken, and modules and functions cannot be trusted."""
    documents_in_split_clusters: float = 0.01
    """Share of documents whose cluster of near-duplicates reaches into another split. A cluster is
    a chain: its ends need not resemble each other, and boilerplate that many families share is
    left alone by the splitter. Direct near-duplicates across splits are never tolerated."""
    largest_package: float = 0.25
    """Share of all bytes from one package, warning only. Above a quarter, a model learns one
    team's habits; small releases reach it without any error."""
    smallest_split: float = 0.01
    """Share of documents in the smallest split, warning only. Below it, figures on that split are
    noise: a hundred documents give a proportion to within ten points."""
    verified_licenses: float = 0.5
    """Least share of documents whose licence text was read and agrees, warning only. In a sample
    of 107 Hex releases 23 shipped no text at all, so less than half is a reader that broke."""
    frame_rows: int = 50_000
    """Rows judged at once; 0.43 GB a million rows were measured without the text."""
    examples: int = 3
    """Offending values shown a promise."""


RECODED = 2
"""Bytes that a byte of a file can take in a document: a Latin-1 character in UTF-8. Cutting encoded
spans only makes files shorter."""


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
    """Read the settings of a release; the defaults where its manifest tells none.

    Raises MalformedManifest for settings that no build can have.
    """
    try:
        return _read(release)
    except (TypeError, ValueError, AttributeError) as error:
        path = release.path / MANIFEST_NAME
        raise MalformedManifest(path, f"config: no settings of a build ({error})") from error


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
    """Return the licence policy. An id that no licence has is left out: it permitted nothing."""
    known: dict[str, frozenset[str]] = {}
    for name in ("permitted", "permitted_extra"):
        if name in told:
            ids = told[name]
            if not isinstance(ids, Sequence):
                raise TypeError(f"{name} is {ids!r}")
            known[name] = frozenset(filter(is_license_id, ids))
    return LicensePolicy(**known)
