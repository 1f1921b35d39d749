"""The registry of a Hex repository: signed, compressed protobuf resources in, typed values out.

Every resource is gzip around an envelope of a payload and its signature (RSA PKCS#1 v1.5 over
SHA-512). A resource is used only if its signature, its repository and, for a package, its name are
the expected ones. A mirror therefore need not be trusted, and cannot serve a resource of another
repository or package under a wrong name. The format is specified in
https://github.com/hexpm/specifications (registry-v2.md); crawler/proto/hex_registry.proto holds the
field numbers.

This is written here because Hex's clients are in Erlang and no client in Python was found.
Libraries are used for protobuf, RSA and gzip.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.message import DecodeError, Message

from corpus.errors import CorpusError
from corpus.packages import Advisory
from corpus.reasons import Reason
from crawler.proto import hex_registry_pb2 as wire

EXPANDED_LIMIT = 128 * 1024 * 1024
"""Maximum size of an expanded resource in bytes. The versions of all of hex.pm take a few
megabytes.
"""

RETIREMENT_REASONS = ("other", "invalid", "security", "deprecated", "renamed")
"""Names of the reasons for retirement by their number in the format."""
SEVERITIES = ("none", "low", "medium", "high", "critical")
"""Names of an advisory's severities by their number in the format."""


Item = TypeVar("Item")


class RegistryError(CorpusError):
    """A registry resource cannot be used; `reason` has the reason."""

    reason: Reason


class BadSignature(RegistryError):
    """The resource was not signed by the repository's key."""

    reason = Reason.BAD_SIGNATURE


class WrongRepository(RegistryError):
    """The resource is genuine, but is that of another repository or another package."""

    reason = Reason.WRONG_REPOSITORY


class MalformedRegistry(RegistryError):
    """The resource does not follow the specification."""

    reason = Reason.MALFORMED_REGISTRY


class UnusableKey(CorpusError):
    """The public key of the repository cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageVersions:
    """One package of the index of versions; `retired` and `advised` are among `versions`."""

    name: str
    versions: tuple[str, ...]
    retired: frozenset[str] = frozenset()
    advised: frozenset[str] = frozenset()
    """Versions that a security advisory names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """A dependency of a release. `app` and `repository` are None if they are the default."""

    package: str
    requirement: str
    optional: bool = False
    app: str | None = None
    repository: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Retirement:
    """Why a release was retired: one of RETIREMENT_REASONS, and the maintainer's message."""

    reason: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One release of a package. Checksums are hexadecimal; the time is ISO 8601 UTC.

    `outer_checksum` is the SHA-256 of the tarball; registries older than 2019 may lack it.
    """

    version: str
    outer_checksum: str | None
    dependencies: tuple[Dependency, ...] = ()
    retirement: Retirement | None = None
    advisories: tuple[Advisory, ...] = ()
    published_at: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageReleases:
    """All releases of one package, in the order of the registry."""

    name: str
    releases: tuple[Release, ...]

    @property
    def first_published_at(self) -> str | None:
        """When the package was first published, as far as the registry has times."""
        return min(self.published, default=None)

    @property
    def last_published_at(self) -> str | None:
        """When it was last published, as far as the registry has times."""
        return max(self.published, default=None)

    @property
    def published(self) -> list[str]:
        """The known times, in the order of the releases."""
        return [each.published_at for each in self.releases if each.published_at]


def read_public_key(path: Path) -> RSAPublicKey:
    """Read a repository's RSA public key from a PEM file. Raises UnusableKey."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UnusableKey(f"{path}: {said.rstrip('.')}. {KEY_ADVICE}") from error
    if not isinstance(key, RSAPublicKey):
        raise UnusableKey(f"{path}: not an RSA key. {KEY_ADVICE}")
    return key


KEY_ADVICE = (
    "Set HEX_PUBLIC_KEY to the file that holds the repository's public key in PEM form; most "
    "repositories serve theirs under /public_key."
)


def read_versions(body: bytes, key: RSAPublicKey, repository: str) -> tuple[PackageVersions, ...]:
    """Read `/versions`: yield every package of the repository with its versions.

    Raises BadSignature, WrongRepository and MalformedRegistry.
    """
    index = wire.VersionIndex()
    parse(index, open_envelope(body, key))
    check_repository(index.repository, repository)
    return tuple(package_versions(entry) for entry in index.packages)


def read_names(body: bytes, key: RSAPublicKey, repository: str) -> dict[str, str]:
    """Read `/names`: the time of each package's last change, if given; compare it for equality
    only.

    It also changes when a version is published again, which the index of versions does not show.
    Raises BadSignature, WrongRepository and MalformedRegistry.
    """
    index = wire.NameIndex()
    parse(index, open_envelope(body, key))
    check_repository(index.repository, repository)
    return {
        entry.name: f"{entry.updated_at.seconds}.{entry.updated_at.nanos:09}"
        for entry in index.packages
        if entry.HasField("updated_at")
    }


def read_package(body: bytes, key: RSAPublicKey, repository: str, name: str) -> PackageReleases:
    """Read `/packages/NAME`: the releases of one package.

    Raises BadSignature, WrongRepository (also for another package) and MalformedRegistry.
    """
    index = wire.PackageIndex()
    parse(index, open_envelope(body, key))
    check_repository(index.repository, repository)
    if index.name != name:
        raise WrongRepository(f"asked for the package {name!r}, the registry's is {index.name!r}")
    advisories = tuple(map(advisory, index.advisories))
    releases = tuple(release(entry, advisories) for entry in index.releases)
    return PackageReleases(name=name, releases=releases)


def open_envelope(body: bytes, key: RSAPublicKey) -> bytes:
    """Return the payload of a resource as it was served. Raises BadSignature, MalformedRegistry."""
    envelope = wire.Envelope()
    parse(envelope, expand(body))
    try:
        key.verify(envelope.signature, envelope.payload, PKCS1v15(), SHA512())
    except InvalidSignature:
        raise BadSignature(
            "the signature does not match the payload and the repository's public key"
        ) from None
    return envelope.payload


def expand(body: bytes, limit: int = EXPANDED_LIMIT) -> bytes:
    """Decompress exactly one complete gzip member. Raises MalformedRegistry."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        expanded = inflater.decompress(body, limit)
    except zlib.error as error:
        raise MalformedRegistry(f"not gzip: {error}") from error
    if inflater.unconsumed_tail:
        raise MalformedRegistry(f"expands to more than {limit} bytes")
    if not inflater.eof or inflater.unused_data:
        raise MalformedRegistry("not one whole gzip member")
    return expanded


def parse(message: Message, data: bytes) -> None:
    """Parse `message` from its serialised form. Raises MalformedRegistry."""
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise MalformedRegistry(f"not a registry resource: {error}") from error


def check_repository(found: str, expected: str) -> None:
    """Raise WrongRepository unless a resource belongs to the requested repository."""
    if found != expected:
        raise WrongRepository(
            f"the resource belongs to the repository {found!r}, not {expected!r} "
            "(the setting HEX_REPOSITORY_NAME)"
        )


def package_versions(entry: wire.VersionEntry) -> PackageVersions:
    """Convert one package of the index of versions."""
    versions = tuple(entry.versions)
    return PackageVersions(
        name=entry.name,
        versions=versions,
        retired=frozenset(pick(versions, entry.retired)),
        advised=frozenset(pick(versions, entry.with_advisories)),
    )


def advisory(entry: wire.AdvisoryEntry) -> Advisory:
    """Convert an advisory; a severity that is not in the specification yet is unknown."""
    known = entry.HasField("severity") and 0 <= entry.severity < len(SEVERITIES)
    is_scored = entry.HasField("cvss_score") and 0 <= entry.cvss_score <= 10
    return Advisory(
        id=entry.id,
        summary=entry.summary or None,
        severity=SEVERITIES[entry.severity] if known else None,
        score=round(entry.cvss_score, 1) if is_scored else None,
        url=entry.html_url or None,
        aliases=tuple(entry.aliases),
    )


def release(entry: wire.ReleaseEntry, advisories: Sequence[Advisory]) -> Release:
    """Convert one release; `advisories` are those of its package."""
    return Release(
        version=entry.version,
        outer_checksum=checksum(entry),
        dependencies=tuple(dependency(each) for each in entry.dependencies),
        retirement=retirement(entry.retired) if entry.HasField("retired") else None,
        advisories=tuple(pick(advisories, entry.advisory_indexes)),
        published_at=instant(entry.published_at) if entry.HasField("published_at") else None,
    )


def checksum(entry: wire.ReleaseEntry) -> str | None:
    """Return the outer checksum in hexadecimal. Raises MalformedRegistry on a wrong length."""
    if not entry.HasField("outer_checksum"):
        return None
    if len(entry.outer_checksum) != 32:
        raise MalformedRegistry(f"{entry.version}: the outer checksum is not a SHA-256 digest")
    return entry.outer_checksum.hex()


def dependency(entry: wire.DependencyEntry) -> Dependency:
    """Convert one dependency of a release."""
    return Dependency(
        package=entry.package,
        requirement=entry.requirement,
        optional=entry.optional,
        app=entry.app or None,
        repository=entry.repository or None,
    )


def retirement(entry: wire.RetirementEntry) -> Retirement:
    """Convert a retirement; a reason that is not in the specification yet keeps its number."""
    known = 0 <= entry.reason < len(RETIREMENT_REASONS)
    reason = RETIREMENT_REASONS[entry.reason] if known else f"reason {entry.reason}"
    return Retirement(reason=reason, message=entry.message)


def instant(entry: wire.Instant) -> str:
    """Convert a point in time to ISO 8601, to the second. Raises MalformedRegistry."""
    try:
        return datetime.fromtimestamp(entry.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError) as error:
        raise MalformedRegistry(f"{entry.seconds} seconds are no point in time") from error


def pick(values: Sequence[Item], positions: Sequence[int]) -> Iterator[Item]:
    """Yield the values at `positions`. Raises MalformedRegistry where there is none."""
    for position in positions:
        if not 0 <= position < len(values):
            raise MalformedRegistry(f"index {position} into a list of {len(values)}")
        yield values[position]
