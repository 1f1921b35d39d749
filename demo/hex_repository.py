"""Writes a signed Hex repository as plain files, and serves them on loopback.

The registry is what crawler/registry.py reads, in the other direction:

    FOLDER/names  FOLDER/versions  FOLDER/packages/NAME    signed registry resources
    FOLDER/tarballs/NAME-VERSION.tar                       the releases
    FOLDER/public_key                                      for HEX_PUBLIC_KEY
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from threading import Thread

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from corpus.atomic import write_bytes
from corpus.errors import CorpusError
from corpus.packages import Advisory
from crawler.proto import hex_registry_pb2 as wire
from crawler.registry import RETIREMENT_REASONS, SEVERITIES, Dependency, Retirement
from crawler.versions import Version
from demo.hex_tarball import Term, gzipped, inner_checksum, pack

__all__ = [
    "Publication",
    "listening",
    "pack",
    "private_key",
    "publish",
    "serve",
    "write_repository",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One release as the repository offers it. `published_at` is in seconds since the epoch."""

    name: str
    version: str
    tarball: bytes
    dependencies: tuple[Dependency, ...] = ()
    retirement: Retirement | None = None
    advisories: tuple[Advisory, ...] = ()
    published_at: int | None = None
    has_outer_checksum: bool = True
    """Registries from before 2019 have none."""


def publish(
    metadata: Mapping[str, Term],
    files: Mapping[str, bytes],
    *,
    retirement: Retirement | None = None,
    advisories: Sequence[Advisory] = (),
    published_at: int | None = None,
) -> Publication:
    """Pack a release and say of it in the registry what its metadata says."""
    return Publication(
        name=str(metadata["name"]),
        version=str(metadata["version"]),
        tarball=pack(metadata, files),
        dependencies=tuple(dependencies(metadata.get("requirements", {}))),
        retirement=retirement,
        advisories=tuple(advisories),
        published_at=published_at,
    )


def dependencies(requirements: Term) -> Iterator[Dependency]:
    """Read the metadata's requirements: a mapping from names to their fields."""
    assert isinstance(requirements, Mapping)
    for name, details in requirements.items():
        assert isinstance(details, Mapping)
        yield Dependency(
            package=name,
            requirement=str(details.get("requirement", ">= 0.0.0")),
            optional=bool(details.get("optional", False)),
            app=app if (app := str(details.get("app", name))) != name else None,
        )


class BrokenKey(CorpusError):
    """The private key kept from an earlier run cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: no RSA private key. Delete the file: it is made anew.")


def private_key(folder: Path) -> RSAPrivateKey:
    """Return the key kept in `folder`, made on the first call. RSA keys cannot be seeded.

    Raises BrokenKey.
    """
    path = folder / "private_key.pem"
    if not path.exists():
        key = generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_bytes(path, pem)
        path.chmod(0o600)
    return read_private_key(path)


def read_private_key(path: Path) -> RSAPrivateKey:
    """Read a key without a password. Raises BrokenKey."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BrokenKey(path) from error
    if not isinstance(key, RSAPrivateKey):
        raise BrokenKey(path)
    return key


def write_repository(
    publications: Iterable[Publication],
    folder: Path,
    key: RSAPrivateKey,
    repository: str = "demo",
) -> None:
    """Write the tarballs, the signed registry and the public key under `folder`."""
    releases = sorted(publications, key=lambda each: (each.name, Version.parse(each.version)))
    packages = {name: list(group) for name, group in groupby(releases, lambda each: each.name)}
    for each in releases:
        write_bytes(folder / "tarballs" / f"{each.name}-{each.version}.tar", each.tarball)
    for name, group in packages.items():
        payload = package_payload(name, group, repository)
        write_bytes(folder / "packages" / name, signed(payload, key))
    write_bytes(folder / "versions", signed(versions_payload(packages, repository), key))
    write_bytes(folder / "names", signed(names_payload(packages, repository), key))
    write_bytes(folder / "public_key", public_pem(key))


def public_pem(key: RSAPrivateKey) -> bytes:
    """Return the public half of a key in PEM form."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(payload: bytes, key: RSAPrivateKey) -> bytes:
    """Sign a payload and return the resource as it is served; the same input, the same bytes."""
    envelope = wire.Envelope(payload=payload, signature=key.sign(payload, PKCS1v15(), SHA512()))
    return gzipped(envelope.SerializeToString(deterministic=True))


def names_payload(
    names: Iterable[str], repository: str, updated: Mapping[str, int] | None = None
) -> bytes:
    """Serialise the index of names; `updated` is when packages changed, in seconds since 1970."""
    index = wire.NameIndex(repository=repository)
    for name in names:
        entry = index.packages.add(name=name)
        if updated and name in updated:
            entry.updated_at.seconds = updated[name]
            entry.updated_at.nanos = 0
    return index.SerializeToString(deterministic=True)


def versions_payload(packages: Mapping[str, Sequence[Publication]], repository: str) -> bytes:
    """Serialise the index of versions; the releases of a package come in ascending order."""
    index = wire.VersionIndex(repository=repository)
    for name, releases in packages.items():
        index.packages.add(
            name=name,
            versions=[each.version for each in releases],
            retired=[at for at, each in enumerate(releases) if each.retirement],
            with_advisories=[at for at, each in enumerate(releases) if each.advisories],
        )
    return index.SerializeToString(deterministic=True)


def package_payload(name: str, releases: Sequence[Publication], repository: str) -> bytes:
    """Serialise one package with all its releases."""
    index = wire.PackageIndex(name=name, repository=repository)
    advisories = list(dict.fromkeys(found for each in releases for found in each.advisories))
    index.advisories.extend(map(advisory_entry, advisories))
    for each in releases:
        index.releases.append(release_entry(each, advisories))
    return index.SerializeToString(deterministic=True)


def advisory_entry(advisory: Advisory) -> wire.AdvisoryEntry:
    """Describe one advisory."""
    url = advisory.url or f"https://osv.dev/vulnerability/{advisory.id}"
    entry = wire.AdvisoryEntry(
        id=advisory.id,
        summary=advisory.summary or advisory.id,
        html_url=url,
        api_url=url,
        aliases=advisory.aliases,
    )
    if advisory.severity is not None:
        entry.severity = SEVERITIES.index(advisory.severity)
    if advisory.score is not None:
        entry.cvss_score = advisory.score
    return entry


def release_entry(release: Publication, advisories: Sequence[Advisory]) -> wire.ReleaseEntry:
    """Describe one release; `advisories` are those of the package."""
    checksum = hashlib.sha256(release.tarball).digest()
    entry = wire.ReleaseEntry(
        version=release.version,
        inner_checksum=inner_checksum(release.tarball),
        outer_checksum=checksum if release.has_outer_checksum else None,
        advisory_indexes=[advisories.index(each) for each in release.advisories],
    )
    for each in release.dependencies:
        entry.dependencies.add(
            package=each.package,
            requirement=each.requirement,
            optional=each.optional,
            app=each.app,
            repository=each.repository,
        )
    if release.retirement:
        entry.retired.reason = RETIREMENT_REASONS.index(release.retirement.reason)
        entry.retired.message = release.retirement.message
    if release.published_at is not None:
        entry.published_at.seconds = release.published_at
        entry.published_at.nanos = 0
    return entry


class StaticFiles(BaseHTTPRequestHandler):
    """Answers GET with files of the server's folder, and 304 where the client has them."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        """Answer one request."""
        path = (self.folder / self.path.partition("?")[0].lstrip("/")).resolve()
        if not (path.is_relative_to(self.folder) and path.is_file()):
            return self.answer(HTTPStatus.NOT_FOUND, b"not found\n", etag=None)
        body = path.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if self.headers.get("If-None-Match") == etag:
            return self.answer(HTTPStatus.NOT_MODIFIED, b"", etag)
        return self.answer(HTTPStatus.OK, body, etag)

    def answer(self, status: HTTPStatus, body: bytes, etag: str | None) -> None:
        """Send one response."""
        self.send_response(status)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the crawler reports what it fetched."""


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve a folder on loopback and yield its address; port 0 takes a free one."""
    handler = type("Handler", (StaticFiles,), {"folder": folder.resolve()})
    with listening(handler, port) as url:
        yield url


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Answer requests to a port of loopback, and yield the address; port 0 takes a free one."""
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
