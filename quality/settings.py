"""What a release was built under, as its manifest tells it, so that it is judged by that too."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from corpus.deduplicate import NearDuplicates
from corpus.filters import Limits
from corpus.fingerprint import FingerprintConfig
from corpus.instruct import KINDS
from corpus.licenses import LicensePolicy, is_license_id
from corpus.release import MANIFEST_NAME, MalformedManifest, Release

RECODED = 2
"""Bytes that a byte of a file can take in a document: a Latin-1 character in UTF-8. Cutting encoded
spans only makes files shorter."""


Model = TypeVar("Model", NearDuplicates, FingerprintConfig)


@dataclass(frozen=True, slots=True)
class BuiltUnder:
    """The settings that decide which rows a release may hold."""

    policy: LicensePolicy
    duplicates: NearDuplicates
    fingerprint: FingerprintConfig
    longest_text: int
    """Bytes of UTF-8."""
    kinds: tuple[str, ...] = tuple(KINDS)
    """Kinds of instruction rows."""


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
    read = ("ingest", "read")
    filters = _told(release, *read, "file", "filters")
    return BuiltUnder(
        policy=_policy(_told(release, *read, "license")),
        duplicates=_as(NearDuplicates, _told(release, "duplicates")),
        fingerprint=_as(FingerprintConfig, _told(release, *read, "file", "fingerprint")),
        longest_text=RECODED * filters.get("file", Limits().file),
    )


def _told(release: Release, *keys: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = release.manifest.config
    for key in keys:
        told = told.get(key, {})
    return told


def _as(model: type[Model], told: Mapping[str, Any]) -> Model:
    """Return settings of a model; JSON has lists where the model has tuples."""
    known: dict[str, Any] = {}
    for name in (item.name for item in fields(model) if item.name in told):
        value = told[name]
        known[name] = tuple(value) if isinstance(value, list) else value
        default = getattr(model(), name)
        if not isinstance(known[name], (int, float) if type(default) is float else type(default)):
            raise TypeError(f"{name} is {value!r}")
    return model(**known)


def _policy(told: Mapping[str, Any]) -> LicensePolicy:
    """Return the licence policy. An id that no licence has is left out: it permitted nothing."""
    known = {
        name: frozenset(filter(is_license_id, told[name]))
        for name in ("permitted", "permitted_extra")
        if name in told
    }
    return LicensePolicy(**known)
