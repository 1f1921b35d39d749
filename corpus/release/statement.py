"""The in-toto statement of a release: its files, and the inputs that they were made from.

`provenance.intoto.json` is beside the manifest. Its subjects are the manifest and every file that
the manifest lists; its predicate is SLSA Provenance 1.0 (https://slsa.dev/spec/v1.0/provenance).
All of it follows from the manifest, so the same release has the same statement, `verify` can
compute it again, and it has no time stamp. The manifest does not list it: a manifest that listed it
could not be its subject, and signing would change the identity of a release.

A signature is made with the user's Ed25519 key, in an envelope beside the statement
(`provenance.dsse.json`; https://github.com/secure-systems-lab/dsse, version 1). Without a signature
a statement is as trustworthy as its source; a signature attests that the holder of the key signed
it.
"""

import base64
import binascii
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from urllib.parse import quote

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError
from corpus.identifiers import purl
from corpus.provenance import DISTRIBUTION
from corpus.release.manifest import MANIFEST_NAME, Manifest
from corpus.untrusted import parse_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

STATEMENT_NAME, ENVELOPE_NAME = "provenance.intoto.json", "provenance.dsse.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = f"urn:{DISTRIBUTION}:build:v1"
"""The type of the build; docs/provenance.md documents its parameters."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
LARGEST_KEY = 100_000
"""Maximum size of a key file."""


class UnusableKey(CorpusError):
    """A file is not an Ed25519 key of the required kind (private or public)."""

    def __init__(self, path: Path, kind: str, detail: str) -> None:
        super().__init__(
            f"{path}: no {kind} key that can be used: {detail}. It has to be an Ed25519 key in PEM "
            "without a password, as `openssl genpkey -algorithm ed25519` writes it and "
            "`openssl pkey -pubout` its public half."
        )


class Digests(TypedDict, total=False):
    """A digest set of in-toto: digests in hexadecimal by algorithm."""

    sha256: str
    gitCommit: str


class Subject(TypedDict):
    """A file, and its digest."""

    name: str
    digest: Digests


class Dependency(TypedDict, total=False):
    """A resource descriptor of in-toto: something that the build read or used."""

    uri: str
    digest: Digests
    annotations: dict[str, str]


class Checked(NamedTuple):
    """A problem with a file beside the manifest."""

    path: str
    detail: str


def statement(manifest: Manifest, manifest_digest: str) -> bytes:
    """Return the statement of a release as canonical JSON.

    `manifest_digest` is the SHA-256 of its manifest.json.
    """
    files = {MANIFEST_NAME: manifest_digest}
    files |= {shard.path: shard.sha256 for shard in manifest.shards}
    files |= {artifact.path: artifact.sha256 for artifact in manifest.artifacts}
    subjects = [
        Subject(name=path, digest=Digests(sha256=digest)) for path, digest in sorted(files.items())
    ]
    parent = manifest.parent
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "config": manifest.config,
                        "configDigest": manifest.config_digest,
                    },
                    "internalParameters": {
                        "version": manifest.version,
                        "buildDigest": manifest.build_digest,
                        "parent": parent
                        and {"version": parent.version, "identity": parent.identity},
                    },
                    "resolvedDependencies": [
                        *_archives(manifest),
                        *_tags(manifest),
                        *_benchmarks(manifest),
                        *_code(manifest),
                    ],
                },
                "runDetails": {
                    "builder": {
                        "id": purl("", DISTRIBUTION, ""),
                        "version": {DISTRIBUTION: manifest.code_version},
                    },
                    "metadata": {"invocationId": manifest.build_digest},
                },
            },
        }
    )


def _benchmarks(manifest: Manifest) -> list[Dependency]:
    """Return every benchmark that documents were compared with, by the digest of its files."""
    return [
        Dependency(uri=f"urn:benchmark:{quote(each.name)}", digest=Digests(sha256=each.digest))
        for each in manifest.benchmarks
    ]


def _archives(manifest: Manifest) -> list[Dependency]:
    """Return every archive that was read, also those without a kept file."""
    return [
        Dependency(
            uri=purl(each.source, each.package, each.version),
            digest=Digests(sha256=each.sha256),
            annotations={"kept": "yes" if each.kept else "no"},
        )
        for each in manifest.inputs
    ]


def _tags(manifest: Manifest) -> list[Dependency]:
    """Return every commit of a tag that packages were compared with."""
    return [
        Dependency(
            uri=purl(each.source, each.package, each.version),
            digest=Digests(sha256=each.sha256),
            annotations={"kept": "no", "tag": each.tag},
        )
        for each in manifest.tags
    ]


def _code(manifest: Manifest) -> list[Dependency]:
    """Return this project's code, and the libraries that can change a release's bytes."""
    ours = Dependency(
        uri=purl("", DISTRIBUTION, manifest.code_version),
        annotations={"codeDigest": manifest.code_digest},
    )
    if manifest.code_commit is not None:
        ours["digest"] = Digests(gitCommit=manifest.code_commit)
    tools = sorted(manifest.tools.items())
    return [ours, *(Dependency(uri=_tool(name, version)) for name, version in tools)]


def _tool(name: str, version: str) -> str:
    """Return the purl of a library: those with a scope are from npm, all others from PyPI."""
    kind = "npm" if name.startswith("@") else "pypi"
    return f"pkg:{kind}/{quote(name)}@{quote(version)}"


def write_statement(folder: Path, manifest: Manifest) -> None:
    """Write the statement of a release whose manifest is written."""
    write_bytes(folder / STATEMENT_NAME, statement(manifest, _digest(folder)))


def write_signed(folder: Path, manifest: Manifest, key: "Ed25519PrivateKey") -> None:
    """Write the statement of a release and the envelope with its signature.

    The same key gives the same bytes (RFC 8032).
    """
    payload = statement(manifest, _digest(folder))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {
                "keyid": key_id(key.public_key()),
                "sig": base64.b64encode(key.sign(encoded(payload))).decode(),
            }
        ],
    }
    write_bytes(folder / STATEMENT_NAME, payload)
    write_bytes(folder / ENVELOPE_NAME, canonical_json(envelope))


def encoded(payload: bytes) -> bytes:
    """Return the signed bytes: DSSE's pre-authentication encoding of type and payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def check(folder: Path, manifest: Manifest, key: Path | None = None) -> list[Checked]:
    """Return the problems of the statement and signature of a release.

    An earlier version of this project wrote no statement; a release that lists a bill of materials
    has one. The signature is checked with a public key; without one, an envelope must still hold
    the statement. Raises UnusableKey, and OSError.
    """
    expected = statement(manifest, _digest(folder))
    problems = []
    path = folder / STATEMENT_NAME
    if path.is_file():
        if path.read_bytes() != expected:
            problems.append(Checked(STATEMENT_NAME, "it is not the statement of this release"))
    elif any(each.path == "bom.cdx.json" for each in manifest.artifacts):
        problems.append(Checked(STATEMENT_NAME, "missing"))
    public = None if key is None else _public_key(key)
    envelope = folder / ENVELOPE_NAME
    if envelope.is_file():
        told = _problem(envelope.read_bytes(), expected, public)
        problems += [Checked(ENVELOPE_NAME, told)] if told else []
    elif public is not None:
        problems.append(Checked(ENVELOPE_NAME, "missing: the release is not signed"))
    return problems


def _problem(data: bytes, expected: bytes, key: "Ed25519PublicKey | None") -> str | None:
    """Return the problem of an envelope, or None."""
    from cryptography.exceptions import InvalidSignature

    try:
        told = parse_object(data)
        payload = base64.b64decode(str(told["payload"]), validate=True)
        signatures = [
            (str(each["keyid"]), base64.b64decode(str(each["sig"]), validate=True))
            for each in told["signatures"]
        ]
        if set(told) != {"payloadType", "payload", "signatures"}:
            raise ValueError("other keys")
    except (ValueError, KeyError, TypeError, binascii.Error):
        return "it is no DSSE envelope"
    if told["payloadType"] != PAYLOAD_TYPE or payload != expected:
        return "it does not hold the statement of this release"
    if key is None:
        return None
    of_key = [signature for name, signature in signatures if name == key_id(key)]
    if not of_key:
        return f"no signature is by the key {key_id(key)[:12]}..."
    for signature in of_key:
        try:
            key.verify(signature, encoded(payload))
        except InvalidSignature:
            return "its signature is wrong"
    return None


def key_id(key: "Ed25519PublicKey") -> str:
    """Return the name of a key: SHA-256 of its SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def private_key(path: Path) -> "Ed25519PrivateKey":
    """Read the key that signs. Raises UnusableKey, and OSError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_key_file(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(path, "private", str(error).split(".")[0]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(path, "private", "it is of another kind")
    return key


def _public_key(path: Path) -> "Ed25519PublicKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_key_file(path))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(path, "public", str(error).split(".")[0]) from error
    if not isinstance(key, Ed25519PublicKey):
        raise UnusableKey(path, "public", "it is of another kind")
    return key


def _key_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_KEY)


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).hexdigest()
